import { constants } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { lstat, open, readdir } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { KithError } from '../../../protocol/errors.ts'
import { errnoOf } from '../../../store/atomic-file.ts'
import { accepts, positionOf, sameFile } from './select.ts'
import type { FolderFile } from './select.ts'

const WRITABLE_BY_OTHERS = 0o022n

/** Files that are looked at side by side. */
const PARALLEL = 64

/** What came of reading a file: its bytes, why it may not be read, or that it is not as it was. */
export type ReadFile = { bytes: Uint8Array } | { why: string } | 'changed'

/**
 * The files of a feed's folder whose names it accepts, in the order in which they are taken. `progress` is called as
 * it goes on.
 *
 * @throws {KithError} `invalid-file` when there is no folder; `unsafe-file` for one that others can write, or a link
 */
export async function listFolder(
  folder: string,
  accept: readonly string[],
  progress: () => void,
  signal: AbortSignal,
): Promise<FolderFile[]> {
  await checkFolder(folder)
  const names = (await readdir(folder, { encoding: 'buffer' }))
    .map(nameOf)
    .filter((name) => name !== undefined)
    .filter((name) => accepts(accept, name))
  const files: FolderFile[] = []
  for (let from = 0; from < names.length; from += PARALLEL) {
    signal.throwIfAborted()
    const group = names.slice(from, from + PARALLEL)
    const found = await Promise.all(group.map(async (name) => await look(folder, name)))
    files.push(...found.filter((file) => file !== undefined))
    progress()
  }
  return files
    .map((file) => ({ file, position: positionOf(file) }))
    .sort((a, b) => (a.position < b.position ? -1 : 1))
    .map(({ file }) => file)
}

/** The content of a file that was looked at, if it is still that one, before and after. */
export async function readFeedFile(folder: string, file: FolderFile): Promise<ReadFile> {
  const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants
  let handle: FileHandle
  try {
    // O_NONBLOCK: a pipe that has taken its place would hold us up.
    handle = await open(join(folder, file.name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (err) {
    return unopened(err)
  }
  try {
    const isSame = async (): Promise<boolean> => {
      const now = fileOf(file.name, await handle.stat({ bigint: true }))
      return now.regular && sameFile(now, file)
    }
    if (!(await isSame())) return 'changed'
    const bytes = Buffer.alloc(file.sizeBytes)
    let filled = 0
    while (filled < bytes.length) {
      const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, filled)
      if (bytesRead === 0) return 'changed'
      filled += bytesRead
    }
    return (await isSame()) ? { bytes } : 'changed'
  } finally {
    await handle.close()
  }
}

/** Whoever can write the folder can put a link to any of our files there: nobody else may. */
async function checkFolder(folder: string): Promise<void> {
  const stats = await lstat(folder, { bigint: true }).catch((err: unknown) => {
    if (errnoOf(err) !== 'ENOENT') throw err
    const why = `there is no folder ${folder}`
    throw new KithError('invalid-file', why, { path: folder }, { hint: `mkdir -m 700 ${folder}` })
  })
  if (!stats.isDirectory()) throw unsafe(folder, 'is no folder', 'name the folder itself')
  const uid = process.geteuid?.()
  if (uid !== undefined && stats.uid !== BigInt(uid) && stats.uid !== 0n) {
    throw unsafe(folder, `belongs to user ${String(stats.uid)}`, `chown ${uid} ${folder}`)
  }
  if ((stats.mode & WRITABLE_BY_OTHERS) !== 0n) {
    throw unsafe(folder, 'can be written by other users', `chmod go-w ${folder}`)
  }
}

async function look(folder: string, name: string): Promise<FolderFile | undefined> {
  try {
    return fileOf(name, await lstat(join(folder, name), { bigint: true }))
  } catch (err) {
    // It has gone since its name was read.
    if (errnoOf(err) === 'ENOENT') return undefined
    throw err
  }
}

function fileOf(name: string, stats: BigIntStats): FolderFile {
  return {
    name,
    changed: String(stats.ctimeNs).padStart(20, '0'),
    inode: String(stats.ino),
    sizeBytes: Number(stats.size),
    regular: stats.isFile(),
  }
}

/** A name as text; undefined for one that is none, which no pattern means. */
function nameOf(name: Buffer): string | undefined {
  const text = name.toString()
  return Buffer.from(text).equals(name) ? text : undefined
}

function unopened(err: unknown): ReadFile {
  switch (errnoOf(err)) {
    case 'EACCES':
      return { why: 'may not be read by us' }
    // It has gone, or a link or a socket has taken its place: the next look tells.
    case 'ENOENT':
    case 'ELOOP':
    case 'ENXIO':
      return 'changed'
    default:
      throw err
  }
}

function unsafe(path: string, what: string, fix: string): KithError<'unsafe-file'> {
  return new KithError('unsafe-file', `${path} ${what}`, { path, fix }, { hint: fix })
}
