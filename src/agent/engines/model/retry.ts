import { backoffMs } from '../../../protocol/backoff.ts'

/** Most calls of one model for one answer, the first included. */
export const MAX_TRIES = 3

/** Wait before a second call when the provider does not say how long: models come back sooner than peers. */
const RETRY_BACKOFF = { baseMs: 500, maxMs: 8_000 }

export interface RetrySituation {
  /** Calls made so far, at least 1. */
  tries: number
  /** How long the provider asks to wait. */
  retryAfterMs: number | undefined
  /** In ms since the epoch. */
  now: number
  /** When the ask ends, in ms since the epoch. */
  deadlineAt: number
  /** Longest wait for a provider, in ms. */
  maxWaitMs: number
  /** In [0, 1). */
  random: number
}

/**
 * How long to wait before the same model is called again, in ms; undefined when it is not to be. A provider's own
 * wait is kept to or the model given up: to come sooner would only make it longer.
 */
export function retryWaitMs(situation: RetrySituation): number | undefined {
  const { deadlineAt, maxWaitMs, now, random, tries } = situation
  if (tries >= MAX_TRIES) return undefined
  const waitMs = Math.max(backoffMs(tries, random, RETRY_BACKOFF), situation.retryAfterMs ?? 0)
  return waitMs > maxWaitMs || now + waitMs >= deadlineAt ? undefined : waitMs
}

/**
 * The wait that a response asks for, in ms: `retry-after-ms` as OpenAI has it, or `Retry-After` in seconds or as a
 * date (RFC 9110 §10.2.3). `now` is in ms since the epoch. Undefined when it asks for none that can be read.
 */
export function retryAfterMs(
  headers: Readonly<Record<string, string>>,
  now: number,
): number | undefined {
  const ms = decimal(headers['retry-after-ms'])
  if (ms !== undefined) return Math.ceil(ms)
  const after = headers['retry-after']
  const seconds = decimal(after)
  if (seconds !== undefined) return Math.ceil(seconds * 1_000)
  // A date has the name of its day first, which keeps what Date would read of a number out.
  if (after === undefined || !/^[A-Z][a-z]+,? /u.test(after)) return undefined
  const at = Date.parse(after)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

function decimal(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+(\.\d+)?$/u.test(text) ? Number(text) : undefined
}
