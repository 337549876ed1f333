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

/** Typed records of one kind, in their own sublevel, in key order. What is not written yet is not seen. */
export class Repository<T extends CborValue> {
  readonly #name: string
  readonly #schema: z.ZodType<T>
  readonly #rows: Sublevel

  constructor(database: Database, name: string, schema: z.ZodType<T>) {
    this.#name = name
    this.#schema = schema
    this.#rows = database.sublevel(name)
  }

  /** The record at `key`, in `snapshot` when one is given. @throws {KithError} `corrupt` */
  async get(key: string, snapshot?: Snapshot): Promise<T | undefined> {
    const row = await this.#rows.get(key, { snapshot })
    return row === undefined ? undefined : this.#read(key, row)
  }

  /** The record at `key`, read without a wait: for decisions that must not be interrupted. @throws {KithError} `corrupt` */
  getSync(key: string): T | undefined {
    const row = this.#rows.getSync(key)
    return row === undefined ? undefined : this.#read(key, row)
  }

  /** The keys in `range`, as they were when the loop began. */
  async *keys(range: KeyRange = {}): AsyncGenerator<string> {
    yield* this.#rows.keys(range)
  }

  /** Keys and records in `range`, as they were when the loop began. @throws {KithError} `corrupt` */
  async *entries(range: KeyRange = {}): AsyncGenerator<[string, T]> {
    for await (const [key, row] of this.#rows.iterator(range)) yield [key, this.#read(key, row)]
  }

  /** The records whose keys are in `range`, as they were when the loop began. @throws {KithError} `corrupt` */
  async *values(range: KeyRange = {}): AsyncGenerator<T> {
    for await (const [key, row] of this.#rows.iterator(range)) yield this.#read(key, row)
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
