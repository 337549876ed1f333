/** A result as its retention looks at it. */
export interface KeptResult {
  run: string
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
 * Those of `results`, the newest first, that are over a cap: of each kind, from the first that does not fit on. What
 * is awaited is never among them, however much there is.
 */
export function* overResultCap(
  results: Iterable<KeptResult>,
  now: number,
  caps: typeof RESULT_CAPS = RESULT_CAPS,
): Generator<KeptResult> {
  const kept = { unreviewed: { count: 0, bytes: 0 }, reviewed: { count: 0, bytes: 0 } }
  for (const result of results) {
    const { bytes, madeAt, standing } = result
    if (standing === 'awaited') continue
    const [sum, cap] = [kept[standing], caps[standing]]
    sum.count++
    sum.bytes += bytes
    // The sums go on: what is older than one that had no room has none either.
    if (sum.count > cap.count || sum.bytes > cap.bytes || now - madeAt > cap.ageMs) yield result
  }
}
