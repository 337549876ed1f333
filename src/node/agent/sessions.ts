import type { Compaction, EngineAsk, Message, SessionHistory, Sessions } from '../../agent/ports.ts'
import type { Database, Operation } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import type { Clock } from '../clock.ts'
import { compactionSchema, messageSchema, sessionSchema } from './session-records.ts'
import type { CompactionRecord, MessageRecord, SessionRecord } from './session-records.ts'

export interface SessionsInit {
  /** Most messages of one session, those before its last compaction included. @default 1_000 */
  maxMessages?: number
  /** Most text of one session, in bytes of UTF-8. @default 4_194_304 */
  maxBytes?: number
  /** Most sessions of one asker: a further one takes the place of the one that was quiet for longest. @default 64 */
  maxSessions?: number
  /** A session that is quiet for longer is forgotten, in ms. @default 2_592_000_000 */
  maxAgeMs?: number
}

export const SESSIONS_DEFAULTS: Required<SessionsInit> = {
  maxMessages: 1_000,
  maxBytes: 4_194_304,
  maxSessions: 64,
  maxAgeMs: 2_592_000_000,
}

/** Most compactions that a session remembers. */
const MAX_COMPACTIONS = 32

export interface SessionsComponents {
  database: Database
  clock: Pick<Clock, 'now'>
  onCompacted?: (session: SessionKey, record: CompactionRecord) => void
}

/** Which session: one of this asker's, whatever others call theirs. */
export interface SessionKey {
  /** Node id. */
  asker: string
  session: string
}

/** A session as its owner may see it, with what was said before its compactions as far as it is kept. */
export interface SessionView {
  record: SessionRecord
  messages: Message[]
  compactions: CompactionRecord[]
}

/**
 * Keeps what was said in sessions. A session belongs to its asker: its key begins with the id that the connection
 * has proved, so that no name of a session reaches that of another asker. Changes are made one after the other.
 */
export class SessionStore implements Sessions {
  readonly #database: Database
  readonly #components: SessionsComponents
  readonly #limits: Required<SessionsInit>
  readonly #records: Repository<SessionRecord>
  readonly #messages: Repository<MessageRecord>
  readonly #compactions: Repository<CompactionRecord>
  #lastChange: Promise<unknown> = Promise.resolve()

  constructor(components: SessionsComponents, init: SessionsInit = {}) {
    const { database } = components
    this.#database = database
    this.#components = components
    this.#limits = { ...SESSIONS_DEFAULTS, ...init }
    this.#records = new Repository(database, 'sessions', sessionSchema)
    this.#messages = new Repository(database, 'session-messages', messageSchema)
    this.#compactions = new Repository(database, 'session-compactions', compactionSchema)
  }

  async read(ask: EngineAsk): Promise<SessionHistory> {
    const key = keyOfAsk(ask)
    const record = key === undefined ? undefined : await this.#live(key)
    if (record === undefined) return { messages: [], from: 0 }
    const { from, summary } = record
    const messages = await this.#messagesOf(record, from)
    return summary === undefined ? { messages, from } : { summary, messages, from }
  }

