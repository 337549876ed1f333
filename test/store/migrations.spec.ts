import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Database } from '../../src/store/database.ts'
import { formatWanted, MIGRATIONS, pendingFrom } from '../../src/store/migrations.ts'
import type { Migration } from '../../src/store/migrations.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { putRows } from '../helpers/backup-home.ts'
import { syncedPaths } from '../helpers/synced-paths.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const text = (value: string): Uint8Array => Buffer.from(value)

/** From format 1: names in capitals, then the sublevel `old` under another name. */
const PLANTED: readonly Migration[] = [
  {
    to: 2,
    what: 'names in capitals',
    run: async ({ entries, write }) => {
      for await (const [key, value] of entries('names')) {
        const capitals = Buffer.from(value).toString().toUpperCase()
        await write([{ sublevel: 'names', key, value: text(capitals) }])
      }
    },
  },
  {
    to: 3,
    what: 'old is called new',
    run: async ({ entries, write }) => {
      for await (const [key, value] of entries('old')) {
        await write([
          { sublevel: 'new', key, value },
          { sublevel: 'old', key },
        ])
      }
    },
  },
]

const [FIRST] = PLANTED

describe('migrations of the store', () => {
  const home = tempFolder()
  const folder = (): string => join(home(), 'store')

  /** A store as the kith of today writes it. */
  beforeEach(async () => {
    const database = await Database.open(folder(), [])
    await putRows(database, { a: 'anna', b: 'bert' }, 'names')
    await putRows(database, { x: '1' }, 'old')
    await putRows(
      database,
      Object.fromEntries(Array.from({ length: 2_500 }, (_, n) => [`${n}`, `${n}`])),
    )
    await database.close()
  })

  async function rowsOf(sublevel: string, migrations: readonly Migration[]): Promise<object> {
    const database = await Database.open(folder(), migrations)
    const rows: Record<string, string> = {}
    for await (const [key, value] of database.sublevel(sublevel).iterator()) {
      rows[key] = Buffer.from(value).toString()
    }
    await database.close()
    return rows
  }

  it('F33: are steps in order, each to the version after the one before', () => {
    const versions = MIGRATIONS.map(({ to }) => to)
    assert.deepEqual(
      versions,
      versions.map((_, index) => index + 2),
    )
    assert.equal(formatWanted(MIGRATIONS), MIGRATIONS.length + 1)
    assert.deepEqual(
      [1, 2, 3].map((format) => pendingFrom(format, PLANTED).map(({ to }) => to)),
      [[2, 3], [3], []],
    )
  })

  it('F33, G06: an old store is brought to today, row by row, and kept as it was', async () => {
    assert.deepEqual(await rowsOf('names', PLANTED), { a: 'ANNA', b: 'BERT' })
    assert.deepEqual(await rowsOf('old', PLANTED), {})
    assert.deepEqual(await rowsOf('new', PLANTED), { x: '1' })
    assert.equal(Object.keys(await rowsOf('rows', PLANTED)).length, 2_500)
    assert.deepEqual((await readdir(home())).toSorted(), ['store', 'store.format-1'])
    const before = await Database.open(`${folder()}.format-1`, [])
    const names = await before.sublevel('names').values().all()
    assert.deepEqual(
      names.map((name) => Buffer.from(name).toString()),
      ['anna', 'bert'],
    )
    await before.close()
  })

  it('F33: what comes of one is on disk before it takes its place', async function () {
    if (process.platform !== 'linux') this.skip()
    const synced = await syncedPaths(async () => {
      await (await Database.open(folder(), PLANTED)).close()
    })
    const at = synced.indexOf(`${folder()}.migrating`)
    assert.ok(at >= 0 && at < synced.indexOf(home()), synced.join(' '))
    const files = synced.slice(0, at).map((path) => basename(path))
    assert.ok(files.includes('CURRENT') && files.some((name) => name.endsWith('.log')))
  })

  it('F33: one that is of today is left alone', async () => {
    assert.deepEqual(await rowsOf('names', []), { a: 'anna', b: 'bert' })
    assert.deepEqual(await readdir(home()), ['store'])
  })

  it('F33, G06: one of a later kith is refused, with both versions, and stays as it is', async () => {
    await rowsOf('names', PLANTED)
    await assert.rejects(Database.open(folder(), PLANTED.slice(0, 1)), (err) => {
      assert.ok(isFailure(err, 'too-new'))
      assert.deepEqual([err.details.version, err.details.known], [3, 2])
      assert.match(err.message, /has format 3; this kith knows up to 2$/)
      return true
    })
    assert.deepEqual(await rowsOf('new', PLANTED), { x: '1' })
  })

  it('F33, G06: a step that fails leaves the store as it was, and the next try can do it', async () => {
    assert.ok(FIRST)
    const broken: Migration = { to: 3, what: 'no', run: () => Promise.reject(new Error('a slip')) }
    await assert.rejects(Database.open(folder(), [FIRST, broken]), (err) => {
      assert.ok(isFailure(err, 'store-failed'))
      assert.match(err.message, /could not be migrated from format 1, and is as it was: a slip$/)
      return true
    })
    assert.deepEqual(await readdir(home()), ['store'])
    assert.deepEqual(await rowsOf('names', []), { a: 'anna', b: 'bert' })
    assert.deepEqual(await rowsOf('names', PLANTED), { a: 'ANNA', b: 'BERT' })
  })

  it('F33: one that was cut off before its end begins anew', async () => {
    await mkdir(`${folder()}.migrating`)
    await writeFile(join(`${folder()}.migrating`, 'half'), 'a row')
    assert.deepEqual(await rowsOf('names', PLANTED), { a: 'ANNA', b: 'BERT' })
    assert.ok(!existsSync(`${folder()}.migrating`))
  })

  it('F33: one that was cut off between its two renames comes to its end', async () => {
    await rowsOf('names', PLANTED)
    await rename(folder(), `${folder()}.migrating`)
    assert.deepEqual(await rowsOf('names', PLANTED), { a: 'ANNA', b: 'BERT' })
    assert.deepEqual((await readdir(home())).toSorted(), ['store', 'store.format-1'])
  })
})
