import type { Job } from './job.ts'
import { scheduleText } from './job-state.ts'
import { jitterOf } from './jitter.ts'
import type { LeaseStore } from './lease-store.ts'
import { decideDue } from './missed.ts'
import type { DueTime } from './missed.ts'
import { admit } from './overlap.ts'
import type { Run } from './run.ts'
import { nextAfter } from './schedule.ts'

/** The longest time between two looks, in ms: a clock that was set shows then. */
const LOOK_MS = 60_000

type PlanStore = Pick<LeaseStore, 'enqueue' | 'full' | 'openRuns' | 'plan' | 'state'>

/** What the planner needs done. */
export interface PlanActions {
  /** A run for a time that is due. */
  take: (job: Job, due: DueTime) => Run
  /** Ends all other runs of its job. */
  replace: (run: Run) => Promise<void>
}

/** Takes what is due at `now`: each time has one decision, stored in one batch with the time that comes next. */
export async function planJobs(
  store: PlanStore,
  jobs: readonly Job[],
  now: number,
  actions: PlanActions,
): Promise<void> {
  for (const job of jobs) await planJob(store, job, now, actions)
}

/** When something is due, may start or ends, in ms since the epoch; what has come already waits for something else. */
export function nextLook(
  store: Pick<LeaseStore, 'openRuns' | 'state'>,
  jobs: readonly Job[],
  now: number,
): number {
  const times = jobs.flatMap((job) => {
    const { active, nextAt } = store.state(job.name)
    const starts = nextAt === undefined ? [] : [nextAt + jitterOf(job.name, nextAt, job.jitterMs)]
    const waiting = store.openRuns(job.name).filter(({ state }) => state === 'queued')
    const queued = waiting.flatMap(({ readyAt }) => [readyAt, readyAt + job.limits.queueMs])
    return [...starts, ...queued, ...(active === undefined ? [] : [active.lease.expiresAt])]
  })
  return Math.min(now + LOOK_MS, ...times.filter((at) => at > now))
}

async function planJob(
  store: PlanStore,
  job: Job,
  now: number,
  actions: PlanActions,
): Promise<void> {
  const { name, schedule, zone } = job
  const { nextAt, paused, schedule: known } = store.state(name)
  const text = scheduleText(job)
  if (!job.enabled || paused !== undefined) {
    if (nextAt !== undefined) await store.plan(name, text, undefined)
    return
  }
  if (nextAt === undefined || known !== text) {
    const first = nextAfter(schedule, zone, now)
    if (first !== nextAt || known !== text) await store.plan(name, text, first)
    return
  }
  // The time that counts is the one at which it starts.
  const decision = decideDue(job, nextAt, now - jitterOf(name, nextAt, job.jitterMs))
  if (decision.nextAt === nextAt) return
  const passedOverAt = decision.passedOver ? now : undefined
  const { due } = decision
  if (due === undefined) {
    await store.plan(name, text, decision.nextAt, passedOverAt)
    return
  }
  const admission = admit(job.overlap, job.missed.policy, due, store.openRuns(name).length)
  // Without room, a time stays due: the missed rule decides when there is some.
  if (admission === 'wait' || (admission !== 'skip' && store.full)) return
  if (admission === 'skip') {
    await store.plan(name, text, decision.nextAt, now)
    return
  }
  const run = actions.take(job, due)
  // No await may stand between what is known of the job and this line: two that look would take a time twice.
  await store.enqueue(run, { schedule: text, nextAt: decision.nextAt, passedOverAt })
  if (admission === 'replace') await actions.replace(run)
}
