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

/** A node's word that a backup is of it and by it. */
export interface BackupStatement {
  /** Node id of who says it. */
  id: string
  /** Number of the last event of its key log then: the key in force after it has signed. */
  sn: number
  /** SHA-256 of the manifest, which has the SHA-256 of each file. */
  manifest: Uint8Array
  /** When its store was as it is in the backup, in ms since the epoch, by its own clock. */
  at: number
}

const BACKUP_FIELDS = ['v', 't', 'id', 'sn', 'h', 'at']

/**
 * The word as a signed statement. `seed` is that of the key in force after event `sn` of `id`.
 *
 * @throws {KithError} `malformed` for a value that `readBackupStatement` would refuse
 */
export function createBackupStatement(init: BackupStatement & { seed: Uint8Array }): Uint8Array {
  const { at, id, manifest, seed, sn } = init
  const bytes = encode({ v: 1, t: 'backup', id, sn, h: manifest, at })
  const signed = signAlone('backup', bytes, seed)
  readStatement(signed)
  return signed
}

/** What a statement says, before it is known who has signed it. @throws {KithError} `malformed` */
export function unverifiedBackupStatement(signed: Uint8Array): BackupStatement {
  return readStatement(signed).statement
}

/**
 * What a statement says that the holder of `key` has signed. Whether that is the key in force after event `sn` of `id` is
 * the caller's to know.
 *
 * @throws {KithError} `malformed`, with one of `KEY_LOG_REFUSALS`
 */
export function readBackupStatement(signed: Uint8Array, key: Uint8Array): BackupStatement {
  const { bytes, signatures, statement } = readStatement(signed)
  checkSignedAlone('backup', { bytes, signatures }, key)
  return statement
}

function readStatement(signed: Uint8Array): {
  statement: BackupStatement
  bytes: Uint8Array
  signatures: Uint8Array[]
} {
  const { bytes, fields, signatures } = readEnvelope(signed)
  if (fields['t'] !== 'backup') throw refusal('unknown event type')
  checkFieldNames(fields, BACKUP_FIELDS)
  const statement: BackupStatement = {
    id: nodeIdField(fields, 'id'),
    sn: integerField(fields, 'sn', 0, MAX_KEY_LOG_EVENTS - 1),
    manifest: bytesField(fields, 'h', SHA256_BYTES),
    at: timeField(fields, 'at'),
  }
  return { statement, bytes, signatures }
}
