import type { Logger } from 'pino'
import { childEnv } from '../../agent/child.ts'
import { McpTools } from '../../agent/mcp/mcp-tools.ts'
import type { McpServerInit } from '../../agent/mcp/mcp-tools.ts'
import type { McpReach } from '../../agent/mcp/connection.ts'
import { toolName } from '../../agent/mcp/offered-tool.ts'
import type { Secret } from '../../agent/secret.ts'
import { KithError } from '../../protocol/errors.ts'
import type { Database } from '../../store/database.ts'
import type { AgentConfig } from '../agent-config.ts'
import type { Alerts } from '../alerts.ts'
import type { Clock } from '../clock.ts'
import { McpToolStore } from './mcp-tool-store.ts'
import { SECRET_FORMS, parseSecretRef, resolveSecret } from './secrets.ts'

export interface McpPartsComponents {
  alerts: Pick<Alerts, 'raise'>
  clock: Pick<Clock, 'now'>
  database: Database
  log: Logger
  random: () => number
  redacted: (text: string) => string
}

export interface McpParts {
  mcp: McpTools
  /** Keys of servers: they are to stand in no answer. */
  serverKeys: readonly Secret[]
}

/**
 * The tools of the MCP servers in the config, whose programs start in `workspace`. What becomes of them goes to the
 * log, and to the owner.
 *
 * @throws {KithError} as `resolveSecret`
 */
export async function createMcpTools(
  { alerts, clock, database, log, random, redacted }: McpPartsComponents,
  servers: AgentConfig['mcp'],
  workspace: string,
): Promise<McpParts> {
  const keys = await keysOf(servers)
  const mcp = new McpTools(
    {
      ...{ random, redacted, memory: new McpToolStore(database), now: () => clock.now() },
      onSchemaChange: (server, tool) => {
        const name = toolName(server, tool)
        alerts.raise({
          kind: 'mcp-tool-changed',
          what: `the tool ${name} says something else of itself than when it was used first: it is withheld`,
          hint: `kith mcp-tools accept ${server}`,
        })
      },
      onFault: (server, err) => {
        log.warn({ server, err }, 'an mcp server failed')
      },
      onLooked: ({ others, server, tools }) => {
        const states = Object.fromEntries(tools.map(({ state, tool }) => [tool, state]))
        log.info({ server, tools: states, remote: { others } }, 'looked at an mcp server')
      },
    },
    { servers: servers.map((server) => serverOf(server, keys, workspace)) },
  )
  return { mcp, serverKeys: [...keys.values()] }
}

/** By the names of those servers that have one. @throws {KithError} as `resolveSecret` */
async function keysOf(servers: AgentConfig['mcp']): Promise<ReadonlyMap<string, Secret>> {
  const keys = new Map<string, Secret>()
  for (const { key, name } of servers) {
    if (key === undefined) continue
    const where = `agent.mcp.${name}.key`
    const ref = parseSecretRef(key)
    if (ref === undefined) {
      throw new KithError('usage', `${where}: say ${SECRET_FORMS}`, { what: where })
    }
    keys.set(name, await resolveSecret(ref, where))
  }
  return keys
}

function serverOf(
  server: AgentConfig['mcp'][number],
  keys: ReadonlyMap<string, Secret>,
  workspace: string,
): McpServerInit {
  const { class: toolClass, name, tools } = server
  return { name, tools, class: toolClass, reach: reachOf(server, keys.get(name), workspace) }
}

function reachOf(
  { env, name, run, url }: AgentConfig['mcp'][number],
  key: Secret | undefined,
  cwd: string,
): McpReach {
  if (url !== undefined) return { http: { url, ...(key === undefined ? {} : { key }) } }
  const [program, ...rest] = run ?? []
  // The schema of the config wants one of the two.
  if (program === undefined) throw new TypeError(`the MCP server ${name} has neither run nor url`)
  return { program: { argv: [program, ...rest], cwd, env: childEnv(process.env, env) } }
}
