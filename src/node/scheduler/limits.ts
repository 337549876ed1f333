import type { RunLimits } from './job.ts'

/** What has happened in an attempt, in ms since the epoch. */
export interface AttemptTimes {
  claimedAt: number
  /** The last sign of progress; undefined before the first. */
  progressAt: number | undefined
}

/** The limit of an attempt that ends first: which one, and when. */
export interface LimitEnd {
  limit: 'claim' | 'progress' | 'total'
  at: number
}

/** The limit that will end an attempt if nothing more is heard of it. */
export function nextLimit(limits: RunLimits, { claimedAt, progressAt }: AttemptTimes): LimitEnd {
  const total: LimitEnd = { limit: 'total', at: claimedAt + limits.totalMs }
  const silent: LimitEnd =
    progressAt === undefined
      ? { limit: 'claim', at: claimedAt + limits.claimMs }
      : { limit: 'progress', at: progressAt + limits.progressMs }
  return silent.at < total.at ? silent : total
}

/** What a limit says to those who look at a run that it has ended. */
export function limitText(limit: LimitEnd['limit'] | 'queue', limits: RunLimits): string {
  switch (limit) {
    case 'queue':
      return `no room for it within ${limits.queueMs / 1_000} s`
    case 'claim':
      return `nothing heard of it within ${limits.claimMs / 1_000} s of its start`
    case 'progress':
      return `no progress for ${limits.progressMs / 1_000} s`
    case 'total':
      return `not done within ${limits.totalMs / 1_000} s`
  }
}
