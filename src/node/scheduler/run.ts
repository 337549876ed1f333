import { z } from 'zod'
import type { Made } from './artifact.ts'

/** Why there is a run. `feed`: the run before it left items of a feed for it. */
export const RUN_CAUSES = ['schedule', 'catch-up', 'manual', 'peer', 'retry', 'feed'] as const
export type RunCause = (typeof RUN_CAUSES)[number]

/**
 * The life of a run:
 *
 *   queued → running → succeeded | failed | timed-out | cancelled | interrupted
 *      ⇡________⇣  an attempt that failed, while some are left
 */
export const RUN_STATES = [
  'queued',
  'running',
  'succeeded',
  'failed',
  'timed-out',
  'cancelled',
  'interrupted',
] as const
export type RunState = (typeof RUN_STATES)[number]
export type RunEnd = Exclude<RunState, 'queued' | 'running'>

const uint = z.int().nonnegative()

const failureSchema = z.strictObject({ code: z.string(), why: z.string() })

export const runSchema = z.strictObject({
  /** UUIDv7 of the time at which it was made: runs sort by it. */
  run: z.string(),
  job: z.string(),
  cause: z.enum(RUN_CAUSES),
  /** Who wanted it: `self`, or a peer's name. */
  by: z.string(),
  /** The time it is for, in ms since the epoch, as all times here. */
  dueAt: uint,
  /** When it may be claimed: later than `dueAt` by the jitter, or by the wait after a failed attempt. */
  readyAt: uint,
  state: z.enum(RUN_STATES),
  /** Attempts that have begun. */
  attempts: uint,
  claimedAt: z.exactOptional(uint),
  /** Where its last attempt began, of nodes that share their jobs. */
  node: z.exactOptional(z.string()),
  finalAt: z.exactOptional(uint),
  /** Of the last attempt that failed, also where a later one did not. */
  failure: z.exactOptional(failureSchema),
  /** What it has to say of its result, in one line. */
  summary: z.exactOptional(z.string()),
  /** The run of which this one is the retry, and how many there were of the same work. */
  retryOf: z.exactOptional(z.string()),
  retries: uint,
})

/** One execution of a job, or one that waits. */
export type Run = z.infer<typeof runSchema>
export type RunFailure = z.infer<typeof failureSchema>

/** Who wants a run that no schedule does, and why. */
export interface RunRequest {
  /** `self`, or a peer's name. @default 'self' */
  by?: string
  /** @default 'manual' */
  cause?: Extract<RunCause, 'manual' | 'peer' | 'retry'>
  /** The run of which it is the retry, and how many there were of the same work. */
  retry?: { of: string; nth: number }
}

/** How an attempt ended. */
export type Outcome =
  | { state: 'succeeded'; summary: string; made?: Made }
  | { state: Exclude<RunEnd, 'succeeded'>; failure: RunFailure }

/** A run that waits for its first attempt. */
export function waitingRun(
  id: string,
  wanted: Pick<Run, 'job' | 'cause' | 'by' | 'dueAt'>,
  now: number,
): Run {
  return { run: id, ...wanted, readyAt: now, state: 'queued', attempts: 0, retries: 0 }
}

/** A run that waits as somebody wants it. */
export function withRequest(run: Run, { by = run.by, retry }: RunRequest): Run {
  return { ...run, by, ...(retry === undefined ? {} : { retryOf: retry.of, retries: retry.nth }) }
}

export function isEnded({ state }: Pick<Run, 'state'>): boolean {
  return state !== 'queued' && state !== 'running'
}

/** True for one that the owner should look at: it has ended, not well, and nobody wanted it to. */
export function isFailed({ state }: Pick<Run, 'state'>): boolean {
  return state === 'failed' || state === 'timed-out' || state === 'interrupted'
}
