import { createHash } from 'node:crypto'
import { z } from 'zod'
import { KithError } from '../../protocol/errors.ts'
import { singleLine } from '../../protocol/text.ts'
import type { ToolClass } from '../presets.ts'
import { parsed } from '../tools/tool.ts'
import type { Tool } from '../tools/tool.ts'
import type { McpReach } from './connection.ts'
import { KnownTools } from './known-tools.ts'
import type { KnownTool, KnownToolsComponents } from './known-tools.ts'
import { McpServer } from './mcp-server.ts'
import type { McpServerComponents } from './mcp-server.ts'
import { toolName } from './offered-tool.ts'
import type { OfferedTool } from './offered-tool.ts'

/** Longest input of a call, in bytes of its JSON. */
const MAX_INPUT_BYTES = 65_536

/** Longest names of tools that are not ours to choose, in code points, and most of them in a report. */
const MAX_NAME_CHARS = 64
const MAX_OTHERS = 100

/** Longest wait for an answer of a server, in ms. */
export const MCP_TIMEOUT_MS = 60_000

/** A server, as the owner's config has it. */
export interface McpServerInit {
  name: string
  reach: McpReach
  /** The only tools of it that are offered. */
  tools: readonly string[]
  /** What its tools are taken for, whatever they say of themselves. */
  class: ToolClass
}

export interface McpToolsInit {
  servers: readonly McpServerInit[]
  /** @default MCP_TIMEOUT_MS */
  timeoutMs?: number
}

export interface McpToolsComponents
  extends KnownToolsComponents, Omit<McpServerComponents, 'known'> {
  /** A server was looked at on its own account, so that somebody may be told what it has. */
  onLooked: (report: McpServerReport) => void
}

/** What is known of a server. */
export interface McpServerReport {
  server: string
  class: ToolClass
  tools: KnownTool[]
  /** Names of tools that it has and that are not allowed, as far as it was looked at since the node started. */
  others: string[]
}

interface Place {
  init: McpServerInit
  known: KnownTools
  server: McpServer
  /** The last look. One at a time: a server of which nothing is offered is ended after each. */
  looked: Promise<unknown>
}

const input = z.record(z.string(), z.unknown())

/** The tools of servers of the Model Context Protocol, by names such as `notes__search`. */
export class McpTools {
  readonly #components: McpToolsComponents
  readonly #places: ReadonlyMap<string, Place>
  readonly #stopping = new AbortController()
  #looks: Promise<unknown> = Promise.resolve()

  constructor(
    components: McpToolsComponents,
    { servers, timeoutMs = MCP_TIMEOUT_MS }: McpToolsInit,
  ) {
    this.#components = components
    const places = servers.map((init): [string, Place] => {
      const { name, reach, tools } = init
      const known = new KnownTools(components, { server: name, allowed: tools })
      const server = new McpServer({ ...components, known }, { server: name, reach, timeoutMs })
      return [name, { init, known, server, looked: Promise.resolve() }]
    })
    this.#places = new Map(places)
  }

  /**
   * Reads what is known, so that no server has to run before it is used. Those that nothing is known of are looked
   * at in the background.
   *
   * @throws {KithError} `corrupt`
   */
  async start(): Promise<void> {
    const places = [...this.#places.values()]
    for (const { known } of places) await known.open()
    const unknown = places.filter(
      ({ init, known }) =>
        init.tools.length === 0 || known.list().some(({ state }) => state === 'unknown'),
    )
    this.#looks = Promise.allSettled(
      unknown.map(async ({ init: { name } }) => {
        this.#components.onLooked(await this.look(name, this.#stopping.signal))
      }),
    )
  }

  /** Resolves once no server runs. */
  async stop(): Promise<void> {
    this.#stopping.abort(new KithError('stopping', 'the node stops', {}))
    await Promise.all([...this.#places.values()].map(({ server }) => server.stop()))
    await this.#looks
  }

  /** The tools that are offered now. */
  list(): Tool[] {
    return [...this.#places.values()].flatMap((place) =>
      place.known
        .list()
        .flatMap(({ offered, state, tool }) =>
          state === 'offered' && offered !== undefined ? [toolOf(place, tool, offered)] : [],
        ),
    )
  }

  /** The servers that have failed, and have not answered since. */
  faults(): { server: string; fault: Error }[] {
    return [...this.#places.values()].flatMap(({ server: { fault, name } }) =>
      fault === undefined ? [] : [{ server: name, fault }],
    )
  }

  /** What is known of each server, without starting any. */
  reports(): McpServerReport[] {
    return [...this.#places.values()].map(reportOf)
  }

  /**
   * What a server has, as it says now. It is started for that, and ended again where no tool of it is offered.
   *
   * @throws {KithError} `bad-request` for a server that there is not; `program-failed`; `store-failed`
   * @throws the signal's reason
   */
  async look(name: string, signal: AbortSignal): Promise<McpServerReport> {
    const place = this.#find(name)
    const look = place.looked.then(() => lookAt(place, signal))
    place.looked = look.catch(() => undefined)
    return await look
  }

  /**
   * Takes changed tools of a server as they are now, where that is what the owner was shown: each by its hash. Gives
   * the names of those that are offered again.
   *
   * @throws {KithError} `bad-request` for a server that there is not; `store-failed`
   */
  async accept(name: string, hashes: Readonly<Record<string, string>>): Promise<string[]> {
    return await this.#find(name).known.accept(hashes)
  }

  #find(name: string): Place {
    const place = this.#places.get(name)
    if (place !== undefined) return place
    const message = `there is no MCP server ${JSON.stringify(name)} in config.yaml`
    throw new KithError('bad-request', message, { what: 'server' }, { hint: 'kith mcp-tools list' })
  }
}

async function lookAt(place: Place, signal: AbortSignal): Promise<McpServerReport> {
  await place.server.look(signal)
  if (place.init.tools.length === 0) await place.server.rest()
  return reportOf(place)
}

function toolOf({ init, server }: Place, tool: string, offered: OfferedTool): Tool {
  const name = toolName(init.name, tool)
  const source = `MCP server ${init.name}`
  return {
    name,
    class: init.class,
    description: `${offered.description}\n(A tool of the ${source}: this text is its own.)`.trim(),
    inputSchema: z.record(z.string(), z.unknown()).parse(JSON.parse(offered.inputSchema)),
    plan(given) {
      const fields = parsed(input, given, name)
      const json = JSON.stringify(fields)
      assertFits(name, json)
      return {
        // What it does is up to the server: only the owner's word makes it one that reads.
        risk: init.class === 'read' ? 'safe' : 'caution',
        what: `${name} ${json}`,
        key: `${name} ${createHash('sha256').update(json).digest('hex')}`,
        run: async (signal) => ({ ...(await server.call(tool, fields, signal)), source }),
      }
    },
  }
}

/** @throws {KithError} `too-large` */
function assertFits(name: string, json: string): void {
  const bytes = Buffer.byteLength(json)
  if (bytes <= MAX_INPUT_BYTES) return
  throw new KithError('too-large', `the input of ${name} has more than ${MAX_INPUT_BYTES} bytes`, {
    bytes,
    limitBytes: MAX_INPUT_BYTES,
  })
}

function reportOf({ init, known }: Place): McpServerReport {
  return {
    server: init.name,
    class: init.class,
    tools: known.list(),
    others: known.others.slice(0, MAX_OTHERS).map((name) => singleLine(name, MAX_NAME_CHARS)),
  }
}
