import { existsSync } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { KithError, isFailure } from '../../protocol/errors.ts'
import { syncFolder } from '../atomic-file.ts'
import { Database } from '../database.ts'
import type { Manifest } from './manifest.ts'
import { extractBackup } from './read-backup.ts'
import type { Key } from './seal.ts'

/*
 * How a home is swapped. Beside it stand, with the id of the restore at their end:
 *
 *   home.restoring-ID  being filled; worth nothing
 *   home.restored-ID   whole, and on disk
 *   home.before-ID     the home that was there
 *
 * 1. restoring → restored   2. home → before   3. before/profiles → restored/profiles   4. restored → home
 *
 * There is no rename of one folder over another that has something in it, so after step 2 there is no home for a moment.
 * `finishRestore` looks for that before a home is opened.
 */

/** Homes of other identities, which are below the home of the first. They are none of its business. */
const PROFILES = 'profiles'

/** What a restore is about to put in the place of a home, and what is there. */
export interface Restoring {
  manifest: Manifest
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
  /** Brings what must never be taken back from the home that is there into what is staged, or refuses. */
  merge: (restoring: Restoring) => Promise<T>
  /** Ends before anything is swapped. */
  dryRun: boolean
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
 * @throws {KithError} `locked` while a node runs in the home; `passphrase`, `corrupt`, `too-new`; what `merge` throws
 */
export async function restoreHome<T>(init: RestoreInit<T>): Promise<RestoreReport<T>> {
  const { dryRun, file, home, id, key, merge } = init
  await finishRestore(home)
  // Held until the end, so that no node starts meanwhile.
  const homeStore = await openStore(home)
  const staged = `${home}.restoring-${id}`
  try {
    await sweep(home)
    const manifest = await extractBackup(file, key, staged)
    const stagedStore = await Database.open(join(staged, 'store'))
    const restoring = { manifest, staged, stagedStore, home, homeStore }
    const merged = await merge(restoring).finally(() => stagedStore.close())
    await syncFolder(staged)
    const before = dryRun ? undefined : await swap(home, id)
    return { manifest, merged, before }
  } finally {
    await homeStore?.close()
    await rm(staged, { recursive: true, force: true })
  }
}

/**
 * Brings a restore to its end that was cut off while it swapped: afterwards the home is there, the old one or the new
 * one, whole. To be called before a home is opened.
 */
export async function finishRestore(home: string): Promise<void> {
  if (existsSync(home)) return
  const [id] = (await leftBeside(home))
    .filter(({ kind }) => kind === 'restored')
    .map(({ id }) => id)
  if (id !== undefined) await place(home, id)
}

/** Takes away what restores have left that were cut off before they began to swap. */
async function sweep(home: string): Promise<void> {
  for (const { path } of await leftBeside(home)) await rm(path, { recursive: true })
}

async function leftBeside(home: string): Promise<{ path: string; kind: string; id: string }[]> {
  const prefix = `${basename(home)}.`
  const beside = await readdir(dirname(home))
  return beside.flatMap((name) => {
    const rest = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    const [, kind, id] = /^(restoring|restored)-([0-9A-Za-z]+)$/.exec(rest) ?? []
    if (kind === undefined || id === undefined) return []
    return [{ path: join(dirname(home), name), kind, id }]
  })
}

async function swap(home: string, id: string): Promise<string | undefined> {
  const folder = dirname(home)
  await rename(`${home}.restoring-${id}`, `${home}.restored-${id}`)
  await syncFolder(folder)
  const before = existsSync(home) ? `${home}.before-${id}` : undefined
  if (before !== undefined) {
    await rename(home, before)
    await syncFolder(folder)
  }
  await place(home, id)
  return before
}

/** Steps 3 and 4, as far as they are not done. */
async function place(home: string, id: string): Promise<void> {
  const [before, restored] = [`${home}.before-${id}`, `${home}.restored-${id}`]
  if (existsSync(join(before, PROFILES))) {
    await rename(join(before, PROFILES), join(restored, PROFILES))
    await syncFolder(restored)
    await syncFolder(before)
  }
  await rename(restored, home)
  await syncFolder(dirname(home))
}

async function openStore(home: string): Promise<Database | undefined> {
  const folder = join(home, 'store')
  if (!existsSync(folder)) return undefined
  try {
    return await Database.open(folder)
  } catch (err) {
    // A store that cannot be read is what many a restore is for.
    if (!isFailure(err) || isFailure(err, 'corrupt')) return undefined
    if (!isFailure(err, 'locked')) throw err
    const message = `a node runs in ${home}`
    throw new KithError('locked', message, { home }, { cause: err, hint: 'kith stop' })
  }
}
