import { overShare } from './fair-share.ts'

/** A run that has ended, as retention looks at it. */
export interface EndedRun {
  run: string
  job: string
  finalAt: number
  failed: boolean
}

/** How much is kept of one kind. */
export interface RetentionCap {
  count: number
  ageMs: number
}

const DAY_MS = 86_400_000

/** Failures have a cap of their own: no number of successes takes one away. */
export const RUN_CAPS: { succeeded: RetentionCap; failed: RetentionCap } = {
  succeeded: { count: 20_000, ageMs: 30 * DAY_MS },
  failed: { count: 5_000, ageMs: 180 * DAY_MS },
}

/** Those of `runs`, the newest first, that are over a cap. Runs that have not ended are never among them. */
export function overCap<T extends EndedRun>(
  runs: readonly T[],
  now: number,
  caps: typeof RUN_CAPS = RUN_CAPS,
): T[] {
  return (['succeeded', 'failed'] as const).flatMap((kind) => {
    const { ageMs, count } = caps[kind]
    const own = runs.filter(({ failed }) => failed === (kind === 'failed'))
    const isOld = ({ finalAt }: T): boolean => now - finalAt > ageMs
    const fresh = own.filter((run) => !isOld(run))
    return [...own.filter(isOld), ...overShare(fresh, () => 1, count)]
  })
}
