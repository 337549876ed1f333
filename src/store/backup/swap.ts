import { existsSync } from 'node:fs'
import { readdir, readlink, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { KithError } from '../../protocol/errors.ts'
import { errnoOf, syncFolder } from '../atomic-file.ts'
import { isMakerAlive } from './maker.ts'

/*
 * How a home is swapped. Beside it stand, with the id of the restore at their end:
 *
 *   home.restoring-ID-MAKER  being filled, and worth nothing; with a before-ID beside it, whole and on disk
 *   home.before-ID           the home that was there
 *   home.drill-ID-MAKER      a restore to try one; worth nothing
 *
 * where the maker is the process that fills it.
 *
 * 1. home → before   2. before/profiles → restoring/profiles   3. restoring → home
 *
 * There is no rename of one folder over another that has something in it, so after step 1 there is no home for a moment.
 * `finishRestore` looks for that before a home is opened. Where there was no home, step 3 is all.
 */

/** Homes of other identities, which are below the home of the first. They are none of its business. */
const PROFILES = 'profiles'

/** No drill and no restore takes so long. It counts where nobody can tell whether its maker still runs. */
const LONGEST_MS = 86_400_000

const LEFT = /^(restoring|drill)-([0-9A-Za-z]+)(?:-([0-9a-f-]+))?$/

/** As many links, one to the next, as Linux follows (path_resolution(7)). */
const MAX_LINKS = 40

/** The folder that `home` leads to, though it may not be there: a swap renames it, and not a link to it. */
export async function folderOf(home: string, links = MAX_LINKS): Promise<string> {
  const target = links === 0 ? undefined : await readlink(home).catch(() => undefined)
  return target === undefined ? home : await folderOf(resolve(dirname(home), target), links - 1)
}

/**
 * Brings a restore to its end that was cut off while it swapped: afterwards the home is there, the old one or the new
 * one, whole. To be called before a home is opened.
 */
export async function finishRestore(home: string): Promise<void> {
  const folder = await folderOf(home)
  if (existsSync(folder)) return
  const left = await leftBeside(folder)
  const cutOff = left.find(
    ({ id, kind }) => kind === 'restoring' && existsSync(`${folder}.before-${id}`),
  )
  if (cutOff !== undefined) await place(folder, cutOff.id, cutOff.path)
}

/** Takes away what restores have left that were cut off before they began to swap. For whoever holds the home’s store. */
export async function sweepRestores(home: string): Promise<void> {
  for (const { kind, path } of await leftBeside(home)) {
    if (kind === 'restoring') await rm(path, { recursive: true, force: true })
  }
}

/** Takes away what drills and restores have left that were killed: keys in the clear. */
export async function sweepKilled(home: string, now: number): Promise<void> {
  const folder = await folderOf(home)
  for (const { id, maker, path } of await leftBeside(folder)) {
    const isAlive = (await isMakerAlive(maker)) ?? (await isYoung(path, now))
    // With the old home beside it, it may be the one that is to come.
    if (isAlive || existsSync(`${folder}.before-${id}`)) continue
    // What is another user's keeps nobody from opening the home.
    await rm(path, { recursive: true, force: true }).catch(() => undefined)
  }
}

/**
 * Puts what is staged in the place of the home. Returns where the one that was there is kept. When it rejects, the home
 * is where it was.
 *
 * @throws {KithError} `usage` for a home or profiles that cannot be renamed: the place where a disk is mounted
 */
export async function swap(home: string, id: string, staged: string): Promise<string | undefined> {
  const before = `${home}.before-${id}`
  const isThere = existsSync(home)
  try {
    if (isThere) {
      await rename(home, before)
      await syncFolder(dirname(home))
    }
    await place(home, id, staged)
    return isThere ? before : undefined
  } catch (err) {
    if (existsSync(before) && !existsSync(home)) await putBack(home, before, staged)
    throw isMount(err) ? mounted(home, err) : err
  }
}

async function putBack(home: string, before: string, staged: string): Promise<void> {
  if (existsSync(join(staged, PROFILES)) && !existsSync(join(before, PROFILES))) {
    await rename(join(staged, PROFILES), join(before, PROFILES))
  }
  await rename(before, home)
}

function isMount(err: unknown): boolean {
  return errnoOf(err) === 'EBUSY' || errnoOf(err) === 'EXDEV'
}

function mounted(home: string, cause: unknown): KithError<'usage'> {
  const what = `a disk is mounted at ${home} or its ${PROFILES}, so that it cannot be renamed`
  const hint = 'kith --home DIR restore, with a folder that is not there, and move what is in it'
  return new KithError('usage', what, { what: home }, { cause, hint })
}

async function isYoung(path: string, now: number): Promise<boolean> {
  const stats = await stat(path).catch(ifGone)
  return stats !== undefined && now - stats.mtimeMs < LONGEST_MS
}

async function leftBeside(
  home: string,
): Promise<{ path: string; kind: string; id: string; maker: string }[]> {
  const prefix = `${basename(home)}.`
  return (await namesIn(dirname(home))).flatMap((name) => {
    const rest = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    const [, kind, id, maker = ''] = LEFT.exec(rest) ?? []
    if (kind === undefined || id === undefined) return []
    return [{ path: join(dirname(home), name), kind, id, maker }]
  })
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch((err: unknown) => {
    if (errnoOf(err) === 'ENOENT') return []
    throw err
  })
}

/** Steps 2 and 3, as far as they are not done. */
async function place(home: string, id: string, staged: string): Promise<void> {
  const before = `${home}.before-${id}`
  if (existsSync(join(before, PROFILES))) {
    await rename(join(before, PROFILES), join(staged, PROFILES)).catch(ifGone)
    await syncFolder(before)
  }
  // Somebody who opens the home does this too, and may have been faster.
  if (existsSync(staged)) await syncFolder(staged).catch(ifGone)
  await rename(staged, home).catch((err: unknown) => {
    if (errnoOf(err) !== 'ENOENT' || !existsSync(home)) throw err
  })
  await syncFolder(dirname(home))
}

function ifGone(err: unknown): undefined {
  if (errnoOf(err) !== 'ENOENT') throw err
}
