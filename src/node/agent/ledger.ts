import {
  NOTHING,
  decideReserve,
  isPassed,
  leftOf,
  levelsOf,
  lower,
  plus,
  scopesOf,
  modelDayKey,
} from '../../agent/budget.ts'
import type { Level, NodeCaps, Scope, Standing } from '../../agent/budget.ts'
import type { Budget, EngineAsk, Reservation, SpendLimit, Usage } from '../../agent/ports.ts'
import { dayIn } from '../../protocol/day.ts'
import { KithError } from '../../protocol/errors.ts'
import type { Database, Operation } from '../../store/database.ts'
import { Journal } from '../../store/journal.ts'
import { Repository } from '../../store/repository.ts'
import type { Clock } from '../clock.ts'
import { Accounts } from './accounts.ts'
import { amountOf, costRecord, openReservation, payerOf, storedUsage } from './cost-record.ts'
import type { CostRecord, OpenReservation, StoredUsage } from './cost-record.ts'

/** A share of a cap that was reached for the first time. */
export interface Threshold {
  level: Level
  scope: Scope
  /** Node id of the asker whose call it was, its ask, and the name of its job. */
  asker: string
  ask: string
  job?: string
}

export interface LedgerComponents {
  database: Database
  clock: Clock
  /** The cap that the day of this asker (node id) has now. */
  askerDay: (asker: string) => SpendLimit
  /** IANA name of the zone whose days count. */
  zone: () => string
  /**
   * Told of each level of each scope once, the lowest first. What it writes before it returns is in one batch with
   * what caused it.
   */
  onThreshold: (threshold: Threshold) => void
}

/** A reservation under way. */
interface Held extends OpenReservation {
  /** Where it is on disk. */
  key: string
  exhausted: AbortController
}

/**
 * The money of a node: nothing is spent that was not reserved before in every scope of its ask, and what was spent
 * is one record in a hash-chained journal. A decision is made at once, in memory, and then written: calls that come
 * together cannot pass a cap together.
 */
export class Ledger implements Budget {
  readonly accounts: Accounts
  readonly journal: Journal<CostRecord>
  readonly #components: LedgerComponents
  readonly #caps: NodeCaps
  readonly #open: Repository<OpenReservation>
  readonly #held = new Set<Held>()
  /** Those of the last process, to be settled by `recover`. */
  readonly #left: Held[] = []
  #opened = 0

  private constructor(components: LedgerComponents, caps: NodeCaps, journal: Journal<CostRecord>) {
    this.#components = components
    this.#caps = caps
    this.journal = journal
    this.accounts = new Accounts(components.database)
    this.#open = new Repository(components.database, 'budget-open', openReservation)
  }

  /** The ledger of this store. What is left of the last process counts as reserved until `recover`. */
  static async open(components: LedgerComponents, caps: NodeCaps): Promise<Ledger> {
    const journal = await Journal.open(components.database, 'costs', costRecord)
    const ledger = new Ledger(components, caps, journal)
    for await (const [key, row] of ledger.#open.entries()) {
      ledger.#opened = Number.parseInt(key, 16)
      ledger.#left.push(ledger.#hold(key, row))
    }
    return ledger
  }

  /** Settles at its whole amount what was reserved when the last process ended: nobody knows what it has spent. */
  async recover(): Promise<number> {
    const left = this.#left.splice(0)
    await Promise.all(
      left.map(async (held) => {
        await this.#settle(held, { ...held.most, estimated: true })
      }),
    )
    return left.length
  }

