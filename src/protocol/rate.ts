/*
 * The generic cell rate algorithm (ITU-T I.371, as a virtual scheduling): one number a cell, the theoretical
 * arrival time of the next conforming call.
 */

/** A steady rate with a burst. */
export interface Rate {
  /** Calls in `perMs` at the steady rate. */
  calls: number
  perMs: number
  /** Calls that may come at once after a pause. */
  burst: number
}

/** `calls` a minute, all of which may come at once. */
export function perMinute(calls: number): Rate {
  return { calls, perMs: 60_000, burst: calls }
}

export type RateDecision =
  | { allowed: true; /** What to store when the call is let in. */ cell: number }
  | {
      allowed: false
      /** Wait this long, in ms, and the same call conforms. */ retryAfterMs: number
    }

/** Whether a call at `now` (ms) conforms, given the stored `cell` (undefined: no call yet). Writes nothing. */
export function decideRate(rate: Rate, cell: number | undefined, now: number): RateDecision {
  if (rate.calls <= 0 || rate.burst <= 0) return { allowed: false, retryAfterMs: rate.perMs }
  const intervalMs = rate.perMs / rate.calls
  const toleranceMs = intervalMs * (rate.burst - 1)
  const arrival = Math.max(cell ?? now, now)
  const furthest = now + toleranceMs + intervalMs
  // No call leaves a cell further ahead (to a rounding): the clock went back since. The cell of this call replaces it.
  if (arrival > furthest + 1) return { allowed: true, cell: furthest }
  const earlyMs = arrival - toleranceMs - now
  if (earlyMs > 0) return { allowed: false, retryAfterMs: Math.ceil(earlyMs) }
  return { allowed: true, cell: arrival + intervalMs }
}
