import { bytesField, integerField, nodeIdField, timeField } from './key-event-fields.ts'
import { MAX_KEY_LOG_EVENTS } from './limits.ts'
import { SHA256_BYTES } from './sha256.ts'
import { Statement } from './statement.ts'

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

const BACKUP = new Statement<BackupStatement>({
  kind: 'backup',
  names: ['id', 'sn', 'h', 'at'],
  fieldsOf: ({ at, id, manifest, sn }) => ({ id, sn, h: manifest, at }),
  valueOf: (fields) => ({
    id: nodeIdField(fields, 'id'),
    sn: integerField(fields, 'sn', 0, MAX_KEY_LOG_EVENTS - 1),
    manifest: bytesField(fields, 'h', SHA256_BYTES),
    at: timeField(fields, 'at'),
  }),
})

/**
 * The word as a signed statement. `seed` is that of the key in force after event `sn` of `id`.
 *
 * @throws {KithError} `malformed` for a value that `readBackupStatement` would refuse
 */
export function createBackupStatement({
  seed,
  ...statement
}: BackupStatement & { seed: Uint8Array }): Uint8Array {
  return BACKUP.create(statement, seed)
}

/** What a statement says, before it is known who has signed it. @throws {KithError} `malformed` */
export function unverifiedBackupStatement(signed: Uint8Array): BackupStatement {
  return BACKUP.unverified(signed)
}

/**
 * What a statement says that the holder of `key` has signed. Whether that is the key in force after event `sn` of `id` is
 * the caller's to know.
 *
 * @throws {KithError} `malformed`, with one of `KEY_LOG_REFUSALS`
 */
export function readBackupStatement(signed: Uint8Array, key: Uint8Array): BackupStatement {
  return BACKUP.read(signed, key)
}
