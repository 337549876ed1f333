import { readArchive } from './archive-reader.ts'
import type { ArchiveHead, ReadBackup } from './archive-reader.ts'
import { decompress } from './compression.ts'
import { IDENTITY, isBackedUp, REQUIRED_FILES, STORE_ROWS } from './home-files.ts'
import { damagedBackup, totalBytes } from './manifest.ts'
import type { BackupFile, Manifest } from './manifest.ts'
import { openBackupFile } from './open-file.ts'
import { counted } from './progress.ts'
import type { OnProgress } from './progress.ts'
import { unseal } from './seal.ts'
import type { Key } from './seal.ts'
import { readRows } from './store-rows.ts'
import type { Question } from './worker-messages.ts'
import { runTask } from './worker-task.ts'

export type Content = AsyncIterable<Uint8Array>

/** Longest key log in the form of `identity.json`: all its events, each as long as may be, have room in it. */
const MAX_IDENTITY_BYTES = 1_048_576

/** So much of a sealed file is read at once. */
const BLOCK_BYTES = 1_048_576

export interface ReadOptions {
  /** Told how far it is, often. */
  onProgress?: OnProgress
  /** Ends it. */
  signal?: AbortSignal
}

/** Throws for a backup that is not to be taken: called as soon as it is known whose it says it is. */
export type Accept = (read: ReadBackup) => void | Promise<void>

export interface ReadBackupOptions {
  onProgress: OnProgress
  accept?: Accept
  /** Throws when there is no room for so many bytes. */
  room?: (bytes: number) => Promise<void>
}

/**
 * What the backup at `path` says of itself, once every byte of it was read and is right: in a thread of its own, so that
 * a node answers meanwhile. Writes nothing.
 *
 * @throws {KithError} `passphrase`, `corrupt`, `too-new`
 */
export async function verifyBackup(
  path: string,
  key: Key,
  options: ReadOptions = {},
): Promise<ReadBackup> {
  return await runTask('verify', { path, key }, options)
}

/** As `verifyBackup`, in this thread. */
export async function readThrough(
  path: string,
  key: Key,
  options: ReadBackupOptions,
): Promise<ReadBackup> {
  return await readBackup(path, key, options, async ({ name }, content) => {
    const source: AsyncIterable<unknown> = name === STORE_ROWS ? readRows(content) : content
    const parts = source[Symbol.asyncIterator]()
    while ((await parts.next()).done !== true);
  })
}

/**
 * Puts what is in the backup at `path` into `folder`, which must not be there yet: a home, its store made anew. Resolves
 * when all is right and on disk. When it rejects, what is in the folder is worth nothing.
 *
 * @throws {KithError} `passphrase`, `corrupt`, `too-new`; `usage` when there is no such file, or too small a disk; what
 *   `accept` throws
 */
export async function extractBackup(
  path: string,
  key: Key,
  folder: string,
  options: ReadOptions & { accept?: Accept } = {},
): Promise<ReadBackup> {
  const { accept, ...rest } = options
  const answer = async (question: Question): Promise<void> => {
    if (question.kind === 'accept') await accept?.(question.backup)
  }
  return await runTask('extract', { path, key, folder }, { ...rest, answer })
}

/**
 * Reads the backup at `path`, and hands each of its files to `file`, in the order of the archive.
 *
 * @throws {KithError} `passphrase`, `corrupt`, `too-new`; what `accept` and `room` throw
 */
export async function readBackup(
  path: string,
  key: Key,
  options: ReadBackupOptions,
  file: (file: BackupFile, content: Content) => Promise<void>,
): Promise<ReadBackup> {
  const { accept, onProgress, room } = options
  const handle = await openBackupFile(path)
  const sealed = handle.createReadStream({
    highWaterMark: BLOCK_BYTES,
  }) as AsyncIterable<Uint8Array>
  let [all, before] = [0, 0]
  let head: ArchiveHead | undefined
  let identity: Uint8Array | undefined
  let isAccepted = false
  const acceptOnce = async (): Promise<ReadBackup | undefined> => {
    if (head === undefined || identity === undefined) return undefined
    const backup = { ...head, identity }
    if (!isAccepted) await accept?.(backup)
    isAccepted = true
    return backup
  }
  await readArchive(decompress(unseal(sealed, key)), {
    head: async (first) => {
      assertHome(first.manifest)
      head = first
      all = totalBytes(first.manifest)
      await room?.(all)
    },
    file: async (announced, content) => {
      // What was read before is what was announced.
      await acceptOnce()
      const tell: OnProgress = ({ doneBytes }) => {
        onProgress({ doneBytes: before + doneBytes, totalBytes: all })
      }
      const told = counted(content, announced.bytes, tell, undefined)
      if (announced.name === IDENTITY) {
        identity = await bytesOf(announced, told)
        await file(announced, once(identity))
      } else await file(announced, told)
      before += announced.bytes
    },
  })
  const backup = await acceptOnce()
  if (backup === undefined) throw new TypeError('a home without an identity was read')
  return backup
}

async function bytesOf({ bytes, name }: BackupFile, content: Content): Promise<Uint8Array> {
  if (bytes > MAX_IDENTITY_BYTES) throw damagedBackup(`${name} is too long`)
  const pieces: Uint8Array[] = []
  for await (const piece of content) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

async function* once(piece: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(piece)
}

/** A manifest may be right in itself and still be of something that is no home. */
function assertHome({ files }: Manifest): void {
  const stranger = files.find(({ name }) => !isBackedUp(name))
  if (stranger !== undefined) {
    throw damagedBackup(`no home has a file ${JSON.stringify(stranger.name)}`)
  }
  const missing = REQUIRED_FILES.find((wanted) => !files.some(({ name }) => name === wanted))
  if (missing !== undefined) throw damagedBackup(`${missing} is not in it`)
}
