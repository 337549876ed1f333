import { PUBLIC_KEY_BYTES } from './ed25519.ts'
import {
  bytesField,
  checkFieldNames,
  integerField,
  nodeIdField,
  readEnvelope,
  readVersion,
  timeField,
} from './key-event-fields.ts'
import type { Fields } from './key-event-fields.ts'
import { refusal } from './key-log-refusal.ts'
import {
  MAX_RECOVERY_WINDOW_HOURS,
  MAX_ROTATION_GRACE_SECONDS,
  MIN_RECOVERY_WINDOW_HOURS,
} from './limits.ts'
import { SHA256_BYTES } from './sha256.ts'

/** The first event of a key log. The field names of all events are those on the wire. */
export interface InceptionEvent {
  v: 1
  t: 'icp'
  sn: number
  /** Ed25519 public key in force from here on. */
  k: Uint8Array
  /** SHA-256 of the rotation key, which must sign the next rotation. */
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

/** What every event but the first has. */
interface LaterEvent {
  v: 1
  /** The node's id. */
  id: string
  sn: number
  /** SHA-256 of the event before. */
  p: Uint8Array
  at: number
}

/** A new key, endorsed by the rotation key and, when routine, by the key before. */
export interface RotationEvent extends LaterEvent {
  t: 'rot'
  /** The rotation key, now shown. */
  N: Uint8Array
  k: Uint8Array
  /** SHA-256 of the next rotation key. */
  n: Uint8Array
  why: 'routine' | 'compromise'
  /** How long the key before may still announce this, in seconds. */
  grace: number
  /** Until when the key before was its owner's alone, in ms since the epoch, as far as the owner knows. */
  lastGood?: number
}

/** New keys, by the word of the recovery key. */
export interface RecoveryEvent extends LaterEvent {
  t: 'rec'
  /** The recovery key, now shown. */
  R: Uint8Array
  k: Uint8Array
  n: Uint8Array
  r: Uint8Array
}

/** The end of the node: no key is in force from here on. */
export interface RetirementEvent extends LaterEvent {
  t: 'end'
  /** The rotation key or the recovery key, now shown. */
  by: Uint8Array
}

export type KeyEvent = InceptionEvent | RotationEvent | RecoveryEvent | RetirementEvent

/** An event, the very bytes that are signed and hashed, and the signatures over them. */
export interface SignedEvent {
  event: KeyEvent
  bytes: Uint8Array
  signatures: Uint8Array[]
}

const NONCE_BYTES = 16
const INCEPTION_FIELDS = ['v', 't', 'sn', 'k', 'n', 'r', 'w', 'at', 'nonce']
const LATER_FIELDS = ['v', 't', 'id', 'sn', 'p', 'at']
const ROTATION_FIELDS = [...LATER_FIELDS, 'N', 'k', 'n', 'why', 'grace']
const RECOVERY_FIELDS = [...LATER_FIELDS, 'R', 'k', 'n', 'r']
const RETIREMENT_FIELDS = [...LATER_FIELDS, 'by']

/**
 * Reads one signed event, and checks all that can be told without the events before it and without
 * curve arithmetic. What it returns is a copy.
 *
 * @throws {KithError} `malformed`, with one of `KEY_LOG_REFUSALS`.
 */
export function readSignedEvent(signedEvent: Uint8Array): SignedEvent {
  const { bytes, fields, signatures } = readEnvelope(signedEvent)
  return { event: readFields(fields), bytes, signatures }
}

/** The event that `bytes` are the encoding of. @throws {KithError} `malformed` as `readSignedEvent` does. */
export function readEvent(bytes: Uint8Array): KeyEvent {
  return readFields(readVersion(bytes))
}

function readFields(fields: Fields): KeyEvent {
  switch (fields['t']) {
    case 'icp':
      return readInception(fields)
    case 'rot':
      return readRotation(fields)
    case 'rec':
      return readRecovery(fields)
    case 'end':
      return readRetirement(fields)
    default:
      throw refusal('unknown event type')
  }
}

function readInception(fields: Fields): InceptionEvent {
  checkFieldNames(fields, INCEPTION_FIELDS)
  return {
    v: 1,
    t: 'icp',
    sn: sequenceNumber(fields),
    k: bytesField(fields, 'k', PUBLIC_KEY_BYTES),
    n: bytesField(fields, 'n', SHA256_BYTES),
    r: bytesField(fields, 'r', SHA256_BYTES),
    w: integerField(fields, 'w', MIN_RECOVERY_WINDOW_HOURS, MAX_RECOVERY_WINDOW_HOURS),
    nonce: bytesField(fields, 'nonce', NONCE_BYTES),
    at: timeField(fields, 'at'),
  }
}

function readRotation(fields: Fields): RotationEvent {
  checkFieldNames(fields, ROTATION_FIELDS, ['lastGood'])
  const { why } = fields
  if (why !== 'routine' && why !== 'compromise') throw refusal('wrong field', 'why')
  const hasLastGood = Object.hasOwn(fields, 'lastGood')
  if (hasLastGood && why === 'routine') throw refusal('wrong field', 'lastGood')
  const event: RotationEvent = {
    t: 'rot',
    ...readLater(fields),
    N: bytesField(fields, 'N', PUBLIC_KEY_BYTES),
    k: bytesField(fields, 'k', PUBLIC_KEY_BYTES),
    n: bytesField(fields, 'n', SHA256_BYTES),
    why,
    // A key that somebody else holds gets no time at all.
    grace: integerField(fields, 'grace', 0, why === 'routine' ? MAX_ROTATION_GRACE_SECONDS : 0),
    at: timeField(fields, 'at'),
  }
  if (!hasLastGood) return event
  const lastGood = timeField(fields, 'lastGood')
  if (lastGood > event.at) throw refusal('wrong time', 'lastGood')
  return { ...event, lastGood }
}

function readRecovery(fields: Fields): RecoveryEvent {
  checkFieldNames(fields, RECOVERY_FIELDS)
  return {
    t: 'rec',
    ...readLater(fields),
    R: bytesField(fields, 'R', PUBLIC_KEY_BYTES),
    k: bytesField(fields, 'k', PUBLIC_KEY_BYTES),
    n: bytesField(fields, 'n', SHA256_BYTES),
    r: bytesField(fields, 'r', SHA256_BYTES),
    at: timeField(fields, 'at'),
  }
}

function readRetirement(fields: Fields): RetirementEvent {
  checkFieldNames(fields, RETIREMENT_FIELDS)
  return {
    t: 'end',
    ...readLater(fields),
    by: bytesField(fields, 'by', PUBLIC_KEY_BYTES),
    at: timeField(fields, 'at'),
  }
}

function readLater(fields: Fields): Pick<LaterEvent, 'v' | 'id' | 'sn' | 'p'> {
  return {
    v: 1,
    id: nodeIdField(fields, 'id'),
    sn: sequenceNumber(fields),
    p: bytesField(fields, 'p', SHA256_BYTES),
  }
}

function sequenceNumber(fields: Fields): number {
  return integerField(fields, 'sn', 0, Number.MAX_SAFE_INTEGER)
}
