import { backoffMs } from '../protocol/backoff.ts'

/** So many failures in a row open a breaker. */
export const FAILURES_IN_ROW = 5

/** So do failures of half of the last calls, also before there were so many. */
export const WINDOW_CALLS = 20
const WINDOW_FAILURES = WINDOW_CALLS / 2

/** Good probes in a row that close it. */
export const GOOD_PROBES = 2

/** The wait before a probe: doubled each time that one fails. */
export const PROBE_WAIT = { baseMs: 30_000, maxMs: 600_000, jitter: 0.2 }

/** When to come again while a probe is under way: nobody knows how long it takes. */
export const PROBE_RETRY_MS = 1_000

/**
 * Keeps calls away from what fails:
 *
 *     closed → open → half-open → closed
 *                ↖________↙
 *
 * Only the outcome of a call moves it; time alone lets one probe through and closes nothing.
 */
export interface Breaker {
  state: 'closed' | 'open' | 'half-open'
  /** Counts changes: the outcome of a call that began before the last one says nothing any more. */
  generation: number
  /** Of the last calls while it is closed, the newest last, whether each was good. */
  recent: readonly boolean[]
  /** Times that it has opened since it was closed. */
  openings: number
  /** When it opened last, in ms since the epoch, and how long no probe is made from then on. */
  openedAt: number
  waitMs: number
  goodProbes: number
  /** A probe is under way. */
  probing: boolean
}

/** One through which nothing has failed. */
export const CLOSED: Breaker = {
  state: 'closed',
  generation: 0,
  recent: [],
  openings: 0,
  openedAt: 0,
  waitMs: 0,
  goodProbes: 0,
  probing: false,
}

export type EnterDecision =
  | { allowed: true; /** As it is once the call is let through. */ breaker: Breaker }
  | { allowed: false; nextProbeAt: number }

/** Whether a call goes through at `now`. Its outcome belongs to the generation of the breaker that this returns. */
export function enter(breaker: Breaker, now: number): EnterDecision {
  const { openedAt, probing, state, waitMs } = breaker
  if (state === 'closed') return { allowed: true, breaker }
  if (probing) return { allowed: false, nextProbeAt: now + PROBE_RETRY_MS }
  // Under a clock that was set back, the end of the wait might be far away: it is over.
  const waits = state === 'open' && openedAt <= now && now < openedAt + waitMs
  if (waits) return { allowed: false, nextProbeAt: openedAt + waitMs }
  return { allowed: true, breaker: moved(breaker, { state: 'half-open', probing: true }) }
}

/** `good` and `bad` tell of the other side, `none` does not: the call was cancelled. */
export type Outcome = 'good' | 'bad' | 'none'

/** What `breaker` becomes by the outcome of a call of this generation. `random` is in [0, 1). */
export function outcome(
  breaker: Breaker,
  generation: number,
  what: Outcome,
  now: number,
  random: number,
): Breaker {
  if (generation !== breaker.generation) return breaker
  return breaker.state === 'closed'
    ? afterCall(breaker, what, now, random)
    : afterProbe(breaker, what, now, random)
}

/** As it was, where the process that made its probe is gone. */
export function withoutProbe(breaker: Breaker): Breaker {
  return breaker.probing ? moved(breaker, { probing: false }) : breaker
}

/** As it is once something else tells that the other side may be there again: the next call is a probe. */
export function due(breaker: Breaker): Breaker {
  return breaker.state === 'open' ? { ...breaker, waitMs: 0 } : breaker
}

/** As by a person who knows better. Calls under way say nothing any more. */
export function reset(breaker: Breaker): Breaker {
  return { ...CLOSED, generation: breaker.generation + 1 }
}

/** Failures since the last good call, as far as they are kept. */
export function failuresInRow({ recent }: Breaker): number {
  return recent.length - 1 - recent.lastIndexOf(true)
}

function afterCall(breaker: Breaker, what: Outcome, now: number, random: number): Breaker {
  if (what === 'none') return breaker
  const counted = { ...breaker, recent: [...breaker.recent, what === 'good'].slice(-WINDOW_CALLS) }
  const failures = counted.recent.filter((good) => !good).length
  const opens = failuresInRow(counted) >= FAILURES_IN_ROW || failures >= WINDOW_FAILURES
  return opens ? opened(counted, now, random) : counted
}

function afterProbe(breaker: Breaker, what: Outcome, now: number, random: number): Breaker {
  switch (what) {
    case 'bad':
      return opened(breaker, now, random)
    case 'none':
      return moved(breaker, { probing: false })
    case 'good': {
      const goodProbes = breaker.goodProbes + 1
      if (goodProbes >= GOOD_PROBES) return { ...CLOSED, generation: breaker.generation + 1 }
      return moved(breaker, { goodProbes, probing: false })
    }
  }
}

function opened(breaker: Breaker, now: number, random: number): Breaker {
  const openings = breaker.openings + 1
  const waitMs = backoffMs(openings, random, PROBE_WAIT)
  return moved(breaker, {
    ...{ state: 'open', recent: [], openings, openedAt: now, waitMs },
    ...{ goodProbes: 0, probing: false },
  })
}

function moved(breaker: Breaker, change: Partial<Breaker>): Breaker {
  return { ...breaker, ...change, generation: breaker.generation + 1 }
}
