import { existsSync } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { KithError, isFailure } from '../../protocol/errors.ts'
import { errnoOf, syncFolder } from '../atomic-file.ts'
import { Database } from '../database.ts'
import type { ReadBackup } from './archive-reader.ts'
import { makerTag } from './maker.ts'
import type { Manifest } from './manifest.ts'
import type { OnProgress } from './progress.ts'
import { extractBackup } from './read-backup.ts'
import type { Accept } from './read-backup.ts'
import { namingFullDisk } from './room.ts'
import type { Key } from './seal.ts'
import { finishRestore, folderOf, swap, sweepRestores } from './swap.ts'
import { syncTree } from './sync-tree.ts'

/** What a restore is about to put in the place of a home, and what is there. */
export interface Restoring extends ReadBackup {
  /** The folder with what was in the backup. */
  staged: string
  stagedStore: Database
  /** The home as it is, and its store; undefined when there is none, or it cannot be read. */
  home: string
  homeStore: Database | undefined
}

export interface RestoreInit<T> {
  /** Path of the backup. */
  file: string
  key: Key
  home: string
  /** Of letters and digits, and of no other restore of this home. */
  id: string
  /** Refuses a backup that is not to be taken, before much of it is unpacked. */
  accept?: Accept
  /** Brings what must never be taken back from the home that is there into what is staged, or refuses. */
  merge: (restoring: Restoring) => Promise<T>
  /** Ends before anything is swapped. */
  dryRun: boolean
  /** Told how far the reading is, often. */
  onProgress?: OnProgress
  /** Ends it before anything is swapped. Nothing is left of it then. */
  signal?: AbortSignal | undefined
}

export interface RestoreReport<T> {
  manifest: Manifest
  merged: T
  /** Where the home that was there is kept; undefined when there was none, or nothing was swapped. */
  before: string | undefined
}

/**
 * Puts a backup in the place of a home: all of it is verified in a folder beside, then one takes the other's name. When
 * it rejects, the home is untouched.
 *
 * @throws {KithError} `locked` while a node runs in the home; `unsafe-file` where nobody can tell; `passphrase`, `corrupt`,
 *   `too-new`; `usage` for a full disk; what `accept` and `merge` throw
 */
export async function restoreHome<T>(init: RestoreInit<T>): Promise<RestoreReport<T>> {
  const { accept, dryRun, file, id, key, merge, onProgress, signal } = init
  await finishRestore(init.home)
  const home = await folderOf(init.home)
  await mkdir(dirname(home), { recursive: true, mode: 0o700 })
  // Held until the end, so that no node starts meanwhile.
  const homeStore = await openStore(home)
  const staged = `${home}.restoring-${id}-${await makerTag()}`
  try {
    if (homeStore !== undefined) await sweepRestores(home)
    const options = {
      ...(accept === undefined ? {} : { accept }),
      ...(onProgress === undefined ? {} : { onProgress }),
      ...(signal === undefined ? {} : { signal }),
    }
    return await namingFullDisk(dirname(home), async () => {
      const backup = await extractBackup(file, key, staged, options)
      const stagedStore = await Database.open(join(staged, 'store'))
      const restoring = { ...backup, staged, stagedStore, home, homeStore }
      let merged: T
      try {
        merged = await merge(restoring)
      } finally {
        await stagedStore.close()
      }
      await syncMerged(staged)
      signal?.throwIfAborted()
      const before = dryRun ? undefined : await swap(home, id, staged)
      return { manifest: backup.manifest, merged, before }
    })
  } finally {
    await homeStore?.close()
    await rm(staged, { recursive: true, force: true })
  }
}

/**
 * What was unpacked is on disk already; keys that came from the home that is there may not be. LevelDB syncs what is in
 * its files, but not the name of the last one that it has put in another's place.
 */
async function syncMerged(staged: string): Promise<void> {
  const keys = join(staged, 'keys')
  if (existsSync(keys)) await syncTree(keys)
  await syncFolder(join(staged, 'store'))
  await syncFolder(staged)
}

async function openStore(home: string): Promise<Database | undefined> {
  const folder = join(home, 'store')
  if (!existsSync(folder)) return undefined
  try {
    return await Database.open(folder)
  } catch (err) {
    // A store that cannot be read is what many a restore is for.
    if (isFailure(err, 'corrupt')) return undefined
    if (!isFailure(err) || isFailure(err, 'store-failed')) {
      await assertLockable(folder)
      return undefined
    }
    if (!isFailure(err, 'locked')) throw err
    const message = `a node runs in ${home}`
    throw new KithError('locked', message, { home }, { cause: err, hint: 'kith stop' })
  }
}

/** Whoever may not lock a store cannot tell whether a node of another user runs in it. @throws {KithError} `unsafe-file` */
async function assertLockable(folder: string): Promise<void> {
  const lock = join(folder, 'LOCK')
  try {
    await (await open(lock, 'r+')).close()
  } catch (err) {
    if (errnoOf(err) === 'ENOENT') return
    const fix = `chown -R ${process.geteuid?.() ?? '$USER'} ${folder}`
    const message = `${lock} may not be locked by us: a node of another user may run here`
    throw new KithError('unsafe-file', message, { path: lock, fix }, { cause: err, hint: fix })
  }
}
