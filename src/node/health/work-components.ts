import type { Breakers } from '../agent/breakers.ts'
import type { Clock } from '../clock.ts'
import { jobFindings } from '../checks/job-checks.ts'
import type { JobChecked } from '../checks/job-checks.ts'
import type { Config } from '../config.ts'
import type { PartState } from '../parts.ts'
import type { Look, Seen } from './look.ts'
import { broken, disabled, notChecked, notReady, okAt, partLook, ready } from './look.ts'

/** A success that is longer ago proves nothing of today. */
export const STALE_MS = 86_400_000

/** What the looks at the work of a node need. */
export interface WorkWatched extends JobChecked {
  readonly agent: { readonly name: string; readonly breakers: Pick<Breakers, 'lastOkAt' | 'list'> }
  readonly clock: Pick<Clock, 'now'>
  readonly config: Pick<Config, 'agent' | 'scheduler'>
  readonly parts: { states: () => PartState[] }
}

/** Whether asks are answered. */
export function agentLook({ agent, parts }: WorkWatched): Look {
  const name = 'agent'
  const halted = partLook(name, parts) ?? partLook(name, parts, 'asks')
  return halted ?? ready(name, { reason: `engine ${agent.name}` })
}

/** How each provider of models does, by what became of the calls. None is called for the sake of a look. */
export function providerLooks({ agent, clock, config }: WorkWatched): Look[] {
  const { engine, providers } = config.agent
  if (engine !== 'model') return [disabled('providers', `engine ${engine} has none`)]
  const reports = new Map(agent.breakers.list().map((report) => [report.name, report]))
  return providers.map((provider) => {
    const name = `provider ${provider.name}`
    const lastOkAt = agent.breakers.lastOkAt(name)
    const report = reports.get(name)
    if (report?.state === 'open') {
      const until = new Date(report.nextProbeAt ?? 0).toISOString()
      return broken(name, `it fails, and is left alone until ${until}`, okAt(lastOkAt))
    }
    if (report?.state === 'half-open') {
      return notReady(name, 'it has failed, and is being tried again', okAt(lastOkAt))
    }
    if (report !== undefined && report.failures > 0) {
      return notReady(name, `its last ${report.failures} calls failed`, okAt(lastOkAt))
    }
    if (lastOkAt === undefined) return notChecked(name, 'it was not called since the start')
    if (clock.now() - lastOkAt > STALE_MS) {
      return { ...notChecked(name, 'it was not called for more than a day'), lastOkAt }
    }
    return ready(name, { lastOkAt })
  })
}

/** Breakers of all else that this node calls, such as peers. */
export function breakersLook({ agent }: WorkWatched): Look {
  const name = 'breakers'
  const open = agent.breakers
    .list()
    .filter((report) => report.state !== 'closed' && !report.name.startsWith('provider '))
  if (open.length === 0) return ready(name)
  return notReady(name, `open: ${open.map((report) => report.name).join(', ')}`)
}

export function schedulerLook(node: WorkWatched): Look {
  const name = 'scheduler'
  const { jobs, parts } = node
  const halted = partLook(name, parts)
  if (halted !== undefined) return halted
  if (jobs.problem !== undefined) return broken(name, jobs.problem.message)
  const all = jobs.list()
  const lastOkAt = all.reduce<number | undefined>((latest, job) => {
    const at = jobs.state(job.name).lastSuccessAt
    return at === undefined || (latest !== undefined && latest > at) ? latest : at
  }, undefined)
  const findings = jobFindings(node)
  const failed = findings.find(({ state }) => state === 'fail')
  if (failed !== undefined) return broken(name, failed.what, okAt(lastOkAt))
  const warned = findings.find(({ state }) => state === 'warn')
  if (warned !== undefined) return notReady(name, warned.what, okAt(lastOkAt))
  if (!all.some(({ enabled }) => enabled)) return disabled(name, 'no job is on')
  return ready(name, okAt(lastOkAt))
}

export function feedsLook({ jobs }: WorkWatched, { feeds }: Seen): Look {
  const name = 'feeds'
  if (!jobs.list().some(({ feed }) => feed !== undefined)) return disabled(name, 'no job has one')
  if (feeds === undefined) return notChecked(name, 'nobody has looked yet')
  const failed = feeds.find(({ state }) => state === 'fail')
  if (failed !== undefined) return broken(name, failed.what)
  const warned = feeds.find(({ state }) => state === 'warn')
  return warned === undefined ? ready(name) : notReady(name, warned.what)
}