  async reserve(ask: EngineAsk, most: Usage): Promise<Reservation> {
    const { clock, database, zone } = this.#components
    const usage = storedUsage(most)
    const now = clock.now()
    const scopes = this.#scopesOf(ask, now)
    const wanted = { microUsd: most.microUsd, tokens: amountOf(usage).tokens }
    const decision = decideReserve(
      scopes.map((scope) => this.standing(scope)),
      wanted,
    )
    if (!decision.allowed) {
      const { resetAt, scope, why } = decision
      throw new KithError('budget-exhausted', why, { scope, resetAt }, { hint: 'kith budget' })
    }
    // No await may stand between the decision and this line: the next call decides on what it leaves.
    const row = { ...payerOf(ask, dayIn(zone(), now)), most: usage, scopes }
    const held = this.#hold(this.#nextKey(), row)
    try {
      await database.write([this.#open.put(held.key, row)], { durable: true })
    } catch (err) {
      this.#free(held)
      this.#release(held)
      throw err
    }
    let settled = false
    return {
      exhausted: held.exhausted.signal,
      settle: async (used) => {
        const spent = storedUsage(used)
        if (settled) throw new TypeError(`a reservation of ask ${ask.id} was settled twice`)
        settled = true
        await this.#settle(held, priced(spent, held.most))
      },
    }
  }

  left(ask: EngineAsk): SpendLimit {
    const scopes = this.#scopesOf(ask, this.#components.clock.now())
    return scopes.reduce<SpendLimit>(
      (least, scope) => lower(least, leftOf(this.standing(scope))),
      {},
    )
  }

  /** How far a scope is used. */
  standing(scope: Scope): Standing {
    const { microUsd, tokens } = this.accounts.get(scope.key)
    return { scope, spent: { microUsd, tokens }, reserved: this.accounts.reserved(scope.key) }
  }

  /** The scopes of what is reserved and not settled yet. */
  *underWay(): Generator<Scope> {
    for (const { scopes } of this.#held) yield* scopes
  }

  #scopesOf(ask: EngineAsk, now: number): Scope[] {
    const { askerDay, zone } = this.#components
    return scopesOf(ask, { ...this.#caps, askerDay: askerDay(ask.asker.id) }, now, zone())
  }

  /** Writes what was spent to every account, its record, and the end of its reservation, in one batch. */
  async #settle(held: Held, used: StoredUsage): Promise<void> {
    const { ask, asker, day, job, session } = held
    const { clock, onThreshold } = this.#components
    const ofJob = job === undefined ? {} : { job }
    const ofSession = session === undefined ? {} : { session }
    const record = { day, ask, asker, ...ofSession, ...ofJob, ...used }
    const seq = this.journal.head.seq + 1
    const model = modelDayKey(day, used.model)
    this.accounts.hold(model, NOTHING)
    this.#free(held)
    const reached: Threshold[] = []
    const operations: Operation[] = [this.#open.del(held.key), this.#spend(model, used, seq, [])]
    for (const scope of held.scopes) {
      const { level, microUsd, tokens } = this.accounts.get(scope.key)
      const spent = plus({ microUsd, tokens }, amountOf(used))
      const levels = levelsOf(scope.cap, spent).filter((next) => next > level)
      reached.push(...levels.map((next) => ({ level: next, scope, asker, ask, ...ofJob })))
      const cap = scope.name === 'job' ? scope.cap : undefined
      operations.push(this.#spend(scope.key, used, seq, levels, cap))
    }
    const written = this.journal.append(record, clock.now(), operations, { durable: true })
    for (const threshold of reached) onThreshold(threshold)
    this.#abortPassed()
    await written
    this.#release(held)
    this.accounts.release(model)
  }

  /** Adds a usage to an account. */
  #spend(
    key: string,
    used: StoredUsage,
    seq: number,
    levels: readonly Level[],
    cap?: SpendLimit,
  ): Operation {
    const account = this.accounts.get(key)
    return this.accounts.set(key, {
      ...plus(account, amountOf(used)),
      calls: account.calls + 1,
      unpriced: account.unpriced + (used.microUsd === undefined ? 1 : 0),
      level: levels.at(-1) ?? account.level,
      firstSeq: account.calls === 0 ? seq : account.firstSeq,
      ...(cap === undefined ? {} : { cap }),
    })
  }

  /** Ends what is under way where a scope could be passed: somebody has spent more than was reserved for it. */
  #abortPassed(): void {
    for (const { exhausted, scopes } of this.#held) {
      const passed = scopes.find((scope) => isPassed(this.standing(scope)))
      if (passed === undefined || exhausted.signal.aborted) continue
      const { name, resetAt } = passed
      const details = { scope: name, resetAt }
      exhausted.abort(new KithError('budget-exhausted', `${name} is used up`, details))
    }
  }

  #hold(key: string, row: OpenReservation): Held {
    const held = { ...row, key, exhausted: new AbortController() }
    for (const scope of held.scopes) this.accounts.hold(scope.key, amountOf(held.most))
    this.#held.add(held)
    return held
  }

  #free(held: Held): void {
    for (const scope of held.scopes) this.accounts.free(scope.key, amountOf(held.most))
    this.#held.delete(held)
  }

  #release(held: Held): void {
    for (const scope of held.scopes) this.accounts.release(scope.key)
  }

  #nextKey(): string {
    this.#opened++
    return this.#opened.toString(16).padStart(14, '0')
  }
}

/** A usage whose price is not known, at the price that was reserved for it: less might be too little. */
function priced(used: StoredUsage, most: StoredUsage): StoredUsage {
  if (used.microUsd !== undefined || most.microUsd === undefined) return used
  return { ...used, microUsd: most.microUsd, estimated: true }
}
