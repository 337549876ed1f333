import { z } from 'zod'
import { decode, encode, type CborValue } from '../protocol/cbor.ts'
import { KithError } from '../protocol/errors.ts'
import { sha256 } from '../protocol/sha256.ts'
import type { Database, Operation, Sublevel, WriteOptions } from './database.ts'
import { Repository } from './repository.ts'

/** Which entry, and that it is this one. */
export interface EntryRef {
  /** Counts from 1 without a gap. */
  seq: number
  /** SHA-256 of the entry's bytes. */
  hash: Uint8Array
}

export interface Entry<T> extends EntryRef {
  /** Hash of the entry before; of the first one, zeros. */
  prev: Uint8Array
  /** Time of writing, in ms since the epoch, by this node's clock. */
  at: number
  body: T
}

/** What `verify` found; of several bad entries, the first. */
export type JournalVerdict =
  | { intact: true; entries: number; head: EntryRef }
  | { intact: false; seq: number; problem: 'edited' | 'missing' | 'reordered' }

const HASH_BYTES = 32

/** Stands before the first entry. */
const GENESIS: EntryRef = { seq: 0, hash: new Uint8Array(HASH_BYTES) }

/** Entries deleted in one batch: few enough that appends need not wait long behind it. */
const PRUNE_ENTRIES = 1_000

const seqSchema = z.int().nonnegative()
const hashSchema = z.custom<Uint8Array>(
  (value) => value instanceof Uint8Array && value.byteLength === HASH_BYTES,
)
const refSchema = z.strictObject({ seq: seqSchema, hash: hashSchema })
const entrySchema = z.strictObject({
  seq: seqSchema,
  prev: hashSchema,
  at: z.int(),
  body: z.unknown(),
})

/**
 * An append-only list of typed entries, each holding the hash of the one before.
 *
 * Row: key `seq` in hexadecimal, value `hash (32) | entry`, where entry is the DAG-CBOR of
 * `{seq, prev, at, body}`. Beside the rows are two refs: the head, written with each entry so that a
 * lost end is noticed, and the anchor, the last entry that was pruned.
 */
export class Journal<T extends CborValue> {
  readonly #database: Database
  readonly #name: string
  readonly #rows: Sublevel
  readonly #ends: Repository<z.infer<typeof refSchema>>
  readonly #body: z.ZodType<T>
  #head: EntryRef = GENESIS

  private constructor(database: Database, name: string, body: z.ZodType<T>) {
    this.#database = database
    this.#name = name
    this.#rows = database.sublevel(name)
    this.#ends = new Repository(database, `${name}-ends`, refSchema)
    this.#body = body
  }

  /**
   * The journal `name`, empty if there is none. Reads its head and no entry: `verify` reads them all.
   *
   * @throws {KithError} `corrupt` when there are entries after the head, which an append would replace.
   */
  static async open<T extends CborValue>(
    database: Database,
    name: string,
    body: z.ZodType<T>,
  ): Promise<Journal<T>> {
    const journal = new Journal(database, name, body)
    journal.#head = (await journal.#ends.get('head')) ?? GENESIS
    const [after] = await journal.#rows.keys({ gt: keyOf(journal.#head.seq), limit: 1 }).all()
    if (after !== undefined) throw journal.#corrupt(seqOf(after))
    return journal
  }

  /** The last entry appended, whether or not it is on disk yet. */
  get head(): EntryRef {
    return this.#head
  }

