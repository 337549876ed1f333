import { decideGrant } from '../../protocol/grant.ts'
import type { Peer } from '../pins.ts'
import type { Job } from './job.ts'
import type { JobState } from './job-state.ts'
import type { Run } from './run.ts'

/**
 * True for a run that waits and may begin. A schedule, and a peer that may start it, count while a job is on and not
 * paused; what the owner wants, always. `mayStart` says whether a peer, by its name, may start jobs now.
 */
export function isWanted(
  run: Pick<Run, 'by' | 'cause'>,
  { enabled, runBy }: Pick<Job, 'enabled' | 'runBy'>,
  { paused }: Pick<JobState, 'paused'>,
  mayStart: (peer: string) => boolean,
): boolean {
  if (isBarred(run, { runBy }, mayStart)) return false
  const { cause } = run
  if (cause === 'manual' || cause === 'retry' || cause === 'feed') return true
  return enabled && paused === undefined
}

/** True for a run that a peer wanted who may not start it, or not any more. */
export function isBarred(
  { by, cause }: Pick<Run, 'by' | 'cause'>,
  { runBy }: Pick<Job, 'runBy'>,
  mayStart: (peer: string) => boolean,
): boolean {
  return cause === 'peer' && !(runBy.includes(by) && mayStart(by))
}

/** True for a peer that may start jobs at `now`: what it has wanted may wait longer than its right to it lasts. */
export function mayStartJobs(peer: Peer | undefined, now: number): boolean {
  if (peer === undefined || peer.frozen || peer.retired) return false
  return decideGrant(peer.pin, 'job.run', { now, chainLength: 1 }).allowed
}
