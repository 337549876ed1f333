import { z } from 'zod'
import type { Job } from './job.ts'

const uint = z.int().nonnegative()

const leaseSchema = z.strictObject({
  token: z.string(),
  version: uint,
  expiresAt: uint,
  ttlMs: uint,
})

const pauseSchema = z.strictObject({ who: z.string(), why: z.string(), at: uint })

export const jobStateSchema = z.strictObject({
  job: z.string(),
  /** Leases that there were of this job. */
  version: uint,
  /** Which run is under way, and the right to it. */
  active: z.exactOptional(z.strictObject({ run: z.string(), lease: leaseSchema })),
  /** The first time without a decision, in ms since the epoch; undefined while the job is off or paused. */
  nextAt: z.exactOptional(uint),
  /** The schedule that `nextAt` is of: another one starts anew. */
  schedule: z.string(),
  /** Runs in a row that have failed. */
  failures: uint,
  /** Runs in a row that had no end of their own: a later one was put in the place of each. */
  replaced: uint.default(0),
  /** It is not disabled, which is the owner's wish: somebody has stopped it until it is resumed. */
  paused: z.exactOptional(pauseSchema),
  lastSuccessAt: z.exactOptional(uint),
  /** The last time at which it was due and had no run: missed, or in the way of another. */
  passedOverAt: z.exactOptional(uint),
})

/** Where a job stands. What it is to do stands in jobs.yaml. */
export type JobState = z.infer<typeof jobStateSchema>
export type Pause = z.infer<typeof pauseSchema>

/** A job of which nothing has happened yet. */
export function blankState(job: string): JobState {
  return { job, version: 0, schedule: '', failures: 0, replaced: 0 }
}

/** The schedule of a job as one text. */
export function scheduleText({ schedule, zone }: Pick<Job, 'schedule' | 'zone'>): string {
  return `${zone} ${JSON.stringify(schedule)}`
}
