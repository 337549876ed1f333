import type { Job } from './job.ts'

/** A job that may take longer than this is long, in ms. */
const LONG_MS = 60_000

type Limited = Pick<Job, 'limits'>

/**
 * True when there is a worker for `job` beside those that run. The last one is never given to a long job: however
 * many of these there are, a short one that is due need not wait for any.
 */
export function hasWorker(running: Iterable<Limited>, job: Limited, workers: number): boolean {
  const jobs = [...running]
  if (jobs.length >= workers) return false
  return !isLong(job) || workers === 1 || jobs.filter(isLong).length < workers - 1
}

function isLong({ limits }: Limited): boolean {
  return limits.totalMs > LONG_MS
}
