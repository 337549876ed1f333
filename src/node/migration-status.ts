import { existsSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'
import { readPrivateFile } from '../store/atomic-file.ts'
import { formatWanted, MIGRATIONS, pendingFrom } from '../store/migrations.ts'
import { formatOfStore } from '../store/store-copy.ts'
import type { MigrationStatus } from './control/api.ts'
import type { Home } from './home.ts'

/** The version of every file that a person edits; each refuses a later one by its own schema. */
const FILE_VERSION = 1

/**
 * The versions of all that a home keeps. Changes nothing. `running` is the format of the store that a running node has
 * open, which nobody else may look at.
 *
 * @throws {KithError} `corrupt`, `unsafe-file`
 */
export async function migrationStatus(
  home: Home,
  running: number | undefined,
): Promise<MigrationStatus[]> {
  const { store } = home
  const current = running ?? (existsSync(store) ? await formatOfStore(store) : undefined)
  const pending = current === undefined ? [] : pendingFrom(current)
  return [
    {
      what: 'store',
      path: store,
      current,
      wanted: formatWanted(MIGRATIONS),
      pending: pending.map(({ to, what }) => ({ to, what })),
    },
    await fileStatus('config.yaml', home.config),
    await fileStatus('peers.yaml', home.peers),
    await fileStatus('jobs.yaml', home.jobs),
  ]
}

const versioned = z.looseObject({ version: z.int() })

async function fileStatus(what: MigrationStatus['what'], path: string): Promise<MigrationStatus> {
  const content = await readPrivateFile(path)
  if (content === undefined) {
    return { what, path, current: undefined, wanted: FILE_VERSION, pending: [] }
  }
  const parsed = versioned.safeParse(parse(Buffer.from(content).toString()))
  // One that does not say is of the first.
  const current = parsed.success ? parsed.data.version : FILE_VERSION
  return { what, path, current, wanted: FILE_VERSION, pending: [] }
}
