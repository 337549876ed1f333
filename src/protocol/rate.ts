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
  | { allowed: false; /** Wait this long, in ms, and the same call conforms. */ retryAfterMs: number }

/** Whether a call at `now` (ms) conforms, given the stored `cell` (undefined: no call yet). Writes nothing. */
export function decideRate(rate: Rate, cell: number | undefined, now: number): RateDecision {
  if (rate.calls <= 0 || rate.burst <= 0) return { allowed: false, retryAfterMs: rate.perMs }
  const intervalMs = rate.perMs / rate.calls
  const toleranceMs = intervalMs * (rate.burst - 1)
  // A clock that went back leaves a cell in the far future: it holds nobody for longer than a full burst takes.
  const latest = now + intervalMs * rate.burst
  const arrival = Math.min(Math.max(cell ?? now, now), latest)
  const earlyMs = arrival - toleranceMs - now
  if (earlyMs > 0) return { allowed: false, retryAfterMs: Math.ceil(earlyMs) }
  return { allowed: true, cell: arrival + intervalMs }
}
