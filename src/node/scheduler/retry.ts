import { backoffMs } from '../../protocol/backoff.ts'
import { isWireCode, WIRE_CODES } from '../../protocol/errors.ts'
import type { AttemptRule, Job } from './job.ts'
import type { JobState } from './job-state.ts'
import type { Aftermath } from './job-store.ts'
import type { Outcome, Run, RunEnd } from './run.ts'

/** How often a person or a program may have the same work run again. */
export const MAX_RETRIES = 3

/** Failures of ours, beside those of the wire, that may be others next time. */
const PASSING = ['program-failed', 'unreachable', 'connection-lost', 'stopping', 'delivery-failed']

/**
 * Those that the wire does not let a caller try again, as the call may have run in part. Who gives a job more than
 * one attempt says that it may.
 */
const CUT_SHORT = ['interrupted', 'deadline']

/** True when the same work may succeed another time. */
export function isPassing(code: string): boolean {
  if (PASSING.includes(code) || CUT_SHORT.includes(code)) return true
  return isWireCode(code) && WIRE_CODES[code].retryable
}

/**
 * Wait before the next attempt, in ms, or undefined when the run has failed for good. `attempt` counts from 1;
 * `random` is in [0, 1).
 */
export function retryAfterMs(
  { baseMs, max, maxMs }: AttemptRule,
  attempt: number,
  code: string,
  random: number,
): number | undefined {
  if (attempt >= max || !isPassing(code)) return undefined
  return backoffMs(attempt, random, { baseMs, maxMs })
}

/** Runs in a row that have failed, after one that ended so. */
export function failuresAfter(failures: number, end: RunEnd): number {
  if (end === 'succeeded') return 0
  // A person has ended it: that says nothing of the job.
  return end === 'cancelled' ? failures : failures + 1
}

/** Why a job is to be paused after so many failures in a row, or undefined. */
export function pauseReason(
  failures: number,
  pauseAfter: number,
  code: string,
): string | undefined {
  if (failures < pauseAfter) return undefined
  const runs = failures === 1 ? 'a run has failed' : `${failures} runs in a row have failed`
  return `${runs}, the last with ${code}`
}

/** What follows from the end of an attempt of `run`. `job` is undefined when jobs.yaml no longer has it. */
export function afterAttempt(
  job: Pick<Job, 'attempts' | 'pauseAfter'> | undefined,
  { failures, paused }: Pick<JobState, 'failures' | 'paused'>,
  { attempts, cause }: Pick<Run, 'attempts' | 'cause'>,
  outcome: Outcome,
  { now, random }: { now: number; random: number },
): Aftermath {
  const unchanged: Aftermath = { retryAt: undefined, failures, pause: undefined }
  if (outcome.state === 'succeeded') return { ...unchanged, failures: 0 }
  const { code } = outcome.failure
  const waitMs = job && retryAfterMs(job.attempts, attempts, code, random)
  if (waitMs !== undefined) return { ...unchanged, retryAt: now + waitMs }
  // That this node stops is no fault of the job, and no peer is to end what the owner's schedule does.
  if (code === 'stopping' || cause === 'peer') return unchanged
  const failed = failuresAfter(failures, outcome.state)
  // An item is set aside when it has failed often enough: those behind it are not to wait for a person.
  const counts = failed > failures && code !== 'item-failed'
  const why = counts && job ? pauseReason(failed, job.pauseAfter, code) : undefined
  const pause = why === undefined || paused ? undefined : { who: 'scheduler', why, at: now }
  return { retryAt: undefined, failures: failed, pause }
}
