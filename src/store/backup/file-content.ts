import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { errnoOf } from '../atomic-file.ts'
import { FileChanged } from './archive-writer.ts'
import type { HomeFile } from './home-files.ts'
import type { BackupFile } from './manifest.ts'

/**
 * The content of a file of a home, read into `buffer` piece by piece: each is good until the next is asked for. It waits
 * for the disk, and so belongs into a thread of its own. With `most`, no more is read than that: a log that has grown since
 * it was announced is as it was.
 *
 * @throws {FileChanged} when no file is there any more
 */
export function* contentOf(
  { name, path }: HomeFile,
  buffer: Buffer,
  most = Number.MAX_SAFE_INTEGER,
): Generator<Uint8Array> {
  const file = openFile(name, path)
  try {
    if (!fstatSync(file).isFile()) throw new FileChanged(name)
    for (let left = most; left > 0;) {
      const bytes = readSync(file, buffer, 0, Math.min(left, buffer.byteLength), null)
      if (bytes === 0) return
      left -= bytes
      yield buffer.subarray(0, bytes)
    }
  } finally {
    closeSync(file)
  }
}

/** What a manifest says of a content. */
export async function digestOf(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Pick<BackupFile, 'bytes' | 'sha256'>> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const piece of content) {
    hash.update(piece)
    bytes += piece.byteLength
  }
  return { bytes, sha256: hash.digest('hex') }
}

function openFile(name: string, path: string): number {
  try {
    // Nothing waits for the other end of a pipe that has taken the place of a file.
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (err) {
    if (errnoOf(err) === 'ENOENT' || errnoOf(err) === 'ELOOP') throw new FileChanged(name)
    throw err
  }
}
