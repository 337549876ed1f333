import { isFailure } from '../../protocol/errors.ts'
import type { Clock } from '../clock.ts'
import type { Run } from './run.ts'
import type { Scheduler } from './scheduler.ts'

/** The longest time between two looks, in ms: a clock that was set shows then. Timers of Node.js end at 24 days. */
const LOOK_MS = 60_000

/** What those who run jobs without a loop, as cron and CI do, get back. */
export interface OnceReport {
  /** Runs that have ended, in the order of their ends. */
  runs: Run[]
  /** Jobs that did not run, as they were under way or too many waited. */
  refused: string[]
}

/** Runs what is due now, with all its attempts, and tells of each end. The scheduler must have no loop of its own. */
export async function runDue(
  scheduler: Scheduler,
  clock: Clock,
  signal: AbortSignal,
  onRun: (run: Run) => void = () => undefined,
): Promise<OnceReport> {
  return await collect(scheduler, onRun, async () => {
    await settle(scheduler, clock, signal, clock.now())
    return []
  })
}

/**
 * Runs jobs once each, due or not, with all their attempts, and tells of each end. The scheduler must have no loop of
 * its own.
 */
export async function runOnce(
  scheduler: Scheduler,
  names: readonly string[],
  clock: Clock,
  signal: AbortSignal,
  onRun: (run: Run) => void = () => undefined,
): Promise<OnceReport> {
  return await collect(scheduler, onRun, async () => {
    const refused: string[] = []
    for (const name of names) {
      await scheduler.runNow(name).catch((err: unknown) => {
        if (!isFailure(err, 'conflict') && !isFailure(err, 'busy')) throw err
        refused.push(name)
      })
    }
    await settle(scheduler, clock, signal)
    return refused
  })
}

/** The exit code of such a report: 0, 1 when a run did not succeed, 75 when a job could not run now. */
export function exitCodeOf({ refused, runs }: OnceReport): 0 | 1 | 75 {
  if (runs.some(({ state }) => state !== 'succeeded')) return 1
  return refused.length > 0 ? 75 : 0
}

async function collect(
  scheduler: Scheduler,
  onRun: (run: Run) => void,
  work: () => Promise<string[]>,
): Promise<OnceReport> {
  // What a process has left that is gone is in nobody's way, and none of this report's.
  await scheduler.look({ dueBy: undefined })
  const runs: Run[] = []
  const unlisten = scheduler.onEnd((run, here) => {
    if (!here) return
    runs.push(run)
    onRun(run)
  })
  try {
    return { refused: await work(), runs }
  } finally {
    unlisten()
  }
}

/**
 * Looks until nothing is under way, nothing waits that can still start, and nothing is due that was at `dueBy`. What
 * comes due meanwhile stays due.
 */
async function settle(
  scheduler: Scheduler,
  clock: Clock,
  signal: AbortSignal,
  dueBy?: number,
): Promise<void> {
  while (!signal.aborted) {
    await scheduler.look({ dueBy })
    if (await scheduler.idle()) continue
    const readyAt = scheduler.nextRetryAt
    if (readyAt === undefined) return
    await clock.sleep(Math.min(LOOK_MS, Math.max(0, readyAt - clock.now())), signal)
  }
}