  /** The last entry that was pruned; number 0 while none was. */
  async anchor(): Promise<EntryRef> {
    return (await this.#ends.get('anchor')) ?? GENESIS
  }

  /**
   * Writes an entry, in one batch with `operations`. Entries stand in the order of the calls, also
   * of those that do not wait for each other.
   *
   * @throws {KithError} as `Database.write`
   */
  async append(
    body: T,
    at: number,
    operations: Operation[],
    options: WriteOptions,
  ): Promise<EntryRef> {
    const seq = this.#head.seq + 1
    const entry = encode({ seq, prev: this.#head.hash, at, body })
    const ref = { seq, hash: sha256(entry) }
    const value = Buffer.concat([ref.hash, entry])
    // No await may stand before this line: the next append builds on this head.
    this.#head = ref
    await this.#database.write(
      [
        { type: 'put', sublevel: this.#rows, key: keyOf(seq), value },
        this.#ends.put('head', ref),
        ...operations,
      ],
      options,
    )
    return ref
  }

  /**
   * The entries from `from` up to and including `to`, as they were when the loop began.
   *
   * @throws {KithError} `corrupt` at one that cannot be read. Hashes are for `verify`.
   */
  async *read({ from = 1, to = Number.MAX_SAFE_INTEGER } = {}): AsyncGenerator<Entry<T>> {
    for await (const [key, row] of this.#rows.iterator({ gte: keyOf(from), lte: keyOf(to) })) {
      yield this.#parse(seqOf(key), row)
    }
  }

  /**
   * Whether every entry since the anchor is there, unedited and in its place. Reads all of them.
   * A whole journal written anew looks intact: keep `head` elsewhere to notice that.
   */
  async verify(): Promise<JournalVerdict> {
    const snapshot = this.#database.snapshot()
    try {
      const anchor = (await this.#ends.get('anchor', snapshot)) ?? GENESIS
      const head = (await this.#ends.get('head', snapshot)) ?? GENESIS
      let before = anchor
      for await (const [key, row] of this.#rows.iterator({ snapshot })) {
        const seq = seqOf(key)
        if (seq > before.seq + 1) return bad(before.seq + 1, 'missing')
        const link = readLink(row)
        if (link === undefined) return bad(seq, 'edited')
        if (seq <= before.seq || link.seq !== seq) return bad(seq, 'reordered')
        // This entry is what its own hash says, so the one before is not what it was.
        if (!sameBytes(link.prev, before.hash)) return bad(before.seq, 'edited')
        before = { seq, hash: hashOf(row) }
      }
      if (before.seq < head.seq) return bad(before.seq + 1, 'missing')
      if (!sameBytes(before.hash, head.hash)) return bad(before.seq, 'edited')
      return { intact: true, entries: head.seq - anchor.seq, head }
    } finally {
      await snapshot.close()
    }
  }

  /**
   * Deletes the entries before `seq`, keeping the hash of the last of them as the anchor from which
   * `verify` starts. Returns how many there were.
   */
  async pruneBefore(seq: number): Promise<number> {
    let pruned = 0
    for (;;) {
      const keys = await this.#rows.keys({ lt: keyOf(seq), limit: PRUNE_ENTRIES }).all()
      const last = keys.at(-1)
      const row = last === undefined ? undefined : await this.#rows.get(last)
      if (last === undefined || row === undefined) return pruned
      const anchor = this.#ends.put('anchor', { seq: seqOf(last), hash: hashOf(row) })
      const deletions = keys.map((key): Operation => ({ type: 'del', sublevel: this.#rows, key }))
      await this.#database.write([...deletions, anchor], { durable: false })
      pruned += keys.length
    }
  }

  #parse(seq: number, row: Uint8Array): Entry<T> {
    try {
      const { prev, at, body } = entrySchema.parse(decode(row.subarray(HASH_BYTES)))
      return { seq, hash: hashOf(row), prev, at, body: this.#body.parse(body) }
    } catch (err) {
      throw this.#corrupt(seq, err)
    }
  }

  #corrupt(seq: number, cause?: unknown): KithError<'corrupt'> {
    const what = `${this.#name}/${seq}`
    return new KithError('corrupt', `the entry ${what} is damaged`, { what }, { cause })
  }
}

/** What `row` says of its own place, or undefined when it is not the entry that was written. */
function readLink(row: Uint8Array): z.infer<typeof entrySchema> | undefined {
  const entry = row.subarray(HASH_BYTES)
  if (!sameBytes(hashOf(row), sha256(entry))) return undefined
  try {
    return entrySchema.parse(decode(entry))
  } catch {
    return undefined
  }
}

function bad(seq: number, problem: 'edited' | 'missing' | 'reordered'): JournalVerdict {
  return { intact: false, seq, problem }
}

/** Fixed in width, so that the order of keys is the order of numbers: 2^53 has 14 hexadecimal digits. */
function keyOf(seq: number): string {
  return seq.toString(16).padStart(14, '0')
}

function seqOf(key: string): number {
  return Number.parseInt(key, 16)
}

function hashOf(row: Uint8Array): Uint8Array {
  return row.slice(0, HASH_BYTES)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
