import { encode } from './cbor.ts'
import {
  checkFieldNames,
  checkSignedAlone,
  encodeSignedEvent,
  readEnvelope,
} from './key-event-fields.ts'
import type { Fields } from './key-event-fields.ts'
import { refusal } from './key-log-refusal.ts'
import { sign } from './signed.ts'
import type { SignedKind } from './signed.ts'

/** How a value of one kind stands in a statement that one key alone signs. */
export interface StatementForm<T> {
  kind: SignedKind
  /** Names of its fields, beside `v` and `t`, which each statement has. */
  names: readonly string[]
  /** Names of fields that may be left out. @default none */
  optional?: readonly string[]
  fieldsOf: (value: T) => Fields
  /** @throws {KithError} `malformed` for a field that is none of this kind */
  valueOf: (fields: Fields) => T
}

/** Statements of one kind: made, signed, and read again. */
export class Statement<T> {
  readonly #form: StatementForm<T>

  constructor(form: StatementForm<T>) {
    this.#form = form
  }

  /** The bytes that are signed. */
  encode(value: T): Uint8Array {
    const { fieldsOf, kind } = this.#form
    return encode({ ...fieldsOf(value), v: 1, t: kind })
  }

  /** The value, signed by the key of `seed`. @throws {KithError} `malformed` for one that `read` would refuse */
  create(value: T, seed: Uint8Array): Uint8Array {
    const bytes = this.encode(value)
    const signed = encodeSignedEvent(bytes, [sign(this.#form.kind, bytes, seed)])
    this.unverified(signed)
    return signed
  }

  /** What the holder of `key` has signed. @throws {KithError} `malformed`, with one of `KEY_LOG_REFUSALS` */
  read(signed: Uint8Array, key: Uint8Array): T {
    const { value, ...statement } = this.#parse(signed)
    checkSignedAlone(this.#form.kind, statement, key)
    return value
  }

  /** What it says, before it is known who has signed it. @throws {KithError} `malformed` */
  unverified(signed: Uint8Array): T {
    return this.#parse(signed).value
  }

  #parse(signed: Uint8Array): { value: T; bytes: Uint8Array; signatures: Uint8Array[] } {
    const { kind, names, optional, valueOf } = this.#form
    const { bytes, fields, signatures } = readEnvelope(signed)
    if (fields['t'] !== kind) throw refusal('unknown event type')
    checkFieldNames(fields, ['v', 't', ...names], optional)
    return { value: valueOf(fields), bytes, signatures }
  }
}
