import { lstatSync, readdirSync } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { join } from 'node:path'
import { findCollisions, isPortableName } from './names.ts'

/** The rows of the store, in a backup. In a home they are the folder `store`. */
export const STORE_ROWS = 'store.rows'

/** The key log of the node. */
export const IDENTITY = 'identity.json'

/** What a home cannot be without. */
export const REQUIRED_FILES: readonly string[] = [IDENTITY, STORE_ROWS]

const FILES: readonly string[] = [
  'identity.json',
  'rotation.json',
  'config.yaml',
  'peers.yaml',
  'jobs.yaml',
  'AGENT.md',
  'USER.md',
  'MEMORY.md',
]
const FOLDERS: readonly string[] = ['keys', 'workspace']

/** Made anew, of this run alone, or of a restore; profiles are homes of their own. */
const LEFT_OUT: readonly string[] = [
  'store',
  'cache',
  'logs',
  'profiles',
  'control.sock',
  'daemon.json',
  'daemon.sock',
  'daemon-restarted',
  'removed-profiles',
  'peers.yaml.restored',
]

/** What a crash leaves of a file that was about to be put in its place. */
const UNPLACED = /^\.[^/]+\.[0-9a-f]{16}$/

/** A file of a home that goes into a backup. */
export interface HomeFile {
  /** Its path below the home, with `/`. */
  name: string
  path: string
  stats: BigIntStats
}

/** What a backup of a home takes, by name, and what it does not take though it might be thought to. */
export interface HomeFiles {
  files: HomeFile[]
  leftOut: string[]
}

/** True for a name that a file in a backup may have. */
export function isBackedUp(name: string): boolean {
  if (name === STORE_ROWS || FILES.includes(name)) return true
  return FOLDERS.some((folder) => name.startsWith(`${folder}/`))
}

/** True for a file that has to be of one time with others of its kind: the keys, and what says which is which. */
export function isOfIdentity(name: string): boolean {
  return name === 'identity.json' || name === 'rotation.json' || name.startsWith('keys/')
}

/** True for a file that a backup can do without: what programs of the owner write, and may write all the time. */
export function isOfWorkspace(name: string): boolean {
  return name.startsWith('workspace/')
}

/**
 * The files of the home at `home`, without its store. Links, sockets and names that not every system takes stay out. It
 * waits for the disk, and so belongs into a thread of its own.
 */
export function listHomeFiles(home: string): HomeFiles {
  const found: HomeFiles = { files: [], leftOut: [] }
  for (const name of readdirSync(home).toSorted()) {
    if (LEFT_OUT.includes(name) || UNPLACED.test(name)) continue
    if (FILES.includes(name) || FOLDERS.includes(name)) add(home, name, found)
    else found.leftOut.push(name)
  }
  const twins = new Set(findCollisions(found.files.map(({ name }) => name)))
  found.leftOut.push(...twins)
  found.files = found.files.filter(({ name }) => !twins.has(name))
  return found
}

function add(home: string, name: string, found: HomeFiles): void {
  const path = join(home, name)
  // Undefined for a file that went away between being listed and being looked at.
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false })
  if (stats === undefined) return
  if (!isPortableName(name)) {
    found.leftOut.push(name)
  } else if (stats.isDirectory() && !FILES.includes(name)) {
    const inside = readdirSync(path).toSorted()
    for (const part of inside) {
      const isUnplaced = name.startsWith('keys') && UNPLACED.test(part)
      if (!isUnplaced) add(home, `${name}/${part}`, found)
    }
  } else if (stats.isFile() && isBackedUp(name)) {
    found.files.push({ name, path, stats })
  } else {
    found.leftOut.push(name)
  }
}
