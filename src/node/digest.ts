import { isOpen } from './alerts.ts'
import type { Alerts } from './alerts.ts'
import { auditEntries } from './audit/show.ts'
import type { Audit } from './audit/audit.ts'
import { runChecks } from './checks.ts'
import type { CheckedNode, NamedFinding } from './checks.ts'
import type { Activity } from './changes/activity.ts'
import type { JobHost } from './scheduler/job-host.ts'
import { isEnded } from './scheduler/run.ts'
import type { Run } from './scheduler/run.ts'

const DAY_MS = 86_400_000

/** A peer that was not heard of for so long is told of. */
const GONE_MS = 7 * DAY_MS

/** Runs that are told of one by one. */
const MAX_SLOWEST = 5

/** Runs that are looked at, the newest first. */
const MAX_RUNS = 10_000

/** What needs its owner's attention, and what has happened. */
export interface Digest {
  since: number
  until: number
  attention: (NamedFinding & { state: 'warn' | 'fail' })[]
  alerts: { at: number; kind: string; what: string; hint: string }[]
  runs: {
    byOutcome: Record<string, number>
    slowest: { run: string; job: string; ms: number }[]
  }
  gone: { peer: string; lastAt?: number }[]
  denials: { peer: string; calls: number }[]
  compactions: number
  cost: Activity['cost']
}

/** What a digest reads: a `KithNode` is one. */
export interface DigestedNode extends CheckedNode {
  readonly alerts: Pick<Alerts, 'list'>
  readonly audit: Pick<Audit, 'journal'>
  readonly fleet: { view: { report: () => { rows: readonly PeerRow[] } } }
  readonly jobs: CheckedNode['jobs'] & Pick<JobHost, 'runs'>
}

type DigestedRun = Pick<Run, 'claimedAt' | 'finalAt' | 'job' | 'run' | 'state'>

interface PeerRow {
  name: string
  state: string
  lastOkAt?: number
  since: number
}

/** The digest of the time since. No model is asked, and nothing is written. */
export async function digestSince(
  node: DigestedNode,
  since: number,
  { compactions, cost }: Pick<Activity, 'compactions' | 'cost'>,
): Promise<Digest> {
  const now = node.clock.now()
  const findings = await runChecks(node)
  return {
    since,
    until: now,
    attention: findings.flatMap((finding) =>
      finding.state === 'ok' ? [] : [{ ...finding, state: finding.state }],
    ),
    alerts: node.alerts
      .list()
      .filter(isOpen)
      .map(({ hint, kind, lastAt, what }) => ({ at: lastAt, kind, what, hint }))
      .reverse(),
    runs: runsOf((await node.jobs.runs.list({ since }, MAX_RUNS)).runs),
    gone: goneOf(node.fleet.view.report().rows, now),
    denials: await denialsOf(node, since),
    compactions,
    cost,
  }
}

/** How many runs ended how, and the slowest of those that ended. Pure. */
export function runsOf(runs: readonly DigestedRun[]): Digest['runs'] {
  const byOutcome: Record<string, number> = {}
  for (const { state } of runs) byOutcome[state] = (byOutcome[state] ?? 0) + 1
  const slowest = runs
    .filter(isEnded)
    .flatMap(({ claimedAt, finalAt, job, run }) =>
      claimedAt === undefined || finalAt === undefined
        ? []
        : [{ run, job, ms: finalAt - claimedAt }],
    )
    .sort((a, b) => b.ms - a.ms)
    .slice(0, MAX_SLOWEST)
  return { byOutcome, slowest }
}

/** The peers that were not well for so long that they may be gone. Pure. */
export function goneOf(rows: readonly PeerRow[], now: number): Digest['gone'] {
  return rows.flatMap(({ lastOkAt, name, since, state }) => {
    if (state !== 'unreachable' && state !== 'never-seen') return []
    if (now - (lastOkAt ?? since) < GONE_MS) return []
    return [{ peer: name, ...(lastOkAt === undefined ? {} : { lastAt: lastOkAt }) }]
  })
}

async function denialsOf({ audit }: DigestedNode, since: number): Promise<Digest['denials']> {
  const byPeer = new Map<string, number>()
  for (const { details = {}, who } of await auditEntries(audit.journal, {
    since,
    kinds: ['denied'],
  })) {
    const calls = Object.values(details).reduce<number>(
      (sum, count) => sum + (typeof count === 'number' ? count : 0),
      0,
    )
    byPeer.set(who, (byPeer.get(who) ?? 0) + calls)
  }
  return [...byPeer].map(([peer, calls]) => ({ peer, calls })).sort((a, b) => b.calls - a.calls)
}
