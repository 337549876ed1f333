import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { KithError, toError } from '../protocol/errors.ts'
import { syncFolder } from './atomic-file.ts'
import { syncTree } from './backup/sync-tree.ts'
import { BYTES, openLevel, writeFormat } from './level.ts'
import type { LevelDb } from './level.ts'
import type { MigratedRows, Migration } from './migrations.ts'

/*
 * How a store is migrated. Beside `store` stand:
 *
 *   store.migrating  a copy that is taken from step to step, and worth nothing before it has come to the last one
 *   store.format-N   the store as it was, of version N: the backup from before the migration
 *
 * 1. rows of store → store.migrating, and all steps there   2. store → store.format-N   3. store.migrating → store
 *
 * Whatever fails in 1 leaves the store as it was. `finishMigration` does 3 where 2 was the last thing that was done.
 */

const ROWS_AT_ONCE = 1_000

/** Brings a migration to its end that was cut off between its two renames. To be called before a store is opened. */
export async function finishMigration(folder: string): Promise<void> {
  if (existsSync(folder) || !existsSync(migratingOf(folder))) return
  await rename(migratingOf(folder), folder)
  await syncFolder(dirname(folder))
}

/**
 * Puts in the place of the store in `folder`, which is open as `level`, what `steps` make of it, and closes it. The
 * old one is kept as `FOLDER.format-N`.
 *
 * @throws {KithError} `store-failed` when a step fails: the store is as it was, and closed
 */
export async function migrateStore(
  folder: string,
  level: LevelDb,
  { from, steps }: { from: number; steps: readonly Migration[] },
): Promise<void> {
  const [kept, migrating] = [`${folder}.format-${from}`, migratingOf(folder)]
  try {
    await rm(migrating, { recursive: true, force: true })
    await makeCopy(level, migrating, steps)
    // LevelDB syncs what it was told to, and not the names of its files.
    await syncTree(migrating)
    await rm(kept, { recursive: true, force: true })
  } catch (err) {
    await rm(migrating, { recursive: true, force: true })
    await level.close()
    throw migrationFailed(folder, from, err)
  }
  // While it is open, no other process can open it under its old name, nor under its new one.
  try {
    await rename(folder, kept)
    await rename(migrating, folder)
    await syncFolder(dirname(folder))
  } finally {
    await level.close()
  }
}

async function makeCopy(
  level: LevelDb,
  folder: string,
  steps: readonly Migration[],
): Promise<void> {
  await mkdir(folder, { mode: 0o700 })
  const copy = await openLevel(folder)
  try {
    let rows: { type: 'put'; key: string; value: Uint8Array }[] = []
    for await (const [key, value] of level.iterator()) {
      rows.push({ type: 'put', key, value })
      if (rows.length < ROWS_AT_ONCE) continue
      await copy.batch(rows)
      rows = []
    }
    await copy.batch(rows)
    for (const { run, to } of steps) {
      await run(rowsOf(copy))
      await writeFormat(copy, to)
    }
  } finally {
    await copy.close()
  }
}

function rowsOf(level: LevelDb): MigratedRows {
  const named = (name: string) => level.sublevel<string, Uint8Array>(name, { valueEncoding: BYTES })
  return {
    entries: (name) => named(name).iterator(),
    write: async (changes) => {
      await level.batch(
        changes.map(({ key, sublevel: name, value }) => {
          const sublevel = named(name)
          return value === undefined
            ? { type: 'del' as const, sublevel, key }
            : { type: 'put' as const, sublevel, key, value }
        }),
      )
    },
  }
}

function migratingOf(folder: string): string {
  return `${folder}.migrating`
}

function migrationFailed(folder: string, from: number, cause: unknown): KithError<'store-failed'> {
  return new KithError(
    'store-failed',
    `${folder} could not be migrated from format ${from}, and is as it was: ${toError(cause).message}`,
    { folder },
    { cause, hint: `df -h ${folder}; or go on with the kith that wrote it` },
  )
}
