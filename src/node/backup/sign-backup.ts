import { createBackupStatement } from '../../protocol/backup-statement.ts'
import { FileChanged } from '../../store/backup/archive-writer.ts'
import { IDENTITY } from '../../store/backup/home-files.ts'
import type { SignManifest } from '../../store/backup/make-backup.ts'
import type { Self } from '../self.ts'

/** Who signs backups: a node with the key that it has now. */
export type BackupSigner = Pick<Self, 'id' | 'secret' | 'state'>

/**
 * Makes the statement of a node about a manifest of its own. A rotation comes between what was read of the home and the
 * key that is in use now: then the home is read once more.
 *
 * @throws {FileChanged}
 */
export function signingBy(signer: BackupSigner): SignManifest<Uint8Array> {
  return (digest, { at, keyLog, node }) => {
    const { id, secret, state } = signer
    const isSame = state.sn === keyLog.sn && Buffer.from(state.head).toString('hex') === keyLog.head
    if (id !== node || !isSame) throw new FileChanged(IDENTITY)
    return createBackupStatement({ id, sn: state.sn, manifest: digest, at, seed: secret })
  }
}
