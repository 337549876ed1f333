import { KithError } from '../../protocol/errors.ts'
import type { JobState, Pause } from './job-state.ts'
import type { Aftermath, Plan } from './job-store.ts'
import type { Lease } from './lease.ts'
import type { Outcome, Run } from './run.ts'

/** Runs of all jobs that may wait at once. */
export const MAX_QUEUED_RUNS = 64

/** Where a job stands after a step of one of its runs, and that run. */
export interface Step {
  state: JobState
  run: Run
}

/** A job that is looked at again when its plan says so. */
export function planned(state: JobState, { nextAt, passedOverAt, schedule }: Plan): JobState {
  const next = { ...state, schedule }
  delete next.nextAt
  if (nextAt !== undefined) next.nextAt = nextAt
  if (passedOverAt !== undefined) next.passedOverAt = passedOverAt
  return next
}

/** A job that is paused, or with undefined one that runs again, its failures forgotten. */
export function withPause(state: JobState, pause: Pause | undefined): JobState {
  if (pause !== undefined) return { ...state, paused: pause }
  const next = { ...state, failures: 0, replaced: 0 }
  delete next.paused
  return next
}

/** A run that waited, under way with this lease. */
export function claimed(state: JobState, run: Run, lease: Lease, now: number): Step {
  return {
    state: { ...state, version: lease.version, active: { run: run.run, lease } },
    run: { ...run, state: 'running', attempts: run.attempts + 1, claimedAt: now },
  }
}

/** A run after an attempt, which ends the lease that it may have had. */
export function closed(
  { active, ...state }: JobState,
  run: Run,
  outcome: Outcome,
  now: number,
  after: Aftermath,
): Step {
  const next = ended(run, outcome, now, after.retryAt)
  return {
    run: next,
    state: {
      ...state,
      ...(active === undefined || active.run === run.run ? {} : { active }),
      failures: after.failures,
      replaced: replacedAfter(state, next),
      ...(after.pause === undefined ? {} : { paused: after.pause }),
      ...(next.state === 'succeeded' ? { lastSuccessAt: now } : {}),
    },
  }
}

/** True when a run has taken no step since it was seen: each makes another state of it, or another attempt. */
export function isSame(run: Run | undefined, seen: Run): boolean {
  return run?.run === seen.run && run.state === seen.state && run.attempts === seen.attempts
}

/** True when no further run may wait beside those that have not ended. */
export function isFull(open: readonly Run[]): boolean {
  return open.filter(({ state }) => state === 'queued').length >= MAX_QUEUED_RUNS
}

/** Why a run is refused that would wait. */
export function tooMany(): KithError<'busy'> {
  return new KithError('busy', `${MAX_QUEUED_RUNS} runs wait`, { position: MAX_QUEUED_RUNS })
}

/** Why a run is not to be had: the one of this id is in its way, or itself no longer waits. */
export function conflict(activeId: string): KithError<'conflict'> {
  return new KithError('conflict', `${activeId} is in the way`, { activeId })
}

/** Runs in a row that had no end of their own, after this one. */
function replacedAfter({ replaced }: Pick<JobState, 'replaced'>, run: Run): number {
  if (run.state === 'cancelled' && run.failure?.code === 'replaced') return replaced + 1
  // What somebody else has ended says nothing of how long they take.
  const own = run.state === 'succeeded' || run.state === 'failed' || run.state === 'timed-out'
  return own ? 0 : replaced
}

/** A run after an attempt: it waits for the next one, or has ended. */
function ended(run: Run, outcome: Outcome, now: number, retryAt: number | undefined): Run {
  if (outcome.state === 'succeeded') {
    return { ...run, state: 'succeeded', finalAt: now, summary: outcome.summary }
  }
  const { failure, state } = outcome
  if (retryAt === undefined) return { ...run, state, finalAt: now, failure }
  const waiting: Run = { ...run, state: 'queued', readyAt: retryAt, failure }
  delete waiting.claimedAt
  return waiting
}
