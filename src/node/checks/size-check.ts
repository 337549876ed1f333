import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MAX_MEMORY_BYTES } from '../../agent/memory.ts'
import { errnoOf } from '../../store/atomic-file.ts'
import type { Home } from '../home.ts'
import { ok, warn } from './finding.ts'
import type { Finding } from './finding.ts'

const MIB = 1_048_576

/** Files that are looked at in one folder: enough to see that it is out of bounds. */
const MAX_LOOKED_AT = 50_000

interface Measured {
  name: string
  path: string
  limitBytes: number
  hint: string
}

/** What a home keeps, by what bounds it. What kith writes has caps of its own, so that more is somebody else's. */
export async function sizeFindings(home: Pick<Home, 'logs' | 'memory' | 'store' | 'workspace'>) {
  const { logs, memory, store, workspace } = home
  const all: Measured[] = [
    {
      ...{ name: 'store', path: store, limitBytes: 4_096 * MIB },
      hint: 'kith asks list, kith artifacts list and kith jobs runs show what fills it',
    },
    {
      ...{ name: 'logs', path: logs, limitBytes: 256 * MIB },
      hint: `du -sh ${logs}/*, then remove what is not kith's own`,
    },
    {
      ...{ name: 'workspace', path: workspace, limitBytes: 4_096 * MIB },
      hint: `du -sh ${workspace}/*, then remove what nobody needs`,
    },
    {
      ...{ name: 'memory', path: memory, limitBytes: MAX_MEMORY_BYTES * 0.9 },
      hint: `shorten ${memory}: beyond 1 MiB nothing more is remembered`,
    },
  ]
  const sizes = await Promise.all(all.map(async ({ path }) => await sizeOf(path)))
  const found = all.flatMap(({ hint, limitBytes, name, path }, index): Finding[] => {
    const bytes = sizes[index] ?? 0
    if (bytes <= limitBytes) return []
    const what = `${path} has ${mibText(bytes)}, more than ${mibText(limitBytes)}`
    return [warn(what, hint, { name, bytes, limitBytes })]
  })
  if (found.length > 0) return found
  const details = Object.fromEntries(all.map(({ name }, index) => [name, sizes[index] ?? 0]))
  return [ok(`the store has ${mibText(sizes[0] ?? 0)}`, details)]
}

/** Bytes of a file, or of all files in a folder; 0 where there is none. */
async function sizeOf(path: string): Promise<number> {
  const stats = await lstat(path).catch(ifGone)
  if (stats === undefined) return 0
  if (!stats.isDirectory()) return stats.size
  let bytes = 0
  let seen = 0
  const entries =
    (await readdir(path, { recursive: true, withFileTypes: true }).catch(ifGone)) ?? []
  for (const entry of entries) {
    if (++seen > MAX_LOOKED_AT) break
    if (!entry.isFile()) continue
    bytes += (await lstat(join(entry.parentPath, entry.name)).catch(ifGone))?.size ?? 0
  }
  return bytes
}

function mibText(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`
}

function ifGone(err: unknown): undefined {
  if (errnoOf(err) !== 'ENOENT') throw err
}