  async append(ask: EngineAsk, messages: readonly Message[]): Promise<void> {
    const key = keyOfAsk(ask)
    if (key === undefined) return
    await this.#change(async () => {
      const before = await this.#live(key)
      const operations = before === undefined ? await this.#makeRoom(key) : []
      const record: SessionRecord = { ...(before ?? this.#started(key)) }
      for (const { at, role, text } of messages) {
        operations.push(this.#messages.put(messageKey(key, record.next), { role, text, at }))
        record.next++
        record.bytes += Buffer.byteLength(text)
      }
      record.lastAt = this.#components.clock.now()
      operations.push(...(await this.#trim(record, messages)))
      operations.push(this.#records.put(textKey(key), record))
      await this.#database.write(operations, { durable: true })
    })
  }

  async compact(ask: EngineAsk, compaction: Compaction): Promise<void> {
    const key = keyOfAsk(ask)
    if (key === undefined) return
    await this.#change(async () => {
      const record = await this.#live(key)
      if (record === undefined) return
      const { summary, tokensAfter, tokensBefore, trigger, truncated, upTo: from } = compaction
      // Another one came first, or the session is a new one of this name.
      if (from < record.from || from > record.next) return
      const at = this.#components.clock.now()
      const made = { at, trigger, tokensBefore, tokensAfter, messages: from, truncated }
      const nth = record.compactions
      await this.#database.write(
        [
          this.#records.put(textKey(key), { ...record, from, summary, compactions: nth + 1 }),
          this.#compactions.put(messageKey(key, nth), made),
          ...(nth < MAX_COMPACTIONS
            ? []
            : [this.#compactions.del(messageKey(key, nth - MAX_COMPACTIONS))]),
        ],
        { durable: true },
      )
      this.#components.onCompacted?.(key, made)
    })
  }

  /** The sessions of `asker`, or of everybody, by asker and name. */
  async list(asker?: string): Promise<SessionRecord[]> {
    const range = asker === undefined ? {} : rangeOfAsker(asker)
    const records = await Array.fromAsync(this.#records.values(range))
    return records.filter((record) => !this.#isOver(record))
  }

  /** A whole session, or undefined when that asker has none of this name. */
  async show(key: SessionKey): Promise<SessionView | undefined> {
    const record = await this.#live(key)
    if (record === undefined) return undefined
    return {
      record,
      messages: await this.#messagesOf(record, record.first),
      compactions: await Array.fromAsync(this.#compactions.values(rangeOf(key))),
    }
  }

  /** Forgets a session. False when there is none. On disk when this resolves. */
  async remove(key: SessionKey): Promise<boolean> {
    return await this.#change(async () => {
      if ((await this.#records.get(textKey(key))) === undefined) return false
      await this.#database.write(await this.#removal(key), { durable: true })
      return true
    })
  }

  /** Forgets the sessions that were quiet for too long. Returns how many. */
  async prune(): Promise<number> {
    return await this.#change(async () => {
      let pruned = 0
      for await (const record of this.#records.values()) {
        if (!this.#isOver(record)) continue
        await this.#database.write(await this.#removal(record), { durable: false })
        pruned++
      }
      return pruned
    })
  }

  /** The record of a session that is not over. */
  async #live(key: SessionKey): Promise<SessionRecord | undefined> {
    const record = await this.#records.get(textKey(key))
    return record === undefined || this.#isOver(record) ? undefined : record
  }

  #isOver({ lastAt }: SessionRecord): boolean {
    return lastAt + this.#limits.maxAgeMs <= this.#components.clock.now()
  }

  #started({ asker, session }: SessionKey): SessionRecord {
    const now = this.#components.clock.now()
    const counts = { first: 0, next: 0, from: 0, bytes: 0, compactions: 0 }
    return { asker, session, startedAt: now, lastAt: now, ...counts }
  }

  async #messagesOf(key: SessionKey, from: number): Promise<Message[]> {
    const range = { gte: messageKey(key, from), lt: rangeOf(key).lt }
    return await Array.fromAsync(this.#messages.values(range))
  }

  /** Takes the oldest messages out of `record` until it is within its limits. `added` are not on disk yet. */
  async #trim(record: SessionRecord, added: readonly Message[]): Promise<Operation[]> {
    const { maxBytes, maxMessages } = this.#limits
    const operations: Operation[] = []
    const oldest = record.next - added.length
    while (
      record.next - record.first > maxMessages ||
      (record.bytes > maxBytes && record.first < record.next)
    ) {
      const nth = record.first
      const message =
        nth < oldest ? await this.#messages.get(messageKey(record, nth)) : added[nth - oldest]
      record.bytes -= Buffer.byteLength(message?.text ?? '')
      record.first++
      operations.push(this.#messages.del(messageKey(record, nth)))
    }
    record.from = Math.max(record.from, record.first)
    return operations
  }

  /** Takes what is left of the session of this name, and the quietest one where the asker has too many. */
  async #makeRoom(key: SessionKey): Promise<Operation[]> {
    const others = (await Array.fromAsync(this.#records.values(rangeOfAsker(key.asker)))).filter(
      ({ session }) => session !== key.session,
    )
    const quietest = others.toSorted((a, b) => a.lastAt - b.lastAt)
    const tooMany = quietest.slice(0, Math.max(0, others.length + 1 - this.#limits.maxSessions))
    const removals = await Promise.all([key, ...tooMany].map((other) => this.#removal(other)))
    return removals.flat()
  }

  async #removal(key: SessionKey): Promise<Operation[]> {
    const messages = await Array.fromAsync(this.#messages.keys(rangeOf(key)))
    const compactions = await Array.fromAsync(this.#compactions.keys(rangeOf(key)))
    return [
      this.#records.del(textKey(key)),
      ...messages.map((row) => this.#messages.del(row)),
      ...compactions.map((row) => this.#compactions.del(row)),
    ]
  }

  /** Runs `change` after every earlier one: each builds on what the one before has written. */
  async #change<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#lastChange.then(change)
    this.#lastChange = changed.catch(() => undefined)
    return await changed
  }
}

function keyOfAsk({ asker, session }: EngineAsk): SessionKey | undefined {
  return session === undefined ? undefined : { asker: asker.id, session }
}

/** Neither a node id nor the name of a session has a `!`: no two keys are one text. */
function textKey({ asker, session }: SessionKey): string {
  return `${asker}!${session}`
}

function messageKey(key: SessionKey, nth: number): string {
  return `${textKey(key)}!${nth.toString(16).padStart(14, '0')}`
}

function rangeOf(key: SessionKey): { gt: string; lt: string } {
  return { gt: `${textKey(key)}!`, lt: `${textKey(key)}"` }
}

function rangeOfAsker(asker: string): { gt: string; lt: string } {
  return { gt: `${asker}!`, lt: `${asker}"` }
}
