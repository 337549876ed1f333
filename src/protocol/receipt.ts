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

/** A node's word that it has seen an event of another's key log. */
export interface Receipt {
  /** Whose log it is. */
  id: string
  /** Number of the event. */
  sn: number
  /** SHA-256 of the event. */
  head: Uint8Array
  /** Node id of who has seen it. */
  by: string
  /** When, in ms since the epoch, by the clock of who has seen it. */
  seenAt: number
}

const RECEIPT_FIELDS = ['v', 't', 'id', 'sn', 'h', 'by', 'seen']

/**
 * The receipt as a signed statement. `seed` is that of the key in force of `by`.
 *
 * @throws {KithError} `malformed` for a value that `readReceipt` would refuse
 */
export function createReceipt(init: Receipt & { seed: Uint8Array }): Uint8Array {
  const { id, sn, head, by, seenAt, seed } = init
  const bytes = encode({ v: 1, t: 'rct', id, sn, h: head, by, seen: seenAt })
  const signed = signAlone('rct', bytes, seed)
  readStatement(signed)
  return signed
}

/**
 * What a receipt says that the holder of `key` has signed. Whether that is the key in force of `by` is the caller's to
 * know.
 *
 * @throws {KithError} `malformed`, with one of `KEY_LOG_REFUSALS`.
 */
export function readReceipt(signed: Uint8Array, key: Uint8Array): Receipt {
  const { receipt, ...statement } = readStatement(signed)
  checkSignedAlone('rct', statement, key)
  return receipt
}

function readStatement(signed: Uint8Array) {
  const { bytes, fields, signatures } = readEnvelope(signed)
  if (fields['t'] !== 'rct') throw refusal('unknown event type')
  checkFieldNames(fields, RECEIPT_FIELDS)
  const receipt: Receipt = {
    id: nodeIdField(fields, 'id'),
    sn: integerField(fields, 'sn', 0, MAX_KEY_LOG_EVENTS - 1),
    head: bytesField(fields, 'h', SHA256_BYTES),
    by: nodeIdField(fields, 'by'),
    seenAt: timeField(fields, 'seen'),
  }
  return { receipt, bytes, signatures }
}
