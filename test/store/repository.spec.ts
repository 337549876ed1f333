import assert from 'node:assert/strict'
import fc from 'fast-check'
import { z } from 'zod'
import { encode } from '../../src/protocol/cbor.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { Database } from '../../src/store/database.ts'
import { Repository, type KeyRange } from '../../src/store/repository.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const schema = z.strictObject({ id: z.string(), at: z.int() })
const soft = { durable: false }

describe('repository', () => {
  const folder = tempFolder()
  let database: Database
  let records: Repository<z.infer<typeof schema>>

  beforeEach(async () => {
    database = await Database.open(folder())
    records = new Repository(database, 'records', schema)
  })
  afterEach(() => database.close())

  async function keysIn(range?: KeyRange): Promise<string> {
    const ids = await Array.fromAsync(records.values(range), ({ id }) => id)
    return ids.join('')
  }

  it('gives back what was put', async () => {
    await database.write([records.put('a', { id: 'a', at: 1 })], soft)
    assert.deepEqual(await records.get('a'), { id: 'a', at: 1 })
  })

  it('has undefined for a key that was never put, or was deleted', async () => {
    assert.equal(await records.get('a'), undefined)
    await database.write([records.put('a', { id: 'a', at: 1 })], soft)
    await database.write([records.del('a')], soft)
    assert.equal(await records.get('a'), undefined)
  })

  it('changes nothing until its operation is written', async () => {
    records.put('a', { id: 'a', at: 1 })
    assert.equal(await records.get('a'), undefined)
  })

  it('writes with another repository in one batch, or not at all', async () => {
    const others = new Repository(database, 'others', schema)
    const record = { id: 'a', at: 1 }
    await database.write([records.put('a', record), others.put('a', record)], soft)
    assert.deepEqual(await others.get('a'), await records.get('a'))
  })

  it('throws at once for a value that has no encoding', () => {
    assert.throws(() => records.put('a', { id: 'a', at: 0.5 }), TypeError)
  })

  it('sees a snapshot as it was taken', async () => {
    await database.write([records.put('a', { id: 'a', at: 1 })], soft)
    const snapshot = database.snapshot()
    await database.write([records.put('a', { id: 'a', at: 2 })], soft)
    assert.equal((await records.get('a', snapshot))?.at, 1)
    assert.equal((await records.get('a'))?.at, 2)
    await snapshot.close()
  })

  const ranges: { range: KeyRange; keys: string }[] = [
    { range: {}, keys: 'abcd' },
    { range: { gt: 'b' }, keys: 'cd' },
    { range: { gte: 'b' }, keys: 'bcd' },
    { range: { lt: 'c' }, keys: 'ab' },
    { range: { lte: 'c' }, keys: 'abc' },
    { range: { gt: 'a', lt: 'd' }, keys: 'bc' },
    { range: { limit: 2 }, keys: 'ab' },
    { range: { reverse: true }, keys: 'dcba' },
    { range: { reverse: true, limit: 1, lt: 'd' }, keys: 'c' },
    { range: { gt: 'd' }, keys: '' },
  ]
  for (const { range, keys } of ranges) {
    it(`has ${keys === '' ? 'nothing' : keys} in ${JSON.stringify(range)}`, async () => {
      const operations = ['c', 'a', 'd', 'b'].map((id) => records.put(id, { id, at: 1 }))
      await database.write(operations, soft)
      assert.equal(await keysIn(range), keys)
    })
  }

  it('has nothing of a repository whose name begins like its own', async () => {
    const longer = new Repository(database, 'records-2', schema)
    await database.write([longer.put('b', { id: 'b', at: 1 })], soft)
    assert.equal(await keysIn(), '')
  })

  it('iterates in the order of bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.string({ unit: 'binary' })), async (ids) => {
        const operations = ids.map((id) => records.put(id, { id, at: 1 }))
        await database.write(operations, soft)
        const found = await Array.fromAsync(records.values(), ({ id }) => id)
        const sorted = ids.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        assert.deepEqual(found, sorted)
        await database.write(
          ids.map((id) => records.del(id)),
          soft,
        )
      }),
      { numRuns: 20 },
    )
  })

  const damages = [
    { what: 'is no CBOR', value: Uint8Array.of(0xff) },
    { what: 'does not fit the schema', value: encode({ id: 'a' }) },
    { what: 'has a key too many', value: encode({ id: 'a', at: 1, x: 1 }) },
  ]
  for (const { what, value } of damages) {
    it(`names the record that ${what}`, async () => {
      const sublevel = database.sublevel('records')
      await database.write([{ type: 'put', sublevel, key: 'a', value }], soft)
      const failed = (err: unknown): boolean =>
        isFailure(err, 'corrupt') && err.details.what === 'records/a'
      await assert.rejects(records.get('a'), failed)
      await assert.rejects(keysIn(), failed)
    })
  }

  const reads: Record<string, () => Promise<unknown>> = {
    get: () => records.get('a'),
    getSync: async () => records.getSync('a'),
    keys: () => Array.fromAsync(records.keys()),
    entries: () => Array.fromAsync(records.entries()),
    values: () => Array.fromAsync(records.values()),
  }
  for (const [name, read] of Object.entries(reads)) {
    it(`says that the store is closed, in words of our own, to ${name}`, async () => {
      await database.write([records.put('a', { id: 'a', at: 1 })], soft)
      await read()
      await database.close()
      await assert.rejects(read, (err: unknown) => isFailure(err, 'stopping'))
    })
  }

  it('says so to a loop that the end of the store interrupts', async () => {
    const operations = ['a', 'b'].map((id) => records.put(id, { id, at: 1 }))
    await database.write(operations, soft)
    const reading = records.values({})
    await reading.next()
    await database.close()
    await assert.rejects(
      async () => {
        for (;;) if ((await reading.next()).done === true) return
      },
      (err: unknown) => isFailure(err, 'stopping'),
    )
  })
})
