import { encode } from './cbor.ts'
import {
  bytesField,
  checkFieldNames,
  checkSignedAlone,
  integerField,
  nodeIdField,
  readEnvelope,
  signAlone,
  timeField,
} from './key-event-fields.ts'
import { refusal } from './key-log-refusal.ts'
import { MAX_KEY_LOG_EVENTS } from './limits.ts'
import { SHA256_BYTES } from './sha256.ts'

/** A node's word that its audit log has this entry. */
export interface AuditHead {
  /** Whose log it is: who signs. */
  id: string
  /** Number of the key event whose key signs. */
  sn: number
  /** Number of the entry. */
  seq: number
  /** SHA-256 of the entry, which holds that of the one before. */
  hash: Uint8Array
  /** Number of the oldest entry that the log still has; one more than `seq` when nothing is left of it. */
  first: number
  /** When it is said, in ms since the epoch, by the clock of `id`. */
  at: number
}

const AUDIT_HEAD_FIELDS = ['v', 't', 'id', 'sn', 'seq', 'h', 'first', 'at']

/**
 * The head as a signed statement. `seed` is that of the key in force of `id`.
 *
 * @throws {KithError} `malformed` for a value that `readAuditHead` would refuse
 */
export function createAuditHead(init: AuditHead & { seed: Uint8Array }): Uint8Array {
  const { at, first, hash, id, seed, seq, sn } = init
  const bytes = encode({ v: 1, t: 'audit-head', id, sn, seq, h: hash, first, at })
  const signed = signAlone('audit-head', bytes, seed)
  readStatement(signed)
  return signed
}

/**
 * What a head says that the holder of `key` has signed. Whether that was the key of `id` after its event `sn` is the
 * caller's to know.
 *
 * @throws {KithError} `malformed`, with one of `KEY_LOG_REFUSALS`
 */
export function readAuditHead(signed: Uint8Array, key: Uint8Array): AuditHead {
  const { head, ...statement } = readStatement(signed)
  checkSignedAlone('audit-head', statement, key)
  return head
}

/** What a head says, before it is known who has signed it. @throws {KithError} `malformed` */
export function unverifiedAuditHead(signed: Uint8Array): AuditHead {
  return readStatement(signed).head
}

function readStatement(signed: Uint8Array): {
  bytes: Uint8Array
  head: AuditHead
  signatures: Uint8Array[]
} {
  const { bytes, fields, signatures } = readEnvelope(signed)
  if (fields['t'] !== 'audit-head') throw refusal('unknown event type')
  checkFieldNames(fields, AUDIT_HEAD_FIELDS)
  const seq = integerField(fields, 'seq', 1, Number.MAX_SAFE_INTEGER)
  const head: AuditHead = {
    id: nodeIdField(fields, 'id'),
    sn: integerField(fields, 'sn', 0, MAX_KEY_LOG_EVENTS - 1),
    seq,
    hash: bytesField(fields, 'h', SHA256_BYTES),
    first: integerField(fields, 'first', 1, seq + 1),
    at: timeField(fields, 'at'),
  }
  return { bytes, head, signatures }
}
