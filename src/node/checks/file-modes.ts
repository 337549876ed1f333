import type { Stats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf } from '../../store/atomic-file.ts'
import { fail, ok } from './finding.ts'
import type { Finding } from './finding.ts'

const OPEN_TO_OTHERS = 0o077
const WRITABLE_BY_OTHERS = 0o022
const PERMISSIONS = 0o777

/** Folders that are closed, and looked into. What is in the workspace was made by programs, by their own rules. */
const LOOKED_INTO = ['keys', 'store', 'logs', 'http']
/** What is in them is secret. */
const SECRET = ['keys', 'http']

/** Findings that are told one by one. */
const MAX_SHOWN = 10

/** Something in a home that others could read or change, if they could enter it. */
export interface LooseMode {
  path: string
  mode: number
  /** The same without what others could do. */
  wanted: number
}

/** What in a home, itself included, has a mode that is too loose. Links are not followed. */
export async function looseModes(home: string): Promise<LooseMode[]> {
  const found = await look(home, true)
  for (const { name, isFolder } of await entriesOf(home)) {
    // Each profile is a home of its own.
    if (name === 'profiles') continue
    const path = join(home, name)
    found.push(...(await look(path, isFolder || name.endsWith('.sock'))))
    if (isFolder && LOOKED_INTO.includes(name)) {
      found.push(...(await lookInto(path, SECRET.includes(name))))
    }
  }
  return found
}

/** Modes in the home, but for those that the check of the key files tells of. */
export async function fileModeFindings(home: string): Promise<Finding[]> {
  const keys = join(home, 'keys')
  const loose = (await looseModes(home)).filter(
    ({ path }) => path !== home && path !== join(home, 'identity.json') && !path.startsWith(keys),
  )
  if (loose.length === 0) return [ok('nothing in the home is open to others')]
  const hint = 'kith doctor --fix-safe'
  const shown = loose.slice(0, MAX_SHOWN).map(({ mode, path, wanted }) => {
    const what = `${path} has the mode ${mode.toString(8)} instead of ${wanted.toString(8)}`
    return fail(what, hint, { path, mode, wanted })
  })
  const more = loose.length - shown.length
  return more === 0 ? shown : [...shown, fail(`${more} more have too loose a mode`, hint)]
}

async function lookInto(folder: string, secret: boolean): Promise<LooseMode[]> {
  const found: LooseMode[] = []
  for (const { name, isFolder } of await entriesOf(folder)) {
    const path = join(folder, name)
    found.push(...(await look(path, secret || isFolder)))
    if (isFolder) found.push(...(await lookInto(path, secret)))
  }
  return found
}

/** `closed`: others may not even read it. */
async function look(path: string, closed: boolean): Promise<LooseMode[]> {
  const stats = await statsOf(path)
  if (stats === undefined || stats.isSymbolicLink()) return []
  const mode = stats.mode & PERMISSIONS
  const loose = mode & (closed ? OPEN_TO_OTHERS : WRITABLE_BY_OTHERS)
  return loose === 0 ? [] : [{ path, mode, wanted: mode & ~loose }]
}

async function entriesOf(folder: string): Promise<{ name: string; isFolder: boolean }[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  return entries
    .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** Files come and go while a node runs. */
async function statsOf(path: string): Promise<Stats | undefined> {
  return await lstat(path).catch((err: unknown) => {
    if (errnoOf(err) === 'ENOENT') return undefined
    throw err
  })
}
