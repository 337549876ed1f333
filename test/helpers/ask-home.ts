import assert from 'node:assert/strict'
import { pino } from 'pino'
import { z } from 'zod'
import { Breakers } from '../../src/node/agent/breakers.ts'
import { AskStore } from '../../src/node/asks/ask-store.ts'
import { DailyBytes } from '../../src/node/asks/daily-bytes.ts'
import type { AskEvent } from '../../src/node/asks/feed.ts'
import type { AskHandle } from '../../src/node/asks/handle.ts'
import type { AskFinal } from '../../src/protocol/verbs.ts'
import { Database } from '../../src/store/database.ts'
import { Journal } from '../../src/store/journal.ts'
import { ManualClock } from './manual-clock.ts'
import { settle } from './memory-channel.ts'
import { tempFolder } from './temp-folder.ts'

const step = z.object({ ask: z.string(), step: z.string() })

/** A store of asks on disk, which can be closed and opened again as by a restart. */
export class AskHome {
  clock = new ManualClock()
  readonly #folder: string
  #database: Database | undefined
  #store: AskStore | undefined
  #bytes: DailyBytes | undefined
  #breakers: Breakers | undefined

  constructor(folder: string) {
    this.#folder = folder
  }

  get store(): AskStore {
    assert.ok(this.#store !== undefined)
    return this.#store
  }

  get bytes(): DailyBytes {
    assert.ok(this.#bytes !== undefined)
    return this.#bytes
  }

  get breakers(): Breakers {
    assert.ok(this.#breakers !== undefined)
    return this.#breakers
  }

  get database(): Database {
    assert.ok(this.#database !== undefined)
    return this.#database
  }

  async open(): Promise<AskStore> {
    this.#database = await Database.open(this.#folder)
    this.#store = await AskStore.open(this.#database, this.clock)
    this.#bytes = await DailyBytes.open({
      database: this.#database,
      clock: this.clock,
      zone: () => 'UTC',
      log: pino({ level: 'silent' }),
    })
    this.#breakers = await Breakers.open({
      database: this.#database,
      clock: this.clock,
      random: () => 0.5,
      log: pino({ level: 'silent' }),
    })
    return this.#store
  }

  /**
   * Ends as a crash does: what was not written by now is not, and no timer runs on. Opens again so much later, in
   * ms, on a clock of its own.
   */
  async crash(laterMs = 0): Promise<AskStore> {
    await this.database.close()
    this.clock = new ManualClock(this.clock.now() + laterMs)
    return await this.open()
  }

  /** Resolves when what is under way has been written, and what that caused too. */
  async quiet(): Promise<void> {
    for (let round = 0; round < 12; round++) {
      await settle(4)
      await this.database.write([], { durable: false })
    }
    await settle(4)
  }

  /** Moves the clock once all is quiet, and waits for what that causes. */
  async pass(ms: number): Promise<void> {
    await this.quiet()
    this.clock.advance(ms)
    await this.quiet()
  }

  async close(): Promise<void> {
    await this.#database?.close()
  }

  /** The steps of this ask that the journal has, in order. */
  async steps(ask: string): Promise<string[]> {
    const journal = await Journal.open(this.database, 'ask-journal', step)
    const all = await Array.fromAsync(journal.read())
    return all.filter(({ body }) => body.ask === ask).map(({ body }) => body.step)
  }
}

/** A home for each test, whose journal is sound at the end of it. Call it in `describe`, its result in tests. */
export function askHomes(): () => AskHome {
  const folder = tempFolder()
  let home: AskHome
  beforeEach(async () => {
    home = new AskHome(folder())
    await home.open()
  })
  afterEach(async () => {
    if (home.database.failure === undefined) {
      assert.equal((await home.store.verify()).intact, true)
    }
    await home.close()
  })
  return () => home
}

/** An answer, read to its end. */
export interface ReadAnswer {
  seqs: number[]
  text: string
  final: AskFinal
}

/** All that a handle gives. */
export async function readAnswer(
  handle: Pick<AskHandle, 'read'>,
  after = 0,
  signal?: AbortSignal,
): Promise<ReadAnswer> {
  const events: AskEvent[] = []
  const reader = handle.read(after, signal)
  for (;;) {
    const { done, value } = await reader.next()
    if (done === true) {
      const text = events.map(({ body }) => (body.kind === 'text' ? body.text : '')).join('')
      return { seqs: events.map(({ seq }) => seq), text, final: value }
    }
    events.push(value)
  }
}

/** The code of a bad final, or `done`. */
export function codeOf(final: AskFinal): string {
  return final.outcome === 'done' ? 'done' : final.code
}
