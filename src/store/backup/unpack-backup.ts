import { closeSync, constants, fsync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { syncFolder } from '../atomic-file.ts'
import { Database } from '../database.ts'
import type { ReadBackup } from './archive-reader.ts'
import { STORE_ROWS } from './home-files.ts'
import type { BackupFile } from './manifest.ts'
import { readBackup } from './read-backup.ts'
import type { Content, ReadBackupOptions } from './read-backup.ts'
import { assertDiskFor } from './room.ts'
import type { Key } from './seal.ts'
import { loadRows, readRows } from './store-rows.ts'

/** So many files wait for the disk at once while the next ones are written; libuv syncs four of them at a time. */
const SYNCING = 32

const sync = promisify(fsync)

/** As `extractBackup`, in this thread, which has nothing else to do: it waits for the disk. */
export async function unpackBackup(
  path: string,
  key: Key,
  folder: string,
  options: ReadBackupOptions,
): Promise<ReadBackup> {
  mkdirSync(folder, { mode: 0o700 })
  const room = (bytes: number): Promise<void> => assertDiskFor(folder, bytes)
  const folders = new Set([folder])
  const syncing: Promise<void>[] = []
  let files = 0
  try {
    const backup = await readBackup(path, key, { ...options, room }, async (file, content) => {
      if (file.name === STORE_ROWS) {
        await makeStore(join(folder, 'store'), content)
        return
      }
      const target = join(folder, file.name)
      makeFolders(dirname(target), folders)
      const slot = files++ % SYNCING
      await syncing[slot]
      syncing[slot] = syncAndClose(await writeNew(target, file, content))
    })
    await Promise.all(syncing)
    for (const made of folders) await syncFolder(made)
    return backup
  } finally {
    await Promise.allSettled(syncing)
  }
}

async function makeStore(folder: string, content: Content): Promise<void> {
  const database = await Database.open(folder)
  try {
    await loadRows(database, readRows(content))
  } finally {
    await database.close()
  }
  // The rows say which format they have: opened once more, it is checked, and brought up to ours.
  await (await Database.open(folder)).close()
}

/** One at a time, so that what is no folder of ours in a new place is noticed: nothing is made twice. */
function makeFolders(path: string, made: Set<string>): void {
  if (made.has(path)) return
  makeFolders(dirname(path), made)
  mkdirSync(path, { mode: 0o700 })
  made.add(path)
}

/** Returns the file, open. */
async function writeNew(
  path: string,
  { executable }: BackupFile,
  content: Content,
): Promise<number> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const mode = executable === true ? 0o700 : 0o600
  const file = openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
  try {
    for await (const piece of content) writeFileSync(file, piece)
    return file
  } catch (err) {
    closeSync(file)
    throw err
  }
}

/** Not awaited at once: the next files are read and written meanwhile. */
function syncAndClose(file: number): Promise<void> {
  const done = sync(file).finally(() => {
    closeSync(file)
  })
  // Whoever awaits `done` hears of it; until then it must not count as unheard.
  done.catch(() => undefined)
  return done
}
