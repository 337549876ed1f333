import { dayIn, nextDayAt } from '../protocol/day.ts'
import type { EngineAsk, SpendLimit } from './ports.ts'

/** What an ask counts against, the narrowest first; `budget-exhausted` names one of them. */
export const SCOPE_NAMES = ['ask', 'job', 'peer-day', 'day'] as const
export type ScopeName = (typeof SCOPE_NAMES)[number]

/** Something that has a cap, and one count that is held against it. */
export interface Scope {
  name: ScopeName
  /** Tells its count from every other; counts of a day begin with `day!` and the date. */
  key: string
  cap: SpendLimit
  /** When its count begins anew, in ms since the epoch; that of an ask ends with the ask. */
  resetAt: number
}

/** Money in millionths of a US dollar, and tokens. Integers, never negative. */
export interface Amount {
  microUsd: number
  tokens: number
}

const MEASURES = ['microUsd', 'tokens'] as const

export const NOTHING: Amount = { microUsd: 0, tokens: 0 }

/** A scope, and how far it is used. */
export interface Standing {
  scope: Scope
  spent: Amount
  /** Taken by reservations that are not settled yet. */
  reserved: Amount
}

/** The most that may be spent next; undefined where the price is not known. */
export interface Wanted {
  microUsd: number | undefined
  tokens: number
}

/** `why` is for our own operator. */
export type BudgetDecision =
  { allowed: true } | { allowed: false; scope: ScopeName; resetAt: number; why: string }

/** Shares of a cap, in percent, at which the owner is told: a notice, no new work, all of it is spent. */
export const LEVELS = [80, 95, 100] as const
export type Level = (typeof LEVELS)[number]

/** The caps of a node. */
export interface NodeCaps {
  /** For any one ask. */
  ask: SpendLimit
  /** For all asks of a day. */
  day: SpendLimit
}

/** The caps that an ask is under. */
export interface Caps extends NodeCaps {
  /** Of its asker, for a day: the owner has none of his own. */
  askerDay: SpendLimit
}

/** The scopes that `ask` counts against at `now`, on the calendar of `zone`. */
export function scopesOf(ask: EngineAsk, caps: Caps, now: number, zone: string): Scope[] {
  const { asker, budget = {}, deadlineAt, id, job } = ask
  const day = dayIn(zone, now)
  const resetAt = nextDayAt(zone, now)
  const askCap = lower(caps.ask, budget)
  const ofJob: Scope[] =
    job === undefined ? [] : [{ name: 'job', key: jobDayKey(day, job.name), cap: job.cap, resetAt }]
  return [
    { name: 'ask', key: askKey(deadlineAt, asker.id, id), cap: askCap, resetAt: deadlineAt },
    ...ofJob,
    { name: 'peer-day', key: askerDayKey(day, asker.id), cap: caps.askerDay, resetAt },
    { name: 'day', key: dayKey(day), cap: caps.day, resetAt },
  ]
}

/**
 * Whether `wanted` may be taken from every scope. A cap is never passed, and nothing new begins once 95 % of it is
 * spent or reserved: what asks for 5 % at a time can use a cap up to its last 5 %. Who wants none of a measure is not
 * held by its cap, so that a model that costs nothing runs on when the money is spent.
 */
export function decideReserve(standings: readonly Standing[], wanted: Wanted): BudgetDecision {
  for (const { reserved, scope, spent } of standings) {
    const { cap, name, resetAt } = scope
    const refuse = (why: string): BudgetDecision => ({ allowed: false, scope: name, resetAt, why })
    if (wanted.microUsd === undefined && cap.microUsd !== undefined) {
      return refuse(`the price is not known, and ${name} has a cap in money`)
    }
    for (const measure of MEASURES) {
      const limit = cap[measure]
      const more = wanted[measure] ?? 0
      const used = spent[measure] + reserved[measure]
      if (limit === undefined || more === 0) continue
      if (reached(95, limit, used)) {
        return refuse(`${used} of ${limit} ${measure} of ${name} are used: nothing new begins`)
      }
      if (more > limit - used) {
        return refuse(`${more} ${measure} are wanted, and ${name} has ${limit - used} left`)
      }
    }
  }
  return { allowed: true }
}

