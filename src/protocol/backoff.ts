export interface BackoffOptions {
  /** Wait after the first failure, in ms, before jitter. @default 5_000 */
  baseMs?: number
  /** Longest wait, in ms, before jitter. @default 600_000 */
  maxMs?: number
  /** Share of the wait that is random, 0 to 1, so that peers do not redial in step. @default 0.2 */
  jitter?: number
}

/** Kubo's Peering waits 5 s to 10 min between dials of a pinned peer; so do we. */
export const BACKOFF_DEFAULTS: Required<BackoffOptions> = {
  baseMs: 5_000,
  maxMs: 600_000,
  jitter: 0.2,
}

/**
 * Wait before the next attempt after `failures` in a row (at least 1), in ms: doubled each time, up to the
 * longest. `random` is in [0, 1): pass `Math.random()`.
 */
export function backoffMs(failures: number, random: number, options: BackoffOptions = {}): number {
  const { baseMs, maxMs, jitter } = { ...BACKOFF_DEFAULTS, ...options }
  const wait = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30))
  return Math.round(wait * (1 - jitter / 2 + jitter * random))
}
