import { chmod, lstat, rm, unlink } from 'node:fs/promises'
import { erasePrivateFile } from '../store/atomic-file.ts'
import { looseModes } from './checks/file-modes.ts'
import { leftoversOf } from './checks/leftovers.ts'
import type { Leftover } from './checks/leftovers.ts'
import { isDeadSocket } from './dead-socket.ts'
import type { Home } from './home.ts'

/** One thing that is put right without asking: it can be undone, or what goes is worth nothing to anybody. */
export interface Fix {
  /** Name of the check that it clears. */
  check: string
  action: 'chmod' | 'remove'
  path: string
  /** In words. */
  what: string
  /** Of `chmod`. */
  mode?: number
  /** The command that takes it back; what is removed is worth nothing. */
  undo?: string
}

/** What can be put right in a home, whether its node runs or not. Looks, and changes nothing. */
export async function planFixes(home: Home, now: number): Promise<Fix[]> {
  const modes = await looseModes(home.path)
  const fixes: Fix[] = modes.map(({ mode, path, wanted }) => ({
    check: 'file-modes',
    action: 'chmod',
    path,
    what: `chmod ${wanted.toString(8)} ${path}`,
    mode: wanted,
    undo: `chmod ${mode.toString(8)} ${path}`,
  }))
  if (await isDeadSocket(home.socket)) {
    const what = `remove ${home.socket}, on which nobody listens`
    fixes.push({ check: 'control-socket', action: 'remove', path: home.socket, what })
  }
  const left = await leftoversOf(home.path, now)
  for (const { kind, path, removable } of left) {
    if (!removable) continue
    fixes.push({ check: 'leftovers', action: 'remove', path, what: `remove ${path}: ${WHY[kind]}` })
  }
  return fixes
}

const WHY: Record<Leftover['kind'], string> = {
  restoring: 'a restore was cut off before it changed anything',
  drill: 'a drill was cut off, and nobody works on it',
  'half-file': 'a file that was never put in its place',
  migrating: 'a migration was cut off before it changed anything',
  before: 'the home from before a restore',
  'old-store': 'the store from before a migration',
}

/** Puts right what is in `plan` and still is so. Returns what was done. */
export async function applyFixes(home: Home, now: number, plan: readonly Fix[]): Promise<Fix[]> {
  const still = new Set((await planFixes(home, now)).map(({ what }) => what))
  const done: Fix[] = []
  for (const fix of plan) {
    if (!still.has(fix.what)) continue
    await apply(fix)
    done.push(fix)
  }
  return done
}

async function apply({ mode, path }: Fix): Promise<void> {
  if (mode !== undefined) {
    await chmod(path, mode)
    return
  }
  const stats = await lstat(path)
  if (stats.isDirectory()) await rm(path, { recursive: true })
  // What is half written may be half a key; one that is in its place too shares its bytes with it.
  else if (stats.isFile() && stats.nlink === 1) await erasePrivateFile(path)
  else await unlink(path)
}
