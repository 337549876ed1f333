import { hash } from 'node:crypto'
import { z } from 'zod'
import { isFinal, mayFollow, finalState } from '../../protocol/ask.ts'
import type { AskState } from '../../protocol/ask.ts'
import { encode } from '../../protocol/cbor.ts'
import type { CborValue } from '../../protocol/cbor.ts'
import { uuidTime } from '../../protocol/uuid.ts'
import { askCall, askEvent } from '../../protocol/verbs.ts'
import type { AskCall, AskFinal } from '../../protocol/verbs.ts'
import type { Database, Operation } from '../../store/database.ts'
import { Journal } from '../../store/journal.ts'
import type { JournalVerdict } from '../../store/journal.ts'
import { Repository } from '../../store/repository.ts'
import type { KeyRange } from '../../store/repository.ts'
import type { Clock } from '../clock.ts'
import { recordSchema, stepSchema } from './ask-records.ts'
import type { AskEvent } from './feed.ts'

/** `in`: asked of us; `out`: asked by us. */
export type Direction = 'in' | 'out'

/** Where an ask stands. What was asked, and what was answered, are kept beside it. */
export type AskRecord = z.infer<typeof recordSchema>

type Step = z.infer<typeof stepSchema>

const NO_CONTENT = new Uint8Array(0)

/** Keeps asks of both directions: a hash-chained journal of every step, and beside it what each step brought. */
export class AskStore {
  readonly #database: Database
  readonly #clock: Clock
  readonly #journal: Journal<Step>
  readonly #records: Repository<AskRecord>
  readonly #calls: Repository<AskCall>
  readonly #events: Repository<z.infer<typeof askEvent>>
  /** Keys of the records that have no final, so that a start need not read all of them. */
  readonly #open: Repository<null>
  /** Keys of records by ask id, which holds the time: to find one, and to list the newest. */
  readonly #ids: Repository<string>
  /** Keys of final records by the time of their end, so that pruning need not either. */
  readonly #ended: Repository<string>
  /** By asker, the time in the newest id that was forgotten: it tells old ids when no clock can. */
  readonly #forgotten: Repository<number>
  readonly #newestForgotten = new Map<string, number>()
  /** Asks since this process began; `ended` by direction and state, such as `in done`. */
  readonly totals = { begun: { in: 0, out: 0 }, ended: new Map<string, number>() }

  private constructor(database: Database, clock: Clock, journal: Journal<Step>) {
    this.#database = database
    this.#clock = clock
    this.#journal = journal
    this.#records = new Repository(database, 'asks', recordSchema)
    this.#calls = new Repository(database, 'ask-calls', askCall)
    this.#events = new Repository(database, 'ask-events', askEvent)
    this.#open = new Repository(database, 'asks-open', z.null())
    this.#ids = new Repository(database, 'asks-by-id', z.string())
    this.#ended = new Repository(database, 'asks-ended', z.string())
    this.#forgotten = new Repository(database, 'asks-forgotten', z.int())
  }

  static async open(database: Database, clock: Clock): Promise<AskStore> {
    const journal = await Journal.open(database, 'ask-journal', stepSchema)
    const store = new AskStore(database, clock, journal)
    for await (const [id, at] of store.#forgotten.entries()) store.#newestForgotten.set(id, at)
    return store
  }

  /** The record of an ask, as last written. Asks of a peer are that peer's only. */
  get(direction: Direction, peer: string, ask: string): AskRecord | undefined {
    return this.#records.getSync(keyOf({ direction, peer, ask }))
  }

  /** The time in the newest id of this asker that was forgotten, in ms since the epoch. */
  newestForgotten(asker: string): number | undefined {
    return this.#newestForgotten.get(asker)
  }

  /** What was asked. */
  async call(record: AskRecord): Promise<AskCall | undefined> {
    return await this.#calls.get(keyOf(record))
  }

  /** The events of an ask after `after`, as they were when the loop began. */
  async *events(record: AskRecord, after = 0): AsyncGenerator<AskEvent> {
    let seq = after
    const range = { gt: eventKey(record, after), lt: eventKey(record, Number.MAX_SAFE_INTEGER) }
    for await (const body of this.#events.values(range)) yield { seq: ++seq, body }
  }

  /** Sequence number of the newest event of an ask, 0 before the first. */
  async lastSeq(record: AskRecord): Promise<number> {
    const range = { gt: eventKey(record, 0), lt: eventKey(record, Number.MAX_SAFE_INTEGER) }
    for await (const key of this.#events.keys({ ...range, reverse: true, limit: 1 })) {
      return Number.parseInt(key.slice(key.lastIndexOf('!') + 1), 16)
    }
    return 0
  }

  /** The events of an ask after `after`, then its final. */
  async *replay(record: AskRecord, after: number): AsyncGenerator<AskEvent, AskFinal> {
    yield* this.events(record, after)
    if (record.final === undefined) throw new TypeError(`ask ${record.ask} has no final to replay`)
    return record.final
  }

  /** Asks that have no final. */
  async unfinished(): Promise<AskRecord[]> {
    const records: AskRecord[] = []
    for await (const key of this.#open.keys()) {
      const record = await this.#records.get(key)
      if (record !== undefined) records.push(record)
    }
    return records
  }

  /** The newest asks that are kept, newest first. */
  async list(limit: number): Promise<AskRecord[]> {
    return await this.#byId({ reverse: true, limit })
  }

  /** The ask with this id. Of several, since peers choose the ids of theirs, ours comes before theirs. */
  async find(ask: string): Promise<AskRecord | undefined> {
    const records = await this.#byId({ gt: `${ask}!`, lt: `${ask}"` })
    return records.find(({ direction }) => direction === 'out') ?? records[0]
  }

  /** Stores a new ask, on disk when this resolves. `state` is `claimed` when it runs at once. */
  async create(record: AskRecord, call: AskCall): Promise<void> {
    this.totals.begun[record.direction]++
    await this.#append(record, record.state, record.digest, true, [
      this.#records.put(keyOf(record), record),
      this.#calls.put(keyOf(record), call),
      this.#open.put(keyOf(record), null),
      this.#ids.put(idKey(record), keyOf(record)),
    ])
  }