/** The levels that `cap` has reached in any measure once so much is spent, the lowest first. */
export function levelsOf(cap: SpendLimit, spent: Amount): Level[] {
  return LEVELS.filter((level) =>
    MEASURES.some((measure) => {
      const limit = cap[measure]
      return limit !== undefined && spent[measure] > 0 && reached(level, limit, spent[measure])
    }),
  )
}

/** True when what is under way could pass a cap: more was spent than was reserved for it. */
export function isPassed({ reserved, scope: { cap }, spent }: Standing): boolean {
  return MEASURES.some((measure) => {
    const limit = cap[measure]
    return limit !== undefined && spent[measure] + reserved[measure] > limit
  })
}

/** What of a cap is neither spent nor reserved. Without a cap in a measure, that measure is absent. */
export function leftOf({ reserved, scope: { cap }, spent }: Standing): SpendLimit {
  const left: SpendLimit = {}
  for (const measure of MEASURES) {
    const limit = cap[measure]
    if (limit !== undefined) left[measure] = Math.max(0, limit - spent[measure] - reserved[measure])
  }
  return left
}

/** The lower of two limits, in each measure. */
export function lower(a: SpendLimit, b: SpendLimit): SpendLimit {
  const limit: SpendLimit = {}
  for (const measure of MEASURES) {
    const least = Math.min(a[measure] ?? Infinity, b[measure] ?? Infinity)
    if (least !== Infinity) limit[measure] = least
  }
  return limit
}

/** A limit as an owner writes it, in US dollars. */
export function limitOf({ tokens, usd }: { usd?: number; tokens?: number }): SpendLimit {
  return {
    ...(usd === undefined ? {} : { microUsd: microUsdOf(usd) }),
    ...(tokens === undefined ? {} : { tokens }),
  }
}

export function plus(a: Amount, b: Amount): Amount {
  return { microUsd: a.microUsd + b.microUsd, tokens: a.tokens + b.tokens }
}

export function minus(a: Amount, b: Amount): Amount {
  return { microUsd: a.microUsd - b.microUsd, tokens: a.tokens - b.tokens }
}

/** Key of the count of a whole day. */
export function dayKey(day: string): string {
  return `day!${day}!all`
}

/** Key of the count of an asker's day. */
export function askerDayKey(day: string, asker: string): string {
  return `day!${day}!asker!${asker}`
}

/** Key of the count of a job's day. */
export function jobDayKey(day: string, job: string): string {
  return `day!${day}!job!${job}`
}

/** Key of the count of a model's day: it has no cap, and is for the owner to see. */
export function modelDayKey(day: string, model: string): string {
  return `day!${day}!model!${model}`
}

/** Key of the count of an ask, in the order of deadlines: after it, nobody needs it. */
export function askKey(deadlineAt: number, asker: string, ask: string): string {
  return `${askKeysAt(deadlineAt)}${asker}!${ask}`
}

/** How the keys of asks with this deadline begin. */
export function askKeysAt(deadlineAt: number): string {
  return `ask!${deadlineAt.toString(16).padStart(14, '0')}!`
}

function microUsdOf(usd: number): number {
  return Math.min(Math.round(usd * 1_000_000), Number.MAX_SAFE_INTEGER)
}

/** Whether `used` is at least so many percent of `limit`, told by what is left of it: in integers, without overflow. */
function reached(level: Level, limit: number, used: number): boolean {
  switch (level) {
    case 80:
      return limit - used <= Math.floor(limit / 5)
    case 95:
      return limit - used <= Math.floor(limit / 20)
    case 100:
      return used >= limit
  }
}
