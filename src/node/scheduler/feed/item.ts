import { z } from 'zod'
import { WIRE_CODES, isWireCode } from '../../../protocol/errors.ts'

/**
 * The life of an item:
 *
 *   waiting → underway → done
 *      ⇡_________⇣ it failed, or was not to blame
 *      ⇡_____ quarantined → discarded
 */
export const ITEM_STATES = ['waiting', 'underway', 'done', 'quarantined', 'discarded'] as const

const uint = z.int().nonnegative()

export const itemSchema = z.strictObject({
  /** SHA-256 of its content, in hex: what was taken once is not taken again, whatever its file is called. */
  item: z.string().regex(/^[0-9a-f]{64}$/),
  job: z.string(),
  /** Of the file that it was taken from. */
  name: z.string(),
  sizeBytes: uint,
  /** In ms since the epoch, as all times here. */
  takenAt: uint,
  state: z.enum(ITEM_STATES),
  /** Its place in the queue. One that has failed goes to its end: others pass. */
  turn: uint,
  /** How often it has failed since it was taken, or released. */
  failures: uint,
  /** The last run that had it. */
  run: z.exactOptional(z.string()),
  /** The ask that it went along with, while it is under way: whoever takes it up again joins that one. */
  ask: z.exactOptional(z.string()),
  /** Of the last time it failed. */
  failure: z.exactOptional(z.strictObject({ code: z.string(), why: z.string(), at: uint })),
  /** When it was done, set aside or discarded. */
  endedAt: z.exactOptional(uint),
})

/** A file that a feed has taken. Its content is beside it until it is done. */
export type Item = z.infer<typeof itemSchema>

/** What a failure says of an item: nothing; that it may do better next time; that it never will. */
export type Verdict = 'elsewhere' | 'again' | 'never'

/** Codes that are about what is in an item, and stay as long as that does. */
const NEVER = ['bad-request', 'too-large']

/** Codes of a target that cannot be reached, or does not let us, beside those that pass by themselves. */
const ELSEWHERE = ['unreachable', 'connection-lost', 'denied', 'frozen', 'not-pinned']

/** What a failure with this code says of the item. `begun`: the target had it in hand. */
export function verdictOf(code: string, begun: boolean): Verdict {
  if (NEVER.includes(code)) return 'never'
  if (!begun || ELSEWHERE.includes(code)) return 'elsewhere'
  // An engine that breaks may do so over what it was given.
  if (code === 'internal') return 'again'
  return isWireCode(code) && WIRE_CODES[code].retryable ? 'elsewhere' : 'again'
}

/** An item in the hands of a run. */
export function begun(item: Item, run: string, ask: string | undefined): Item {
  return { ...item, state: 'underway', run, ...(ask === undefined ? {} : { ask }) }
}

/** An item that nobody has to look at any more. */
export function ended(item: Item, state: 'done' | 'discarded', now: number): Item {
  const next: Item = { ...item, state, endedAt: now }
  delete next.ask
  return next
}

/** An item after a failure. `turn` is at the end of the queue. */
export function failed(
  item: Item,
  failure: { code: string; why: string },
  verdict: Verdict,
  { now, quarantineAfter, turn }: { now: number; quarantineAfter: number; turn: number },
): Item {
  const next: Item = { ...item, state: 'waiting' }
  delete next.ask
  if (verdict === 'elsewhere') return next
  next.failures += 1
  next.failure = { ...failure, at: now }
  if (verdict === 'again' && next.failures < quarantineAfter) return { ...next, turn }
  return { ...next, state: 'quarantined', endedAt: now }
}

/** An item that gets all its chances again. The last failure stays to be seen. */
export function released(item: Item, turn: number): Item {
  const next: Item = { ...item, state: 'waiting', failures: 0, turn }
  delete next.endedAt
  return next
}

/** True for one whose content is still there. */
export function isOpen({ state }: Pick<Item, 'state'>): boolean {
  return state !== 'done' && state !== 'discarded'
}
