import { constants } from 'node:fs'
import { copyFile, link, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { errnoOf } from './atomic-file.ts'
import { Database } from './database.ts'
import { openLevel, readFormat } from './level.ts'

/** LevelDB writes a table once and never again, so that a copy may share it. All else is copied. */
const TABLE = /\.(ldb|sst)$/
/** Not of what is in it: who has it open, and what it did. */
const LEFT_OUT: readonly string[] = ['LOCK', 'LOG', 'LOG.old']

/**
 * What `use` gives of a copy of the store in `folder`, to be read while nothing writes to the store: to open it itself
 * would write. The copy is gone afterwards.
 */
export async function withStoreCopy<T>(
  folder: string,
  use: (copy: string) => Promise<T>,
): Promise<T> {
  const outer = await placeFor(dirname(folder))
  try {
    const copy = join(outer, 'store')
    await mkdir(copy, { mode: 0o700 })
    for (const name of await readdir(folder)) {
      if (LEFT_OUT.includes(name)) continue
      await takeOver(join(folder, name), join(copy, name))
    }
    return await use(copy)
  } finally {
    await rm(outer, { recursive: true, force: true })
  }
}

/** What `use` gives of the database in a copy of the store in `folder`: the store is not migrated, and not locked. */
export async function withDatabaseCopy<T>(
  folder: string,
  use: (database: Database) => Promise<T>,
): Promise<T> {
  return await withStoreCopy(folder, async (copy) => {
    const database = await Database.open(copy)
    try {
      return await use(database)
    } finally {
      await database.close()
    }
  })
}

/** The version of the layout of the store in `folder`, which nothing may have open; undefined for an empty one. */
export async function formatOfStore(folder: string): Promise<number | undefined> {
  return await withStoreCopy(folder, async (copy) => {
    const level = await openLevel(copy)
    try {
      return await readFormat(folder, level)
    } finally {
      await level.close()
    }
  })
}

/** Beside the home, by the name of what is taken away there if its process is killed; where only it is ours, elsewhere. */
async function placeFor(home: string): Promise<string> {
  const beside = join(dirname(home), `${basename(home)}.drill-${randomBytes(8).toString('hex')}`)
  try {
    await mkdir(beside, { mode: 0o700 })
    return beside
  } catch (err) {
    if (errnoOf(err) !== 'EACCES' && errnoOf(err) !== 'EROFS' && errnoOf(err) !== 'EPERM') throw err
    return await mkdtemp(join(tmpdir(), 'kith-store-'))
  }
}

async function takeOver(from: string, to: string): Promise<void> {
  if (TABLE.test(from)) {
    const linked = await link(from, to).then(
      () => true,
      () => false,
    )
    if (linked) return
  }
  await copyFile(from, to, constants.COPYFILE_FICLONE)
}
