import { statfs } from 'node:fs/promises'
import { KithError } from '../../protocol/errors.ts'
import { errnoOf } from '../atomic-file.ts'
import { MAX_BACKUP_BYTES, MAX_BACKUP_FILES, MAX_FILE_BYTES } from './manifest.ts'

/** What the system says of a disk that takes no more (errno(3)). LevelDB hands on the text alone. */
const FULL_CODES: readonly string[] = ['ENOSPC', 'EDQUOT']
const FULL_TEXT = /: (No space left on device|Disk quota exceeded)$/

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

/**
 * What comes of `work`, which writes into `folder`. A disk that is full says which one it is: the system's own word for
 * it does not.
 *
 * @throws {KithError} `usage`
 */
export async function namingFullDisk<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (err) {
    if (!isFull(err)) throw err
    const message = `the disk of ${folder} is full, or has no more room for this user`
    throw new KithError('usage', message, { what: folder }, { cause: err, hint: `df ${folder}` })
  }
}

function isFull(err: unknown): boolean {
  if (!(err instanceof Error)) return false
  return FULL_CODES.includes(errnoOf(err) ?? '') || FULL_TEXT.test(err.message) || isFull(err.cause)
}

function noRoom(path: string, has: string, limit: number, what: string): KithError<'invalid-file'> {
  const message = `${path} ${has} more than ${limit} ${what}: no backup has room for that`
  const hint = 'move what needs no backup out of workspace/'
  return new KithError('invalid-file', message, { path }, { hint })
}
