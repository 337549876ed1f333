import { bytesField, integerField, nodeIdField, timeField } from './key-event-fields.ts'
import { MAX_KEY_LOG_EVENTS } from './limits.ts'
import { SHA256_BYTES } from './sha256.ts'
import { Statement } from './statement.ts'

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

const AUDIT_HEAD = new Statement<AuditHead>({
  kind: 'audit-head',
  names: ['id', 'sn', 'seq', 'h', 'first', 'at'],
  fieldsOf: ({ at, first, hash, id, seq, sn }) => ({ id, sn, seq, h: hash, first, at }),
  valueOf: (fields) => {
    const seq = integerField(fields, 'seq', 1, Number.MAX_SAFE_INTEGER)
    return {
      id: nodeIdField(fields, 'id'),
      sn: integerField(fields, 'sn', 0, MAX_KEY_LOG_EVENTS - 1),
      seq,
      hash: bytesField(fields, 'h', SHA256_BYTES),
      first: integerField(fields, 'first', 1, seq + 1),
      at: timeField(fields, 'at'),
    }
  },
})

/**
 * The head as a signed statement. `seed` is that of the key in force of `id`.
 *
 * @throws {KithError} `malformed` for a value that `readAuditHead` would refuse
 */
export function createAuditHead({ seed, ...head }: AuditHead & { seed: Uint8Array }): Uint8Array {
  return AUDIT_HEAD.create(head, seed)
}

/**
 * What a head says that the holder of `key` has signed. Whether that was the key of `id` after its event `sn` is the
 * caller's to know.
 *
 * @throws {KithError} `malformed`, with one of `KEY_LOG_REFUSALS`
 */
export function readAuditHead(signed: Uint8Array, key: Uint8Array): AuditHead {
  return AUDIT_HEAD.read(signed, key)
}

/** What a head says, before it is known who has signed it. @throws {KithError} `malformed` */
export function unverifiedAuditHead(signed: Uint8Array): AuditHead {
  return AUDIT_HEAD.unverified(signed)
}
