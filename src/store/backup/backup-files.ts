import type { Stats } from 'node:fs'
import { createHash } from 'node:crypto'
import { readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf } from '../atomic-file.ts'
import { openBackupFile } from './open-file.ts'
import { counted } from './progress.ts'
import type { ReadOptions } from './read-backup.ts'

/** What the file of a backup ends with: it is an age file. */
export const BACKUP_SUFFIX = '.age'

/** A file that is being written is touched all the time: after this long, whoever wrote it is dead. */
const DEAD_AFTER_MS = 3_600_000

/** So much of a file is hashed at once. */
const PIECE_BYTES = 262_144

/** The name of the file of a backup: `NAME-YYYYMMDDTHHMMSSZ.age`. */
export function backupFileName(node: string, at: number): string {
  const time = new Date(at).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  return `${node}-${time}${BACKUP_SUFFIX}`
}

/** True for the name of the file of some backup of this node, as `backupFileName` makes it. */
export function isBackupFileName(node: string, name: string): boolean {
  return name.startsWith(`${node}-`) && /^\d{8}T\d{6}Z\.age$/.test(name.slice(node.length + 1))
}

/** The paths of the backups of a node in a folder, by name; none where there is no such folder. */
export async function backupFilesIn(folder: string, node: string): Promise<string[]> {
  const names = await namesIn(folder)
  return names
    .filter((name) => isBackupFileName(node, name))
    .map((name) => join(folder, name))
    .toSorted()
}

/** Takes away what creates of this node have left in a folder that were killed before their file had its name. */
export async function sweepUnplaced(folder: string, node: string, now: number): Promise<void> {
  for (const name of await namesIn(folder)) {
    const [, placed] = /^\.(.+)\.[0-9a-f]{16}$/.exec(name) ?? []
    if (placed === undefined || !isBackupFileName(node, placed)) continue
    const path = join(folder, name)
    const stats = await statsIfThere(path)
    if (stats !== undefined && now - stats.mtimeMs > DEAD_AFTER_MS) await unlink(path)
  }
}

/** What the system says of a file; undefined when it is not there. */
export async function statsIfThere(path: string): Promise<Stats | undefined> {
  return await stat(path).catch((err: unknown) => {
    if (errnoOf(err) === 'ENOENT' || errnoOf(err) === 'ENOTDIR') return undefined
    throw err
  })
}

/** SHA-256 of a file as it is on the disk, in hexadecimal. */
export async function sha256OfFile(
  path: string,
  { onProgress, signal }: ReadOptions = {},
): Promise<string> {
  const hash = createHash('sha256')
  const handle = await openBackupFile(path)
  const { size } = await handle.stat()
  const content = handle.createReadStream({ highWaterMark: PIECE_BYTES }) as AsyncIterable<Buffer>
  for await (const piece of counted(content, size, onProgress, signal)) hash.update(piece)
  return hash.digest('hex')
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch((err: unknown) => {
    if (errnoOf(err) === 'ENOENT') return []
    throw err
  })
}
