import { decode, encode } from './cbor.ts'
import type { CborValue } from './cbor.ts'
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from './ed25519.ts'
import { KithError } from './errors.ts'
import {
  MAX_KEY_EVENT_BYTES,
  MAX_RECOVERY_WINDOW_HOURS,
  MIN_RECOVERY_WINDOW_HOURS,
} from './limits.ts'
import { SHA256_BYTES } from './sha256.ts'

/** The first event of a key log. Its field names are those on the wire. */
export interface InceptionEvent {
  v: 1
  t: 'icp'
  sn: number
  /** Ed25519 public key in force from here on. */
  k: Uint8Array
  /** SHA-256 of the next key. */
  n: Uint8Array
  /** SHA-256 of the recovery key. */
  r: Uint8Array
  /** Recovery window, in hours. */
  w: number
  /** When it was made, in ms since the epoch, by its maker's clock. */
  at: number
  /** Makes ids of the same keys differ. */
  nonce: Uint8Array
}

export type KeyEvent = InceptionEvent

/** An event, the very bytes that are signed and hashed, and the signatures over them. */
export interface SignedEvent {
  event: KeyEvent
  bytes: Uint8Array
  signatures: Uint8Array[]
}

/** Why a key log is refused: `what` in the details of a `malformed`. PROTOCOL.md says what each means. */
export const KEY_LOG_REFUSALS = [
  'empty log',
  'too many events',
  'event too large',
  'not canonical',
  'not a signed event',
  'unknown version',
  'unknown event type',
  'missing field',
  'unknown field',
  'wrong field',
  'wrong time',
  'wrong id',
  'wrong sequence number',
  'inception not first',
  'weak key',
  'keys not distinct',
  'bad signature',
] as const

export type KeyLogRefusal = (typeof KEY_LOG_REFUSALS)[number]

const EVENT_VERSION = 1
const NONCE_BYTES = 16
const INCEPTION_FIELDS = ['v', 't', 'sn', 'k', 'n', 'r', 'w', 'at', 'nonce']

/** The error for a key log that is refused, for this reason. */
export function refusal(what: KeyLogRefusal, detail = '', cause?: unknown): KithError<'malformed'> {
  return new KithError(
    'malformed',
    `key log refused: ${what} ${detail}`.trimEnd(),
    { what },
    { cause },
  )
}

/** The bytes of a signed event as they are kept and shown: the map `{e, s}`. */
export function encodeSignedEvent(bytes: Uint8Array, signatures: Uint8Array[]): Uint8Array {
  return encode({ e: bytes, s: signatures })
}

/**
 * Reads one signed event, and checks all that can be told without the events before it and without
 * curve arithmetic. What it returns is a copy.
 *
 * @throws {KithError} `malformed`, with one of `KEY_LOG_REFUSALS`.
 */
export function readSignedEvent(signedEvent: Uint8Array): SignedEvent {
  if (signedEvent.byteLength > MAX_KEY_EVENT_BYTES) throw refusal('event too large')
  const envelope = asMap(canonical(signedEvent))
  const { e: bytes, s: signatures } = envelope ?? {}
  if (!(bytes instanceof Uint8Array) || !isSignatures(signatures)) {
    throw refusal('not a signed event')
  }
  if (Object.keys(envelope ?? {}).length !== 2) throw refusal('not a signed event')
  return {
    event: readEvent(canonical(bytes)),
    bytes: bytes.slice(),
    signatures: signatures.map((signature) => signature.slice()),
  }
}

function isSignatures(value: CborValue | undefined): value is Uint8Array[] {
  return (
    Array.isArray(value) &&
    value.every((item) => item instanceof Uint8Array && item.byteLength === SIGNATURE_BYTES)
  )
}

function readEvent(value: CborValue): KeyEvent {
  const fields = asMap(value)
  if (fields?.['v'] !== EVENT_VERSION) throw refusal('unknown version')
  switch (fields['t']) {
    case 'icp':
      return readInception(fields)
    default:
      throw refusal('unknown event type')
  }
}

function readInception(fields: Fields): InceptionEvent {
  checkFieldNames(fields, INCEPTION_FIELDS)
  return {
    v: EVENT_VERSION,
    t: 'icp',
    sn: integerField(fields, 'sn', 0, Number.MAX_SAFE_INTEGER),
    k: bytesField(fields, 'k', PUBLIC_KEY_BYTES),
    n: bytesField(fields, 'n', SHA256_BYTES),
    r: bytesField(fields, 'r', SHA256_BYTES),
    w: integerField(fields, 'w', MIN_RECOVERY_WINDOW_HOURS, MAX_RECOVERY_WINDOW_HOURS),
    at: timeField(fields),
    nonce: bytesField(fields, 'nonce', NONCE_BYTES),
  }
}

type Fields = Record<string, CborValue>

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

function checkFieldNames(fields: Fields, names: readonly string[]): void {
  const missing = names.find((name) => !Object.hasOwn(fields, name))
  if (missing !== undefined) throw refusal('missing field', missing)
  const unknown = Object.keys(fields).find((name) => !names.includes(name))
  if (unknown !== undefined) throw refusal('unknown field')
}

function bytesField(fields: Fields, name: string, length: number): Uint8Array {
  const value = fields[name]
  if (!(value instanceof Uint8Array) || value.byteLength !== length) {
    throw refusal('wrong field', name)
  }
  return value.slice()
}

function integerField(fields: Fields, name: string, min: number, max: number): number {
  const value = fields[name]
  if (typeof value !== 'number' || value < min || value > max) throw refusal('wrong field', name)
  return value
}

function timeField(fields: Fields): number {
  const value = fields['at']
  if (typeof value !== 'number' || value < 0) throw refusal('wrong time')
  return value
}
