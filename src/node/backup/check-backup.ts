import { isFailure, toError } from '../../protocol/errors.ts'
import { sha256OfFile } from '../../store/backup/backup-files.ts'
import type { Manifest } from '../../store/backup/manifest.ts'
import { verifyBackup } from '../../store/backup/read-backup.ts'
import type { ReadOptions } from '../../store/backup/read-backup.ts'
import type { Key } from '../../store/backup/seal.ts'
import type { BackupAuthor } from '../control/routes/backups.ts'
import { authorOf } from './backup-author.ts'
import type { Trust } from './backup-author.ts'
import { NOT_AS_WRITTEN } from './backup-log.ts'

/** What a reading of a backup has found. */
export interface Checked {
  how: 'hash' | 'content'
  ok: boolean
  why?: string
  /** What to do about one that is not proved to be of the node that it must be of. */
  unproved?: string
  /** What it says of itself, where it was opened. */
  manifest?: Manifest
  author?: BackupAuthor
}

/**
 * Reads a backup whole: with a key, all that is in it and who has signed it; without, whether its bytes are those that
 * were written. One that is damaged, or of nobody who is trusted, is what it has found, and no failure.
 *
 * @throws {KithError} `passphrase`, `too-new`
 */
export async function checkBackup(
  file: string,
  { key, sha256, trust }: { key: Key | undefined; sha256: string; trust: Trust },
  options: ReadOptions = {},
): Promise<Checked> {
  if (key === undefined) {
    const ok = (await sha256OfFile(file, options)) === sha256
    return { how: 'hash', ok, ...(ok ? {} : { why: NOT_AS_WRITTEN }) }
  }
  try {
    const backup = await verifyBackup(file, key, options)
    const author = authorOf(backup, trust, Date.now())
    return { how: 'content', ok: true, manifest: backup.manifest, author }
  } catch (err) {
    const found = { how: 'content', ok: false, why: toError(err).message } as const
    if (isFailure(err, 'unproved-backup')) return { ...found, unproved: err.hint ?? '' }
    if (!isFailure(err, 'corrupt')) throw err
    return found
  }
}
