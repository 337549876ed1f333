import type { Job } from './job.ts'
import type { JobState } from './job-state.ts'
import { expired } from './lease.ts'
import { LATE_MS } from './missed.ts'

/**
 * How a job stands, for those who look after the node. `stuck`: its worker has missed all beats of its lease;
 * `overdue`: it was due, and nobody has looked; `failing`: its last run has failed.
 */
export const STANDINGS = [
  'disabled',
  'paused',
  'busy',
  'stuck',
  'overdue',
  'failing',
  'waiting',
] as const
export type Standing = (typeof STANDINGS)[number]

/** The first of these that holds, of a job at `now`. */
export function standingOf(
  { enabled, jitterMs }: Pick<Job, 'enabled' | 'jitterMs'>,
  { active, failures, nextAt, paused }: JobState,
  now: number,
): Standing {
  // What is under way is under way, also of a job that is off.
  if (active !== undefined) return expired(active.lease, now) ? 'stuck' : 'busy'
  if (!enabled) return 'disabled'
  if (paused !== undefined) return 'paused'
  if (nextAt !== undefined && now > nextAt + jitterMs + LATE_MS) return 'overdue'
  return failures > 0 ? 'failing' : 'waiting'
}
