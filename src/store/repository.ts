import type { z } from 'zod'
import { decode, encode, type CborValue } from '../protocol/cbor.ts'
import { KithError } from '../protocol/errors.ts'
import type { Database, Operation, Snapshot, Sublevel } from './database.ts'

/** Which keys, and in which order; by byte of their UTF-8. */
export interface KeyRange {
  gt?: string
  gte?: string
  lt?: string
  lte?: string
  /** Highest key first. @default false */
  reverse?: boolean
  /** Most records. @default all */
  limit?: number
}

/**
 * Typed records of one kind, in their own sublevel, in key order. What is not written yet is not seen. All that reads
 * throws {KithError} `corrupt` for a record that is damaged, and `stopping` once the database is closed.
 */
export class Repository<T extends CborValue> {
  readonly #name: string
  readonly #schema: z.ZodType<T>
  readonly #rows: Sublevel

  constructor(database: Database, name: string, schema: z.ZodType<T>) {
    this.#name = name
    this.#schema = schema
    this.#rows = database.sublevel(name)
  }

  /** The record at `key`, in `snapshot` when one is given. */
  async get(key: string, snapshot?: Snapshot): Promise<T | undefined> {
    const row = await this.#rows.get(key, { snapshot }).catch(throwReadFailure)
    return row === undefined ? undefined : this.#read(key, row)
  }

  /** The record at `key`, read without a wait: for decisions that must not be interrupted. */
  getSync(key: string): T | undefined {
    try {
      const row = this.#rows.getSync(key)
      return row === undefined ? undefined : this.#read(key, row)
    } catch (err) {
      throwReadFailure(err)
    }
  }

  /** The keys in `range`, as they were when the loop began. */
  async *keys(range: KeyRange = {}): AsyncGenerator<string> {
    try {
      yield* this.#rows.keys(range)
    } catch (err) {
      throwReadFailure(err)
    }
  }

  /** Keys and records in `range`, as they were when the loop began. */
  async *entries(range: KeyRange = {}): AsyncGenerator<[string, T]> {
    try {
      for await (const [key, row] of this.#rows.iterator(range)) yield [key, this.#read(key, row)]
    } catch (err) {
      throwReadFailure(err)
    }
  }

  /** The records whose keys are in `range`, as they were when the loop began. */
  async *values(range: KeyRange = {}): AsyncGenerator<T> {
    for await (const [, record] of this.entries(range)) yield record
  }

  /** The change that stores `value` at `key`, for `Database.write`. */
  put(key: string, value: T): Operation {
    return { type: 'put', sublevel: this.#rows, key, value: encode(value) }
  }

  /** The change that removes what is at `key`, for `Database.write`. */
  del(key: string): Operation {
    return { type: 'del', sublevel: this.#rows, key }
  }

  #read(key: string, row: Uint8Array): T {
    try {
      return this.#schema.parse(decode(row))
    } catch (err) {
      const what = `${this.#name}/${key}`
      throw new KithError('corrupt', `the record ${what} is damaged`, { what }, { cause: err })
    }
  }
}

/** What reading a row has thrown: our own word for it where the owner stops the node meanwhile. */
function throwReadFailure(err: unknown): never {
  const code = err instanceof Error && 'code' in err ? err.code : undefined
  if (code !== 'LEVEL_DATABASE_NOT_OPEN' && code !== 'LEVEL_ITERATOR_NOT_OPEN') throw err
  throw new KithError('stopping', 'the store is closed', {}, { cause: err })
}
