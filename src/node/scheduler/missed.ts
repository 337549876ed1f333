import type { Job, MissedRule } from './job.ts'
import { lastDue, nextAfter } from './schedule.ts'

/** A run may begin so much later than it was due before it counts as missed, in ms. */
export const LATE_MS = 60_000

/** A time at which a job was due and is to run for. */
export interface DueTime {
  dueAt: number
  /** `catch-up` when it comes late. */
  cause: 'schedule' | 'catch-up'
}

/** What is due of a job, and from when on it is to be looked at again. */
export interface DueDecision {
  due: DueTime | undefined
  /** Undefined for a job that only a person starts. */
  nextAt: number | undefined
  /** True when a time has passed for which there will be no run. */
  passedOver: boolean
}

/**
 * What is to run at `now` of a job whose first time without a decision is `nextAt`. Of several times that were
 * missed, `once` makes up for the newest, `all` for each, the oldest first and one a decision, both within their
 * window; `skip` for none.
 */
export function decideDue(
  { missed, schedule, zone }: Pick<Job, 'missed' | 'schedule' | 'zone'>,
  nextAt: number,
  now: number,
): DueDecision {
  if (nextAt > now) return { due: undefined, nextAt, passedOver: false }
  const first =
    missed.policy === 'all' ? oldestWithin(missed, schedule, zone, nextAt, now) : undefined
  const dueAt = first ?? lastDue(schedule, zone, nextAt, now) ?? nextAt
  const lateMs = now - dueAt
  const taken = lateMs <= LATE_MS || (missed.policy !== 'skip' && lateMs <= missed.windowMs)
  return {
    due: taken ? { dueAt, cause: lateMs <= LATE_MS ? 'schedule' : 'catch-up' } : undefined,
    nextAt: nextAfter(schedule, zone, first ?? now),
    passedOver: !taken || dueAt > nextAt,
  }
}

/** The first time from `nextAt` on that is still within the window. */
function oldestWithin(
  { windowMs }: MissedRule,
  schedule: Job['schedule'],
  zone: string,
  nextAt: number,
  now: number,
): number | undefined {
  const from = now - windowMs
  const first = nextAt >= from ? nextAt : nextAfter(schedule, zone, from - 1)
  return first === undefined || first > now ? undefined : first
}
