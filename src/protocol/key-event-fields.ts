import { decode, encode } from './cbor.ts'
import type { CborValue } from './cbor.ts'
import { SIGNATURE_BYTES } from './ed25519.ts'
import { refusal } from './key-log-refusal.ts'
import { MAX_KEY_EVENT_BYTES, MAX_TIME_MS } from './limits.ts'
import { isNodeId } from './node-id.ts'
import { verify } from './signed.ts'
import type { SignedKind } from './signed.ts'

/** A map that came from elsewhere, before its fields are read. */
export type Fields = Readonly<Record<string, CborValue>>

/** The bytes of a signed statement as they are kept and shown: the map `{e, s}`. */
export function encodeSignedEvent(bytes: Uint8Array, signatures: Uint8Array[]): Uint8Array {
  return encode({ e: bytes, s: signatures })
}

/**
 * The parts of the map `{e, s}`: the encoding of a statement, its fields, and the signatures over it. They are copies.
 *
 * @throws {KithError} `malformed`, with one of `KEY_LOG_REFUSALS`.
 */
export function readEnvelope(signedEvent: Uint8Array): {
  bytes: Uint8Array
  fields: Fields
  signatures: Uint8Array[]
} {
  if (signedEvent.byteLength > MAX_KEY_EVENT_BYTES) throw refusal('event too large')
  const envelope = asMap(canonical(signedEvent))
  const { e: bytes, s: signatures } = envelope ?? {}
  if (!(bytes instanceof Uint8Array) || !isSignatures(signatures)) {
    throw refusal('not a signed event')
  }
  if (Object.keys(envelope ?? {}).length !== 2) throw refusal('not a signed event')
  return {
    bytes: bytes.slice(),
    fields: readVersion(bytes),
    signatures: signatures.map((signature) => signature.slice()),
  }
}

const STATEMENT_VERSION = 1

/** The fields of a statement of the version that we know. @throws {KithError} `malformed` */
export function readVersion(bytes: Uint8Array): Fields {
  const fields = asMap(canonical(bytes))
  if (fields?.['v'] !== STATEMENT_VERSION) throw refusal('unknown version')
  return fields
}

/** Refuses a statement that has another number of signatures than one, or not that of the holder of `key`. */
export function checkSignedAlone(
  kind: SignedKind,
  { bytes, signatures }: { bytes: Uint8Array; signatures: readonly Uint8Array[] },
  key: Uint8Array,
): void {
  const [signature, ...others] = signatures
  if (signature === undefined || others.length > 0) throw refusal('bad signature')
  if (!verify(kind, bytes, signature, key)) throw refusal('bad signature')
}

/** Refuses a statement without one of `names`, or with a field that is neither there nor in `optional`. */
export function checkFieldNames(
  fields: Fields,
  names: readonly string[],
  optional: readonly string[] = [],
): void {
  const missing = names.find((name) => !Object.hasOwn(fields, name))
  if (missing !== undefined) throw refusal('missing field', missing)
  const unknown = Object.keys(fields).find(
    (name) => !names.includes(name) && !optional.includes(name),
  )
  if (unknown !== undefined) throw refusal('unknown field')
}

export function bytesField(fields: Fields, name: string, length: number): Uint8Array {
  const value = fields[name]
  if (!(value instanceof Uint8Array) || value.byteLength !== length) {
    throw refusal('wrong field', name)
  }
  return value.slice()
}

export function integerField(fields: Fields, name: string, min: number, max: number): number {
  const value = fields[name]
  if (typeof value !== 'number' || value < min || value > max) throw refusal('wrong field', name)
  return value
}

export function nodeIdField(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string' || !isNodeId(value)) throw refusal('wrong field', name)
  return value
}

/** A point in time, in ms since the epoch. */
export function timeField(fields: Fields, name: string): number {
  const value = fields[name]
  const isTime = typeof value === 'number' && value >= 0 && value <= MAX_TIME_MS
  if (!isTime) throw refusal('wrong time', name)
  return value
}

function isSignatures(value: CborValue | undefined): value is Uint8Array[] {
  return (
    Array.isArray(value) &&
    value.every((item) => item instanceof Uint8Array && item.byteLength === SIGNATURE_BYTES)
  )
}

function canonical(bytes: Uint8Array): CborValue {
  try {
    return decode(bytes)
  } catch (cause) {
    throw refusal('not canonical', '', cause)
  }
}

function asMap(value: CborValue): Fields | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  return Array.isArray(value) || value instanceof Uint8Array ? undefined : value
}
