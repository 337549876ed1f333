import { isFailure, toError } from '../../protocol/errors.ts'
import { sha256OfFile } from '../../store/backup/backup-files.ts'
import type { Manifest } from '../../store/backup/manifest.ts'
import { verifyBackup } from '../../store/backup/read-backup.ts'
import type { ReadOptions } from '../../store/backup/read-backup.ts'
import type { Key } from '../../store/backup/seal.ts'

/** What a reading of a backup has found. */
export interface Checked {
  how: 'hash' | 'content'
  ok: boolean
  why?: string
  /** What it says of itself, where it was opened. */
  manifest?: Manifest
}

/**
 * Reads a backup whole: with a key, all that is in it; without, whether its bytes are those that were written. A
 * damaged one is what it has found, and no failure.
 *
 * @throws {KithError} `passphrase`, `too-new`; `usage` where there is neither a key nor a hash
 */
export async function checkBackup(
  file: string,
  { key, sha256 }: { key: Key | undefined; sha256: string },
  options: ReadOptions = {},
): Promise<Checked> {
  if (key === undefined) {
    const ok = (await sha256OfFile(file, options)) === sha256
    return { how: 'hash', ok, ...(ok ? {} : { why: 'it is not what was written' }) }
  }
  try {
    return { how: 'content', ok: true, manifest: await verifyBackup(file, key, options) }
  } catch (err) {
    if (!isFailure(err, 'corrupt')) throw err
    return { how: 'content', ok: false, why: toError(err).message }
  }
}
