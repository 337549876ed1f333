import { constants } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { syncFolder } from '../atomic-file.ts'
import { Database } from '../database.ts'
import { readArchive } from './archive-reader.ts'
import { decompress } from './compression.ts'
import { isBackedUp, REQUIRED_FILES, STORE_ROWS } from './home-files.ts'
import { damagedBackup, totalBytes } from './manifest.ts'
import type { BackupFile, Manifest } from './manifest.ts'
import { openBackupFile } from './open-file.ts'
import { counted } from './progress.ts'
import type { OnProgress } from './progress.ts'
import { assertDiskFor } from './room.ts'
import { unseal } from './seal.ts'
import type { Key } from './seal.ts'
import { loadRows, readRows } from './store-rows.ts'
import { runTask } from './worker-task.ts'

type Content = AsyncIterable<Uint8Array>

/** So many files are on their way to the disk at once: libuv has so many threads. */
const SYNCING = 4

/** So much of a sealed file is read at once. */
const BLOCK_BYTES = 1_048_576

export interface ReadOptions {
  /** Told how far it is, often. */
  onProgress?: OnProgress
  /** Ends it. */
  signal?: AbortSignal
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
): Promise<Manifest> {
  return await runTask('verify', { path, key }, options)
}

/** As `verifyBackup`, in this thread. */
export async function readThrough(path: string, key: Key, options: ReadOptions): Promise<Manifest> {
  return await read(path, key, options, async ({ name }, content) => {
    const source: AsyncIterable<unknown> = name === STORE_ROWS ? readRows(content) : content
    const parts = source[Symbol.asyncIterator]()
    while ((await parts.next()).done !== true);
  })
}

/**
 * Puts what is in the backup at `path` into `folder`, which must not be there yet: a home, its store made anew. Resolves
 * when all is right and on disk. When it rejects, what is in the folder is worth nothing.
 *
 * @throws {KithError} `passphrase`, `corrupt`, `too-new`; `usage` when there is no such file, or too small a disk
 */
export async function extractBackup(
  path: string,
  key: Key,
  folder: string,
  options: ReadOptions = {},
): Promise<Manifest> {
  await mkdir(folder, { mode: 0o700 })
  const room = (bytes: number): Promise<void> => assertDiskFor(folder, bytes)
  const folders = new Set([folder])
  const syncing: Promise<void>[] = []
  let files = 0
  try {
    const manifest = await read(path, key, { ...options, room }, async (file, content) => {
      if (file.name === STORE_ROWS) {
        await makeStore(join(folder, 'store'), content)
        return
      }
      const target = join(folder, file.name)
      await makeFolders(dirname(target), folders)
      const handle = await writeNew(target, file, content)
      const slot = files++ % SYNCING
      await syncing[slot]
      syncing[slot] = syncAndClose(handle)
    })
    await Promise.all(syncing)
    for (const made of folders) await syncFolder(made)
    return manifest
  } finally {
    await Promise.allSettled(syncing)
  }
}

async function read(
  path: string,
  key: Key,
  { onProgress, room, signal }: ReadOptions & { room?: (bytes: number) => Promise<void> },
  file: (file: BackupFile, content: Content) => Promise<void>,
): Promise<Manifest> {
  const handle = await openBackupFile(path)
  const sealed = handle.createReadStream({
    highWaterMark: BLOCK_BYTES,
  }) as AsyncIterable<Uint8Array>
  let [all, before] = [0, 0]
  return await readArchive(decompress(unseal(sealed, key)), {
    manifest: async (manifest) => {
      assertHome(manifest)
      all = totalBytes(manifest)
      await room?.(all)
    },
    file: async (announced, content) => {
      const tell: OnProgress = ({ doneBytes }) => {
        onProgress?.({ doneBytes: before + doneBytes, totalBytes: all })
      }
      await file(announced, counted(content, announced.bytes, tell, signal))
      before += announced.bytes
    },
  })
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

async function makeStore(folder: string, content: Content): Promise<void> {
  const database = await Database.open(folder)
  await loadRows(database, readRows(content)).finally(() => database.close())
  // The rows say which format they have: opened once more, it is checked, and brought up to ours.
  await (await Database.open(folder)).close()
}

/** One at a time, so that what is no folder of ours in a new place is noticed: nothing is made twice. */
async function makeFolders(path: string, made: Set<string>): Promise<void> {
  if (made.has(path)) return
  await makeFolders(dirname(path), made)
  await mkdir(path, { mode: 0o700 })
  made.add(path)
}

async function writeNew(
  path: string,
  { executable }: BackupFile,
  content: Content,
): Promise<FileHandle> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const mode = executable === true ? 0o700 : 0o600
  const handle = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
  try {
    await handle.writeFile(content)
    return handle
  } catch (err) {
    await handle.close()
    throw err
  }
}

/** Not awaited at once: the next files are read and written meanwhile. */
function syncAndClose(handle: FileHandle): Promise<void> {
  const done = handle.sync().finally(() => handle.close())
  // Whoever awaits `done` hears of it; until then it must not count as unheard.
  done.catch(() => undefined)
  return done
}