  /** Moves an ask on, on disk when this resolves. @throws {TypeError} when the states do not follow each other */
  async advance(record: AskRecord, state: AskState): Promise<AskRecord> {
    assertFollows(record, state)
    const next = { ...record, state }
    await this.#append(next, state, NO_CONTENT, true, [this.#records.put(keyOf(next), next)])
    return next
  }

  /** Notes at the asker that its person cancelled. On disk when this resolves. */
  async noteCancel(record: AskRecord): Promise<AskRecord> {
    const next = { ...record, cancelled: true }
    await this.#append(next, 'cancel', NO_CONTENT, true, [this.#records.put(keyOf(next), next)])
    return next
  }

  /**
   * Stores a piece of the answer. It survives the end of this process when this resolves; only the steps that are
   * on disk by fsync survive the machine's, and a final is one.
   */
  async addEvent(record: AskRecord, event: AskEvent): Promise<void> {
    await this.#append(record, 'event', digestOf(event.body), false, [
      this.#events.put(eventKey(record, event.seq), event.body),
    ])
  }

  /**
   * Stores the one final. On disk when this resolves, where it was given; where it was received, it is there to be
   * fetched again should the machine lose it.
   *
   * @throws {TypeError} when there is one already
   */
  async finish(record: AskRecord, final: AskFinal): Promise<AskRecord> {
    const state = finalState(final, record.state)
    assertFollows(record, state)
    const finalAt = this.#clock.now()
    const next: AskRecord = { ...record, state, final, finalAt }
    const given = record.direction === 'in'
    const kind = `${record.direction} ${state}`
    this.totals.ended.set(kind, (this.totals.ended.get(kind) ?? 0) + 1)
    await this.#append(next, state, digestOf(final), given, [
      this.#records.put(keyOf(next), next),
      this.#open.del(keyOf(next)),
      this.#ended.put(endedKey(next, finalAt), keyOf(next)),
    ])
    return next
  }

  /** Forgets asks that ended before `before`, with all they brought and the steps before it. Returns how many. */
  async prune(before: number): Promise<number> {
    let pruned = 0
    for await (const [endedAt, key] of this.#ended.entries({ lt: timeKey(before) })) {
      const record = await this.#records.get(key)
      const operations: Operation[] = [
        this.#ended.del(endedAt),
        this.#records.del(key),
        this.#calls.del(key),
        ...(record === undefined ? [] : this.#forget(record)),
      ]
      const events = this.#events.keys({ gt: `${key}!`, lt: `${key}"` })
      for await (const event of events) operations.push(this.#events.del(event))
      await this.#database.write(operations, { durable: false })
      pruned++
    }
    await this.#pruneJournal(before)
    return pruned
  }

  async verify(): Promise<JournalVerdict> {
    return await this.#journal.verify()
  }

  /** Notes the time in an id in the batch that removes it, and here before: it is never without both. */
  #forget(record: AskRecord): Operation[] {
    const removal = this.#ids.del(idKey(record))
    if (record.direction === 'out') return [removal]
    const at = Math.max(uuidTime(record.ask), this.newestForgotten(record.peer) ?? 0)
    this.#newestForgotten.set(record.peer, at)
    return [removal, this.#forgotten.put(record.peer, at)]
  }

  async #pruneJournal(before: number): Promise<void> {
    let keepFrom = 0
    for await (const { at, seq } of this.#journal.read()) {
      if (at >= before) break
      keepFrom = seq + 1
    }
    // The newest entry stays, so that the next one has one to follow.
    await this.#journal.pruneBefore(Math.min(keepFrom, this.#journal.head.seq))
  }

  async #byId(range: KeyRange): Promise<AskRecord[]> {
    const records: AskRecord[] = []
    for await (const key of this.#ids.values(range)) {
      const record = await this.#records.get(key)
      if (record !== undefined) records.push(record)
    }
    return records
  }

  async #append(
    { direction, peer, ask }: AskRecord,
    step: Step['step'],
    digest: Uint8Array,
    durable: boolean,
    operations: Operation[],
  ): Promise<void> {
    const body = { direction, peer, ask, step, digest }
    await this.#journal.append(body, this.#clock.now(), operations, { durable })
  }
}

/** SHA-256 of a value's canonical bytes. */
export function digestOf(value: CborValue): Uint8Array {
  return new Uint8Array(hash('sha256', encode(value), 'buffer'))
}

function assertFollows(record: AskRecord, state: AskState): void {
  // The asker does not follow its peer through all states: its record goes from the first to the final.
  const fits = record.direction === 'out' ? !isFinal(record.state) : mayFollow(record.state, state)
  if (!fits) throw new TypeError(`ask ${record.ask}: ${state} cannot follow ${record.state}`)
}

function keyOf({ direction, peer, ask }: Pick<AskRecord, 'direction' | 'peer' | 'ask'>): string {
  return `${direction}!${peer}!${ask}`
}

function eventKey(record: AskRecord, seq: number): string {
  return `${keyOf(record)}!${seq.toString(16).padStart(14, '0')}`
}

function idKey(record: AskRecord): string {
  return `${record.ask}!${keyOf(record)}`
}

function timeKey(at: number): string {
  return at.toString(16).padStart(14, '0')
}

function endedKey(record: AskRecord, at: number): string {
  return `${timeKey(at)}!${keyOf(record)}`
}
