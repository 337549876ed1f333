import { existsSync } from 'node:fs'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { errnoOf, syncFolder } from '../atomic-file.ts'

/*
 * How a home is swapped. Beside it stand, with the id of the restore at their end:
 *
 *   home.restoring-ID  being filled; worth nothing
 *   home.restored-ID   whole, and on disk
 *   home.before-ID     the home that was there
 *   home.drill-ID      a restore to try one; worth nothing
 *
 * 1. restoring → restored   2. home → before   3. before/profiles → restored/profiles   4. restored → home
 *
 * There is no rename of one folder over another that has something in it, so after step 2 there is no home for a moment.
 * `finishRestore` looks for that before a home is opened.
 */

/** Homes of other identities, which are below the home of the first. They are none of its business. */
const PROFILES = 'profiles'

/** No drill takes so long. */
const DRILL_MS = 86_400_000

/**
 * Brings a restore to its end that was cut off while it swapped: afterwards the home is there, the old one or the new
 * one, whole. To be called before a home is opened.
 */
export async function finishRestore(home: string): Promise<void> {
  if (existsSync(home)) return
  const [restored] = (await leftBeside(home)).filter(({ kind }) => kind === 'restored')
  if (restored !== undefined) await place(home, restored.id)
}

/** Takes away what restores have left that were cut off before they began to swap. */
export async function sweepRestores(home: string): Promise<void> {
  for (const { kind, path } of await leftBeside(home)) {
    if (kind !== 'drill') await rm(path, { recursive: true, force: true })
  }
}

/** Takes away what drills have left that were cut off. One that is under way is younger. */
export async function sweepDrills(home: string, now: number): Promise<void> {
  for (const { kind, path } of await leftBeside(home)) {
    if (kind !== 'drill' || now - (await stat(path)).mtimeMs < DRILL_MS) continue
    await rm(path, { recursive: true, force: true })
  }
}

/** Puts what is staged in the place of the home. Returns where the one that was there is kept. */
export async function swap(home: string, id: string): Promise<string | undefined> {
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

async function leftBeside(home: string): Promise<{ path: string; kind: string; id: string }[]> {
  const prefix = `${basename(home)}.`
  return (await namesIn(dirname(home))).flatMap((name) => {
    const rest = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    const [, kind, id] = /^(restoring|restored|drill)-([0-9A-Za-z]+)$/.exec(rest) ?? []
    if (kind === undefined || id === undefined) return []
    return [{ path: join(dirname(home), name), kind, id }]
  })
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch((err: unknown) => {
    if (errnoOf(err) === 'ENOENT') return []
    throw err
  })
}

/** Steps 3 and 4, as far as they are not done. */
async function place(home: string, id: string): Promise<void> {
  const [before, restored] = [`${home}.before-${id}`, `${home}.restored-${id}`]
  if (existsSync(join(before, PROFILES))) {
    await rename(join(before, PROFILES), join(restored, PROFILES))
    await syncFolder(restored)
    await syncFolder(before)
  }
  await rename(restored, home).catch((err: unknown) => {
    // Somebody who opens the home does this too, and may have been faster.
    if (errnoOf(err) !== 'ENOENT' || !existsSync(home)) throw err
  })
  await syncFolder(dirname(home))
}
