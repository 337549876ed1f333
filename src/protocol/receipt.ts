import { bytesField, integerField, nodeIdField, timeField } from './key-event-fields.ts'
import { MAX_KEY_LOG_EVENTS } from './limits.ts'
import { SHA256_BYTES } from './sha256.ts'
import { Statement } from './statement.ts'

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

const RECEIPT = new Statement<Receipt>({
  kind: 'rct',
  names: ['id', 'sn', 'h', 'by', 'seen'],
  fieldsOf: ({ by, head, id, seenAt, sn }) => ({ id, sn, h: head, by, seen: seenAt }),
  valueOf: (fields) => ({
    id: nodeIdField(fields, 'id'),
    sn: integerField(fields, 'sn', 0, MAX_KEY_LOG_EVENTS - 1),
    head: bytesField(fields, 'h', SHA256_BYTES),
    by: nodeIdField(fields, 'by'),
    seenAt: timeField(fields, 'seen'),
  }),
})

/**
 * The receipt as a signed statement. `seed` is that of the key in force of `by`.
 *
 * @throws {KithError} `malformed` for a value that `readReceipt` would refuse
 */
export function createReceipt({ seed, ...receipt }: Receipt & { seed: Uint8Array }): Uint8Array {
  return RECEIPT.create(receipt, seed)
}

/**
 * What a receipt says that the holder of `key` has signed. Whether that is the key in force of `by` is the caller's to
 * know.
 *
 * @throws {KithError} `malformed`, with one of `KEY_LOG_REFUSALS`.
 */
export function readReceipt(signed: Uint8Array, key: Uint8Array): Receipt {
  return RECEIPT.read(signed, key)
}
