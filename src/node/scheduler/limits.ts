import type { RunLimits } from './job.ts'

/** A limit of an attempt, or of the wait before it. */
export type Limit = 'queue' | 'claim' | 'progress' | 'total'

/** What a limit says to those who look at a run that it has ended. */
export function limitText(limit: Limit, limits: RunLimits): string {
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
