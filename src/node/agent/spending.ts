import { askKey, askKeysAt, askerDayKey, dayKey, jobDayKey, leftOf } from '../../agent/budget.ts'
import type { Amount, NodeCaps, Scope } from '../../agent/budget.ts'
import type { SpendLimit } from '../../agent/ports.ts'
import { dayIn, daysBefore, nextDayAt } from '../../protocol/day.ts'
import type { Database } from '../../store/database.ts'
import type { Entry, Journal } from '../../store/journal.ts'
import type { AskRecord } from '../asks/ask-store.ts'
import type { Clock } from '../clock.ts'
import type { Account, Accounts } from './accounts.ts'
import type { CostRecord } from './cost-record.ts'
import type { Ledger } from './ledger.ts'

/** Days that are kept, with their cost records. */
export const KEPT_DAYS = 400

/** Most cost records that are kept: some 60 MB. Days are kept without theirs. */
export const MAX_COST_RECORDS = 200_000

/** What an ask has spent is kept so long after its deadline, in ms. */
const KEPT_ASK_MS = 7 * 86_400_000

/** What was spent in a day: of all, of one asker, for one job, or by one model. */
export interface Spent extends Amount {
  calls: number
  /** Calls among them whose price is not known: they count for no money. */
  unpriced: number
}

/** How far a cap is used. Without a cap in a measure, `cap` and `left` do not have it. */
export interface Used extends Spent {
  cap: SpendLimit
  reserved: Amount
  left: SpendLimit
}

export interface Today {
  /** `2026-11-21`, in the zone of the node. */
  day: string
  /** When the next one begins, in ms since the epoch. */
  resetAt: number
  node: Used
  /** By node id, those who have spent and those who were asked for. */
  askers: Map<string, Used>
  /** By name, those that have spent and those that are about to. */
  jobs: Map<string, Used>
  /** By our name for the provider and its name for the model. */
  models: Map<string, Spent>
}

/** What was spent in one day. */
export interface DayTotal {
  day: string
  all: Spent
  askers: Map<string, Spent>
  jobs: Map<string, Spent>
  models: Map<string, Spent>
}

/** Dates, both included. */
export interface Days {
  from: string
  to: string
}

export interface SpendingComponents {
  database: Database
  ledger: Pick<Ledger, 'accounts' | 'journal' | 'standing' | 'underWay'>
  clock: Clock
  askerDay: (asker: string) => SpendLimit
  zone: () => string
}

/** What the owner sees of the ledger: how far caps are used, sums by day, asker, job and model, and every record. */
export class Spending {
  readonly #components: SpendingComponents
  readonly #caps: NodeCaps
  readonly #accounts: Accounts
  readonly #journal: Journal<CostRecord>

  constructor(components: SpendingComponents, caps: NodeCaps) {
    this.#components = components
    this.#caps = caps
    this.#accounts = components.ledger.accounts
    this.#journal = components.ledger.journal
  }

  /** How far the caps of today are used: those of the node, of whoever has spent, and of `askers` (node ids). */
  async today(askers: readonly string[] = []): Promise<Today> {
    const { askerDay, clock, zone } = this.#components
    const [day, resetAt] = [dayIn(zone(), clock.now()), nextDayAt(zone(), clock.now())]
    const [total] = await this.totals({ from: day, to: day })
    const used = (name: Scope['name'], key: string, cap: SpendLimit): Used =>
      this.#used({ name, key, cap, resetAt })
    const all = new Set([...(total?.askers.keys() ?? []), ...askers])
    return {
      day,
      resetAt,
      node: used('day', dayKey(day), this.#caps.day),
      askers: new Map(
        Array.from(all, (asker) => [
          asker,
          used('peer-day', askerDayKey(day, asker), askerDay(asker)),
        ]),
      ),
      jobs: new Map(
        Array.from(this.#jobCaps(day, total), ([job, cap]) => [
          job,
          used('job', jobDayKey(day, job), cap),
        ]),
      ),
      models: total?.models ?? new Map<string, Spent>(),
    }
  }

