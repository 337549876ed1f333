import { overShare } from './fair-share.ts'

/** A result as its retention looks at it. */
export interface KeptResult {
  run: string
  job: string
  madeAt: number
  /** Of the result, and of what it was made from. */
  bytes: number
  /** `awaited`: something is still to be done with it. */
  standing: 'awaited' | 'unreviewed' | 'reviewed'
}

/** How much is kept of one kind. */
export interface ResultCap {
  count: number
  ageMs: number
  bytes: number
}

const DAY_MS = 86_400_000
const MIB = 1_048_576

/** What a person has looked at and what nobody has do not take each other's room. */
export const RESULT_CAPS: Record<'unreviewed' | 'reviewed', ResultCap> = {
  unreviewed: { count: 2_000, ageMs: 90 * DAY_MS, bytes: 256 * MIB },
  reviewed: { count: 2_000, ageMs: 180 * DAY_MS, bytes: 256 * MIB },
}

/**
 * Those of `results`, the newest first, that are over a cap. What is awaited is never among them, however much there
 * is.
 */
export function overResultCap<T extends KeptResult>(
  results: readonly T[],
  now: number,
  caps: typeof RESULT_CAPS = RESULT_CAPS,
): T[] {
  return (['unreviewed', 'reviewed'] as const).flatMap((kind) => {
    const { ageMs, bytes, count } = caps[kind]
    const own = results.filter(({ standing }) => standing === kind)
    const isOld = ({ madeAt }: T): boolean => now - madeAt > ageMs
    const fresh = own.filter((result) => !isOld(result))
    const tooMany = new Set(overShare(fresh, () => 1, count))
    const few = fresh.filter((result) => !tooMany.has(result))
    return [...own.filter(isOld), ...tooMany, ...overShare(few, (result) => result.bytes, bytes)]
  })
}
