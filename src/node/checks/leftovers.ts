import { existsSync } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { errnoOf } from '../../store/atomic-file.ts'
import { folderOf } from '../../store/backup/swap.ts'
import { ok, warn } from './finding.ts'
import type { Finding } from './finding.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

/** Whoever restores or drills writes all the time: what was not touched for so long, nobody works on. */
const IDLE_MS = 10 * MINUTE_MS

/** The home that was there before a restore is kept for so long before its owner is told that it is still there. */
const KEPT_MS = 14 * DAY_MS

/** Entries of a folder that are looked at to learn when it was touched last. */
const MAX_LOOKED_AT = 10_000

const BESIDE = /^(restoring|drill|before)-[0-9A-Za-z]+$/
/** A file of the home that was about to be put in its place, and a store. */
const HALF_FILE = /^\.[^/]+\.[0-9a-f]{16}$/
const OLD_STORE = /^store\.format-\d+$/

/**
 * What a process has left that was killed. `restoring`, `drill`, `half-file`, `migrating`: worth nothing. `before`,
 * `old-store`: what was there before a restore or a migration.
 */
export interface Leftover {
  kind: 'restoring' | 'drill' | 'before' | 'half-file' | 'migrating' | 'old-store'
  path: string
  /** When it, or anything in it, was last written or moved. */
  touchedAt: number
  /** Worth nothing, and nobody works on it. */
  removable: boolean
}

/** What is left in a home and beside it. */
export async function leftoversOf(home: string, now: number): Promise<Leftover[]> {
  const folder = await folderOf(home)
  const found: Leftover[] = []
  const add = async (kind: Leftover['kind'], path: string): Promise<void> => {
    const touchedAt = await touchedAtOf(path)
    if (touchedAt === undefined) return
    const isKept = kind === 'before' || kind === 'old-store'
    found.push({ kind, path, touchedAt, removable: !isKept && now - touchedAt >= IDLE_MS })
  }
  const prefix = `${basename(folder)}.`
  for (const name of await namesIn(dirname(folder))) {
    const [rest = '', kind] = name.startsWith(prefix)
      ? (BESIDE.exec(name.slice(prefix.length)) ?? [])
      : []
    if (kind === undefined) continue
    // With the old home beside it and none in its place, it is the one that is to come.
    const mate = `${folder}.before-${rest.slice(rest.indexOf('-') + 1)}`
    if (kind === 'restoring' && existsSync(mate) && !existsSync(folder)) continue
    await add(kind as 'restoring' | 'drill' | 'before', join(dirname(folder), name))
  }
  for (const inside of [folder, join(folder, 'keys')]) {
    for (const name of await namesIn(inside)) {
      if (HALF_FILE.test(name)) await add('half-file', join(inside, name))
      else if (name === 'store.migrating') await add('migrating', join(inside, name))
      else if (OLD_STORE.test(name)) await add('old-store', join(inside, name))
    }
  }
  return found
}

/** What was left behind long enough ago that somebody should take it away. */
export async function leftoverFindings(home: string, now: number): Promise<Finding[]> {
  const left = await leftoversOf(home, now)
  const found = left.flatMap(({ kind, path, removable, touchedAt }) => {
    const details = { path, kind, touchedAt }
    if (removable) {
      const what = `${path} is what was left when a process was killed`
      return [warn(what, 'kith doctor --fix-safe', details)]
    }
    const isKept = kind === 'before' || kind === 'old-store'
    if (!isKept || now - touchedAt < KEPT_MS) return []
    const since = `${Math.floor((now - touchedAt) / DAY_MS)} days ago`
    const event = kind === 'before' ? 'a restore' : 'a migration of the store'
    return [warn(`${path} is kept from before ${event}, ${since}`, `rm -r ${path}`, details)]
  })
  if (found.length > 0) return found
  const kept = left.filter(({ kind }) => kind === 'before').length
  return [ok(kept === 0 ? 'there are none' : 'none, but for the home from before the last restore')]
}

async function touchedAtOf(path: string): Promise<number | undefined> {
  const own = await changedAt(path)
  if (own === undefined) return undefined
  const inside = await readdir(path, { recursive: true }).catch(() => [])
  const times = await Promise.all(
    inside.slice(0, MAX_LOOKED_AT).map(async (name) => await changedAt(join(path, name))),
  )
  return times.reduce<number>((latest, time = 0) => Math.max(latest, time), own)
}

/** Of content, name or mode: unlike the time of the content, no archive sets it. */
async function changedAt(path: string): Promise<number | undefined> {
  const stats = await lstat(path).catch(ifGone)
  return stats?.ctimeMs
}

async function namesIn(folder: string): Promise<string[]> {
  return ((await readdir(folder).catch(ifGone)) ?? []).toSorted()
}

function ifGone(err: unknown): undefined {
  if (errnoOf(err) !== 'ENOENT' && errnoOf(err) !== 'EACCES') throw err
}