  /** Sums of each day on which something was spent, the oldest first. */
  async totals({ from, to }: Days): Promise<DayTotal[]> {
    const days = new Map<string, DayTotal>()
    for await (const [key, account] of this.#accounts.entries({
      gt: `day!${from}`,
      lt: `day!${to}"`,
    })) {
      const [, day = '', kind, ...who] = key.split('!')
      const total = days.get(day) ?? {
        day,
        all: spentOf(account),
        askers: new Map(),
        jobs: new Map(),
        models: new Map(),
      }
      days.set(day, total)
      if (kind === 'all') total.all = spentOf(account)
      if (kind === 'asker') total.askers.set(who.join('!'), spentOf(account))
      if (kind === 'job') total.jobs.set(who.join('!'), spentOf(account))
      if (kind === 'model') total.models.set(who.join('!'), spentOf(account))
    }
    return [...days.values()]
  }

  /** The records that count for these days, in the order in which they were written. */
  async *records({ from, to }: Days): AsyncGenerator<Entry<CostRecord>> {
    const first = await this.#firstSeq({ gt: `day!${from}`, lt: `day!${to}"` })
    if (first === undefined) return
    for await (const entry of this.#journal.read({ from: first })) {
      if (from <= entry.body.day && entry.body.day <= to) yield entry
    }
  }

  /** What an ask to us was charged for until now. */
  ofAsk({ ask, deadlineAt, peer }: Pick<AskRecord, 'ask' | 'deadlineAt' | 'peer'>): Spent {
    const { calls, microUsd, tokens, unpriced } = this.#accounts.get(askKey(deadlineAt, peer, ask))
    return { calls, microUsd, tokens, unpriced }
  }

  /** The model of the last call that this ask to us was charged for; undefined when it has called none. */
  async modelOf({
    ask,
    deadlineAt,
    peer,
  }: Pick<AskRecord, 'ask' | 'deadlineAt' | 'peer'>): Promise<string | undefined> {
    const { calls, firstSeq } = this.#accounts.get(askKey(deadlineAt, peer, ask))
    let [left, model]: [number, string | undefined] = [calls, undefined]
    if (left === 0) return undefined
    for await (const { body } of this.#journal.read({ from: firstSeq })) {
      if (body.ask !== ask) continue
      model = body.model
      if (--left === 0) return model
    }
    return model
  }

  /** Forgets days older than are kept, asks long over, and records beyond their number. */
  async prune(maxRecords = MAX_COST_RECORDS): Promise<void> {
    const { clock, database, zone } = this.#components
    const now = clock.now()
    const oldest = `day!${daysBefore(dayIn(zone(), now), KEPT_DAYS)}`
    const removals = [
      ...(await this.#accounts.removal({ gt: 'day!', lt: oldest })),
      ...(await this.#accounts.removal({ gt: 'ask!', lt: askKeysAt(now - KEPT_ASK_MS) })),
    ]
    await database.write(removals, { durable: false })
    const { seq: head } = this.#journal.head
    const kept = (await this.#firstSeq({ gte: oldest, lt: 'day"' })) ?? head
    await this.#journal.pruneBefore(Math.min(head, Math.max(kept, head - maxRecords + 1)))
  }

  /** Number of the first record of the days in `range`. */
  async #firstSeq(range: { gt?: string; gte?: string; lt: string }): Promise<number | undefined> {
    let first: number | undefined
    for await (const [, { firstSeq }] of this.#accounts.entries(range)) {
      first = Math.min(first ?? firstSeq, firstSeq)
    }
    return first
  }

  /** The jobs of a day, with the cap that each of them was last under. */
  #jobCaps(day: string, total: DayTotal | undefined): Map<string, SpendLimit> {
    const caps = new Map<string, SpendLimit>()
    for (const job of total?.jobs.keys() ?? []) {
      caps.set(job, this.#accounts.get(jobDayKey(day, job)).cap ?? {})
    }
    const prefix = jobDayKey(day, '')
    for (const { cap, key } of this.#components.ledger.underWay()) {
      if (key.startsWith(prefix)) caps.set(key.slice(prefix.length), cap)
    }
    return caps
  }

  #used(scope: Scope): Used {
    const { ledger } = this.#components
    const standing = ledger.standing(scope)
    const { cap } = scope
    const { reserved } = standing
    return { cap, reserved, left: leftOf(standing), ...spentOf(this.#accounts.get(scope.key)) }
  }
}

function spentOf({ calls, microUsd, tokens, unpriced }: Account): Spent {
  return { microUsd, tokens, calls, unpriced }
}
