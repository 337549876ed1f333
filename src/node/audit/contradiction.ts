import { z } from 'zod'
import { bytes } from '../../protocol/verbs.ts'

/** A head of another node as it is kept. */
export const keptHead = z.strictObject({
  seq: z.int().positive(),
  hash: bytes,
  signed: bytes,
  /** By our clock, in ms since the epoch. */
  receivedAt: z.int(),
})
export type KeptHead = z.infer<typeof keptHead>

/** What another node says of its audit log now. */
export interface ShownHead {
  seq: number
  hash: Uint8Array
  first: number
  signed: Uint8Array
}

/**
 * Two statements of one node that do not go together: another entry at that number, a log that ends before it, one
 * that does not say what is there, or one that has pruned what is not old.
 */
export interface Contradiction {
  problem: 'other' | 'shorter' | 'withheld' | 'pruned'
  kept: KeptHead
  shown: ShownHead
}

/** A log is pruned after more than a year, or by its number of entries: not within this time, by far. */
const PRUNED_MS = 30 * 86_400_000

/** How what is `stated`, and the `newest` head, stand against one that was kept; undefined when they do not. Pure. */
export function contradictionOf(
  kept: KeptHead,
  newest: ShownHead,
  stated: readonly ShownHead[],
  now: number,
): Contradiction | undefined {
  if (newest.seq < kept.seq) return { problem: 'shorter', kept, shown: newest }
  const same = [newest, ...stated].find(({ seq }) => seq === kept.seq)
  if (same !== undefined) {
    const isSame = Buffer.compare(same.hash, kept.hash) === 0
    return isSame ? undefined : { problem: 'other', kept, shown: same }
  }
  if (newest.first <= kept.seq) return { problem: 'withheld', kept, shown: newest }
  return now - kept.receivedAt < PRUNED_MS ? { problem: 'pruned', kept, shown: newest } : undefined
}
