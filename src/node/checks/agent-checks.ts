import { levelsOf } from '../../agent/budget.ts'
import type { McpTools } from '../../agent/mcp/mcp-tools.ts'
import { shellStanding } from '../../agent/tools/shell-sandbox.ts'
import type { Approvals } from '../agent/approvals.ts'
import type { Breakers } from '../agent/breakers.ts'
import type { Spending, Used } from '../agent/spending.ts'
import type { Config } from '../config.ts'
import type { Pins } from '../pins.ts'
import { minuteText, ok, warn } from './finding.ts'
import type { Finding } from './finding.ts'

/** What the checks of the agent look at. */
export interface AgentChecked {
  readonly agent: {
    readonly approvals: Pick<Approvals, 'pending'>
    readonly breakers: Pick<Breakers, 'list'>
    readonly mcp: Pick<McpTools, 'faults' | 'reports'>
    readonly spending: Pick<Spending, 'today'>
  }
  readonly pins: Pick<Pins, 'peers'>
}

/** Whether the tool `shell` is there as the config wants it. Looked at on this machine, each time. */
export async function shellFinding({
  engine,
  shell,
  tools,
}: Pick<Config['agent'], 'engine' | 'shell' | 'tools'>): Promise<Finding> {
  if (engine !== 'model') return ok('no engine that calls it is in use')
  if (tools.deny.includes('shell')) return ok('is denied to everybody, as configured')
  const { ok: asWanted, text } = await shellStanding(shell.sandbox)
  if (asWanted) return ok(text)
  const hint = 'install bubblewrap, or add shell to agent.tools.deny in config.yaml; then restart'
  return { state: 'warn', what: text, hint }
}

/** The MCP servers whose tools are missing, as they do not start or answer. */
export function mcpFindings({ agent: { mcp } }: AgentChecked): Finding[] {
  const faults = mcp.faults()
  if (faults.length > 0) {
    return faults.map(({ fault, server }) => {
      const what = `the MCP server ${server} failed: ${fault.message}`
      return warn(
        what,
        `kith mcp-tools list ${server}, or correct agent.mcp in config.yaml and restart`,
        { server },
      )
    })
  }
  const { length } = mcp.reports()
  return [ok(length === 0 ? 'no server is configured' : 'no server has failed')]
}

/** The breakers that keep calls away from what fails. */
export function breakerFindings({ agent }: AgentChecked): Finding[] {
  const open = agent.breakers.list().filter(({ state }) => state !== 'closed')
  if (open.length === 0) return [ok('none is open')]
  return open.map(({ name, nextProbeAt }) => ({
    state: 'warn',
    what:
      nextProbeAt === undefined
        ? `${name} has failed, and is being tried again`
        : `${name} has failed, and is left alone until ${minuteText(nextProbeAt)}`,
    hint: `kith breaker reset '${name}'`,
  }))
}

/** Calls of tools that wait for the owner. What each of them is, its alert says. */
export function approvalFindings({ agent }: AgentChecked): Finding[] {
  const { length } = agent.approvals.pending()
  if (length === 0) return [ok('nothing waits for you')]
  const what =
    length === 1 ? '1 call of a tool waits for you' : `${length} calls of tools wait for you`
  return [{ state: 'warn', what, hint: 'kith approvals' }]
}

/** The caps of today of which 80 % or more are spent. An ask that they keep from its end says so to its asker. */
export async function budgetFindings({ agent, pins }: AgentChecked): Promise<Finding[]> {
  const names = new Map(pins.peers().map(({ id = '', pin }) => [id, pin.name]))
  names.delete('')
  const { askers, jobs, node, resetAt } = await agent.spending.today([...names.keys()])
  const raise = (where: string): string =>
    `kith budget; raise ${where}, or wait for ${minuteText(resetAt)}`
  const found = nearEnd(node, 'this node', raise('agent.budget in config.yaml and restart'))
  for (const [id, used] of askers) {
    const name = names.get(id) ?? id
    found.push(...nearEnd(used, name, raise(`the daily caps of ${name} in peers.yaml`)))
  }
  for (const [name, used] of jobs) {
    found.push(...nearEnd(used, `job ${name}`, raise(`the caps that asks of job ${name} bring`)))
  }
  return found.length > 0 ? found : [ok('no cap of today is near its end')]
}

function nearEnd({ cap, microUsd, tokens }: Used, whose: string, hint: string): Finding[] {
  const level = levelsOf(cap, { microUsd, tokens }).at(-1)
  if (level === undefined) return []
  const more = level >= 95 ? ': nothing new begins' : ''
  const what = `${level} % of what ${whose} may spend today are spent${more}`
  return [{ state: 'warn', what, hint }]
}
