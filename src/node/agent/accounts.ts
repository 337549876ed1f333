import { z } from 'zod'
import { NOTHING, minus, plus } from '../../agent/budget.ts'
import type { Amount } from '../../agent/budget.ts'
import type { Database, Operation } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import type { KeyRange } from '../../store/repository.ts'

const count = z.int().nonnegative()

const accountSchema = z.strictObject({
  /** Of a job alone, whose cap comes with its asks: that of the last one that has spent. */
  cap: z.exactOptional(
    z.strictObject({ microUsd: z.exactOptional(count), tokens: z.exactOptional(count) }),
  ),
  /** Millionths of a US dollar, and tokens. */
  microUsd: count,
  tokens: count,
  calls: count,
  /** Calls among them whose price is not known. */
  unpriced: count,
  /** Highest level that the owner was told of. */
  level: z.union([z.literal(0), z.literal(80), z.literal(95), z.literal(100)]),
  /** Number of the first cost record that counts here. */
  firstSeq: count,
})

/** What was spent of one scope, or by one model in a day. */
export type Account = z.infer<typeof accountSchema>

const EMPTY: Account = { microUsd: 0, tokens: 0, calls: 0, unpriced: 0, level: 0, firstSeq: 0 }

/** An account while something is reserved of it, or while it is written. */
interface Live {
  account: Account
  reserved: Amount
  /** Reservations and writes that hold it here. */
  holds: number
}

/**
 * The accounts of a budget. Those in use are in memory, so that a decision sees what is not written yet; all others
 * are read when they are wanted.
 */
export class Accounts {
  readonly #rows: Repository<Account>
  readonly #live = new Map<string, Live>()

  constructor(database: Database) {
    this.#rows = new Repository(database, 'budget', accountSchema)
  }

  /** As it stands now, also what is not written yet. */
  get(key: string): Account {
    return this.#live.get(key)?.account ?? this.#rows.getSync(key) ?? EMPTY
  }

  reserved(key: string): Amount {
    return this.#live.get(key)?.reserved ?? NOTHING
  }

  /** Takes `amount` from what others may reserve, until `release`. */
  hold(key: string, amount: Amount): void {
    const live = this.#live.get(key) ?? {
      account: this.get(key),
      reserved: NOTHING,
      holds: 0,
    }
    live.reserved = plus(live.reserved, amount)
    live.holds++
    this.#live.set(key, live)
  }

  /** Gives `amount` back to what others may reserve. It is held until `release` all the same. */
  free(key: string, amount: Amount): void {
    const live = this.#held(key)
    live.reserved = minus(live.reserved, amount)
  }

  /** Lets go of one that was held, when what it has become is on disk. */
  release(key: string): void {
    const live = this.#held(key)
    live.holds--
    if (live.holds === 0) this.#live.delete(key)
  }

  /** Changes one that is held, and returns the change to be written. */
  set(key: string, account: Account): Operation {
    this.#held(key).account = account
    return this.#rows.put(key, account)
  }

  /** Keys and accounts in `range`, as they are on disk. */
  entries(range: KeyRange): AsyncGenerator<[string, Account]> {
    return this.#rows.entries(range)
  }

  /** The changes that remove what is in `range`. */
  async removal(range: KeyRange): Promise<Operation[]> {
    return await Array.fromAsync(this.#rows.keys(range), (key) => this.#rows.del(key))
  }

  #held(key: string): Live {
    const live = this.#live.get(key)
    if (live === undefined) throw new TypeError(`nobody holds the account ${key}`)
    return live
  }
}
