import { statfs } from 'node:fs/promises'
import { KithError } from '../../protocol/errors.ts'
import { MAX_BACKUP_BYTES, MAX_BACKUP_FILES, MAX_FILE_BYTES } from './manifest.ts'

/** What a restore needs beside the content of its files: folders, ends of blocks, the log of a store. */
const SPARE_BYTES = 16_777_216

/**
 * Returns if a backup has room for these files, before any of them is read.
 *
 * @throws {KithError} `invalid-file` with what to move away
 */
export function assertRoomFor(
  home: string,
  files: readonly { name: string; bytes: number }[],
): void {
  const large = files.find(({ bytes }) => bytes > MAX_FILE_BYTES)
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  if (large !== undefined) throw noRoom(`${home}/${large.name}`, 'has', MAX_FILE_BYTES, 'bytes')
  if (files.length >= MAX_BACKUP_FILES) throw noRoom(home, 'has', MAX_BACKUP_FILES - 1, 'files')
  if (total > MAX_BACKUP_BYTES) throw noRoom(home, 'has', MAX_BACKUP_BYTES, 'bytes in its files')
}

/**
 * Resolves if the disk of `folder` takes so many bytes more. A restore finds out before it has filled the disk.
 *
 * @throws {KithError} `usage`
 */
export async function assertDiskFor(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (bytes + SPARE_BYTES <= free) return
  const message = `the backup has ${bytes} bytes in it, and the disk of ${folder} takes ${free} more`
  throw new KithError('usage', message, { what: folder }, { hint: `df ${folder}` })
}

function noRoom(path: string, has: string, limit: number, what: string): KithError<'invalid-file'> {
  const message = `${path} ${has} more than ${limit} ${what}: no backup has room for that`
  const hint = 'move what needs no backup out of workspace/'
  return new KithError('invalid-file', message, { path }, { hint })
}
