import assert from 'node:assert/strict'
import { chmod, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isFailure } from '../../src/protocol/errors.ts'
import { encode } from '../../src/protocol/cbor.ts'
import { Database, type Operation } from '../../src/store/database.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const soft = { durable: false }
const durable = { durable: true }

describe('database', () => {
  const folder = tempFolder()
  const home = (): string => join(folder(), 'store')
  let database: Database

  beforeEach(async () => {
    database = await Database.open(home())
  })
  afterEach(() => database.close())

  function put(key: string, text: string): Operation {
    return { type: 'put', sublevel: database.sublevel('rows'), key, value: Buffer.from(text) }
  }

  /** Lets `before` look at each batch on its way to LevelDB, and hold it up or refuse it. */
  function onBatch(before: (operations: number, sync: boolean) => Promise<void>): void {
    const level = database.sublevel('rows').db
    const write = level.batch.bind(level)
    const batch = async (operations: [], options: { sync: boolean }): Promise<void> => {
      await before(operations.length, options.sync)
      await write(operations, options as object)
    }
    Object.assign(level, { batch })
  }

  async function fullDisk(): Promise<void> {
    throw new Error('ENOSPC')
  }

  async function get(key: string): Promise<string | undefined> {
    const row = await database.sublevel('rows').get(key)
    return row === undefined ? undefined : Buffer.from(row).toString()
  }

  describe('opening', () => {
    it('makes a folder that is closed to others', async () => {
      assert.equal((await stat(home())).mode & 0o777, 0o700)
    })

    it('finds what was written before', async () => {
      await database.write([put('a', '1')], soft)
      await database.close()
      database = await Database.open(home())
      assert.equal(await get('a'), '1')
    })

    it('fails while the folder is open elsewhere', async () => {
      await assert.rejects(
        Database.open(home()),
        (err) => isFailure(err, 'locked') && err.details.home === home(),
      )
    })

    it('fails in a folder that is open to others', async () => {
      await database.close()
      await chmod(home(), 0o755)
      await assert.rejects(Database.open(home()), (err) => isFailure(err, 'unsafe-file'))
    })

    it('fails on a damaged folder', async () => {
      await database.close()
      await writeFile(join(home(), 'CURRENT'), 'nonsense')
      await assert.rejects(Database.open(home()), (err) => isFailure(err, 'corrupt'))
    })

    it('fails on a folder of which a file is gone as on a damaged one', async () => {
      await database.close()
      await writeFile(join(home(), 'CURRENT'), 'MANIFEST-999999\n')
      await assert.rejects(Database.open(home()), (err) => isFailure(err, 'corrupt'))
    })

    it('fails with what the disk says where it gives a file not out', async () => {
      await database.close()
      await rm(join(home(), 'CURRENT'))
      await mkdir(join(home(), 'CURRENT'))
      await assert.rejects(
        Database.open(home()),
        (err) => isFailure(err, 'store-failed') && /cannot be opened: IO error/.test(err.message),
      )
    })

    it('fails on a format of a later version, and leaves the folder free', async () => {
      const sublevel = database.sublevel('meta')
      await database.write([{ type: 'put', sublevel, key: 'format', value: encode(2) }], soft)
      await database.close()
      for (const attempt of [1, 2]) {
        await assert.rejects(
          Database.open(home()),
          (err) => isFailure(err, 'too-new') && err.details.version === 2,
          `attempt ${attempt}`,
        )
      }
    })

    it('fails on a format that is no number', async () => {
      const sublevel = database.sublevel('meta')
      await database.write([{ type: 'put', sublevel, key: 'format', value: encode('1') }], soft)
      await database.close()
      await assert.rejects(Database.open(home()), (err) => isFailure(err, 'corrupt'))
    })
  })

  describe('writing', () => {
    it('gives bytes back as a plain Uint8Array', async () => {
      await database.write([put('a', '1')], soft)
      assert.deepEqual(await database.sublevel('rows').get('a'), Uint8Array.of(0x31))
    })

    it('keeps sublevels apart', async () => {
      const other = database.sublevel('others')
      await database.write([put('a', '1')], soft)
      assert.equal(await other.get('a'), undefined)
    })

    it('keeps the order of calls that do not wait for each other', async () => {
      const writes = Array.from({ length: 200 }, (_, i) =>
        database.write([put('a', String(i))], { durable: i % 3 === 0 }),
      )
      await Promise.all(writes)
      assert.equal(await get('a'), '199')
    })

    it('resolves in the order of calls', async () => {
      const done: number[] = []
      const writes = [soft, durable, soft].map(async (options, i) => {
        await database.write([put('a', String(i))], options)
        done.push(i)
      })
      await Promise.all(writes)
      assert.deepEqual(done, [0, 1, 2])
    })

    it('shows a write as soon as it has resolved', async () => {
      await database.write([put('a', '1')], soft)
      assert.equal(await get('a'), '1')
    })

    it('puts all writes of a tick into one batch, and all that come meanwhile into the next', async () => {
      const sizes: number[] = []
      const meanwhile: Promise<void>[] = []
      onBatch(async (operations) => {
        sizes.push(operations)
        if (sizes.length > 1) return
        for (const key of 'abcde') meanwhile.push(database.write([put(key, '2')], soft))
      })
      await Promise.all(['a', 'b', 'c'].map((key) => database.write([put(key, '1')], soft)))
      await Promise.all(meanwhile)
      assert.deepEqual(sizes, [3, 5])
      assert.equal(await get('a'), '2')
    })

    const groups = [
      { group: [soft], synced: false },
      { group: [durable], synced: true },
      { group: [soft, soft], synced: false },
      { group: [soft, durable, soft], synced: true },
    ]
    for (const { group, synced } of groups) {
      const kinds = group.map((options) => (options.durable ? 'durable' : 'soft')).join(' + ')
      it(`${synced ? 'syncs' : 'does not sync'} the disk for ${kinds}`, async () => {
        const syncs: boolean[] = []
        onBatch(async (_operations, sync) => {
          syncs.push(sync)
        })
        await Promise.all(group.map((options) => database.write([put('a', '1')], options)))
        assert.deepEqual(syncs, [synced])
      })
    }
  })

  describe('failing', () => {
    it('rejects all that was in the batch, all that waited and all that follows', async () => {
      let waiting: Promise<void> | undefined
      onBatch(async () => {
        waiting = database.write([put('c', '1')], soft)
        await fullDisk()
      })
      const failed = (err: unknown): boolean => isFailure(err, 'store-failed')
      const writes = ['a', 'b'].map((key) => database.write([put(key, '1')], soft))
      for (const write of writes) await assert.rejects(write, failed)
      await assert.rejects(waiting ?? Promise.resolve(), failed)
      await assert.rejects(database.write([put('d', '1')], soft), failed)
      for (const key of 'abcd') assert.equal(await get(key), undefined)
    })

    it('is for good: the next write is refused though the disk would take it', async () => {
      let batches = 0
      onBatch(async () => {
        batches += 1
        if (batches === 1) await fullDisk()
      })
      await assert.rejects(database.write([put('a', '1')], soft))
      assert.match(String(database.failure?.cause), /ENOSPC/)
      await assert.rejects(database.write([put('a', '1')], soft), database.failure)
      assert.equal(batches, 1)
    })

    it('has not happened as long as the disk takes what it gets', async () => {
      await database.write([put('a', '1')], durable)
      assert.equal(database.failure, undefined)
    })

    it('does not keep the database from being closed', async () => {
      onBatch(fullDisk)
      await assert.rejects(database.write([put('a', '1')], soft))
      await database.close()
      database = await Database.open(home())
    })
  })

  describe('closing', () => {
    it('waits for the writes that were taken', async () => {
      const written = database.write([put('a', '1')], durable)
      await database.close()
      await written
      database = await Database.open(home())
      assert.equal(await get('a'), '1')
    })

    it('refuses writes from then on', async () => {
      const closing = database.close()
      await assert.rejects(database.write([put('a', '1')], soft), (err) =>
        isFailure(err, 'stopping'),
      )
      await closing
    })

    it('may be done twice', async () => {
      await database.close()
      await database.close()
    })
  })
})
