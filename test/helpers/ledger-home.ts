import assert from 'node:assert/strict'
import { NOTHING, plus } from '../../src/agent/budget.ts'
import type { Amount, Caps } from '../../src/agent/budget.ts'
import type { EngineAsk, Usage } from '../../src/agent/ports.ts'
import { amountOf } from '../../src/node/agent/cost-record.ts'
import { Ledger } from '../../src/node/agent/ledger.ts'
import type { Threshold } from '../../src/node/agent/ledger.ts'
import { Database } from '../../src/store/database.ts'
import { askOf } from '../agent/asks.ts'
import { askId } from './ask-calls.ts'
import { ManualClock } from './manual-clock.ts'
import { tempFolder } from './temp-folder.ts'

export const NO_CAPS: Caps = { ask: {}, askerDay: {}, day: {} }

/** A usage of so much money and so many tokens. */
export function usageOf(
  microUsd: number | undefined,
  tokens = 0,
  changes: Partial<Usage> = {},
): Usage {
  return {
    model: 'lab/large',
    inputTokens: tokens,
    outputTokens: 0,
    microUsd,
    estimated: false,
    ...changes,
  }
}

/** The `nth` ask of the peer of this name, with an hour's time at nine o'clock. */
export function spendingAsk(nth = 1, name = 'bob', changes: Partial<EngineAsk> = {}): EngineAsk {
  const asker = { name, id: `kith1${name}` }
  return askOf('', { id: askId(nth), asker, deadlineAt: Date.UTC(2026, 10, 21, 10), ...changes })
}

/** A ledger on disk, which can be closed and opened again as by a restart. */
export class LedgerHome {
  clock = new ManualClock()
  /** Changed in place: the ledger holds it. */
  readonly caps: Caps = { ...NO_CAPS }
  /** What was told of thresholds, as `day 80`. */
  readonly told: string[] = []
  onThreshold: (threshold: Threshold) => void = () => undefined
  readonly #folder: string
  #database: Database | undefined
  #ledger: Ledger | undefined

  constructor(folder: string) {
    this.#folder = folder
  }

  get ledger(): Ledger {
    assert.ok(this.#ledger !== undefined)
    return this.#ledger
  }

  get database(): Database {
    assert.ok(this.#database !== undefined)
    return this.#database
  }

  async open(): Promise<Ledger> {
    this.#database = await Database.open(this.#folder)
    const components = {
      database: this.#database,
      clock: this.clock,
      askerDay: () => this.caps.askerDay,
      zone: () => 'UTC',
      onThreshold: (threshold: Threshold) => {
        this.told.push(`${threshold.scope.name} ${threshold.level}`)
        this.onThreshold(threshold)
      },
    }
    this.#ledger = await Ledger.open(components, this.caps)
    return this.#ledger
  }

  /** Ends without settling anything, and opens again; what is left is reserved until `recover`. */
  async restart(): Promise<Ledger> {
    await this.#database?.close()
    return await this.open()
  }

  async close(): Promise<void> {
    await this.#database?.close()
  }

  /** The sum of all records. */
  async recorded(): Promise<Amount> {
    let sum = NOTHING
    for await (const { body } of this.ledger.journal.read()) sum = plus(sum, amountOf(body))
    return sum
  }
}

/** A ledger for each test, sound at the end of it. Call it in `describe`, its result in tests. */
export function ledgerHomes(): () => LedgerHome {
  const folder = tempFolder()
  let home: LedgerHome
  beforeEach(async () => {
    home = new LedgerHome(folder())
    await home.open()
  })
  afterEach(async () => {
    if (home.database.failure === undefined) {
      assert.equal((await home.ledger.journal.verify()).intact, true)
    }
    await home.close()
  })
  return () => home
}
