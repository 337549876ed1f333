import assert from 'node:assert/strict'
import fc from 'fast-check'
import { z } from 'zod'
import { decode, encode } from '../../src/protocol/cbor.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { sha256 } from '../../src/protocol/sha256.ts'
import { Database } from '../../src/store/database.ts'
import { Journal, type JournalVerdict } from '../../src/store/journal.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const body = z.strictObject({ n: z.int() })
type Body = z.infer<typeof body>

const soft = { durable: false }

describe('journal, verified', () => {
  const folder = tempFolder()
  let database: Database
  let journal: Journal<Body>

  async function open(): Promise<void> {
    database = await Database.open(folder())
    journal = await Journal.open(database, 'audit', body)
  }

  async function reopen(): Promise<void> {
    await database.close()
    await open()
  }

  async function append(count: number): Promise<void> {
    const numbers = Array.from({ length: count }, (_, i) => i + 1)
    await Promise.all(numbers.map((n) => journal.append({ n }, 1_000 + n, [], soft)))
  }

  beforeEach(open)
  afterEach(() => database.close())

  const hex = (seq: number): string => seq.toString(16).padStart(14, '0')

  async function rowOf(seq: number): Promise<Uint8Array> {
    const row = await database.sublevel('audit').get(hex(seq))
    assert.ok(row)
    return row
  }

  async function setRow(seq: number, value: Uint8Array): Promise<void> {
    const sublevel = database.sublevel('audit')
    await database.write([{ type: 'put', sublevel, key: hex(seq), value }], soft)
  }

  async function deleteRow(seq: number): Promise<void> {
    const sublevel = database.sublevel('audit')
    await database.write([{ type: 'del', sublevel, key: hex(seq) }], soft)
  }

  async function setEnd(end: 'head' | 'anchor', value: Uint8Array): Promise<void> {
    const sublevel = database.sublevel('audit-ends')
    await database.write([{ type: 'put', sublevel, key: end, value }], soft)
  }

  /** Puts an entry with another body, and with the hash that fits it, in the place of `seq`. */
  async function forge(seq: number): Promise<void> {
    const entry = decode((await rowOf(seq)).subarray(32)) as { body: Body }
    const forged = encode({ ...entry, body: { n: 999 } })
    await setRow(seq, Buffer.concat([sha256(forged), forged]))
  }

  function bad(seq: number, problem: 'edited' | 'missing' | 'reordered'): JournalVerdict {
    return { intact: false, seq, problem }
  }

  it('finds an empty journal intact', async () => {
    assert.deepEqual(await journal.verify(), { intact: true, entries: 0, head: journal.head })
  })

  it('is not troubled by appends that go on', async () => {
    await append(500)
    const [verdict] = await Promise.all([journal.verify(), append(500)])
    assert.equal(verdict.intact, true)
  })

  for (const seq of [1, 2, 3]) {
    it(`finds entry ${seq} of 3 with a new body and a hash to fit`, async () => {
      await append(3)
      await forge(seq)
      assert.deepEqual(await journal.verify(), bad(seq, 'edited'))
    })
  }

  it('finds rows that are too short to hold an entry', async () => {
    await append(3)
    for (const bytes of [0, 31, 32, 33]) {
      await setRow(2, (await rowOf(2)).slice(0, bytes))
      assert.deepEqual(await journal.verify(), bad(2, 'edited'))
    }
  })

  it('finds an anchor that was edited', async () => {
    await append(3)
    await journal.pruneBefore(2)
    await setEnd('anchor', encode({ seq: 1, hash: new Uint8Array(32) }))
    assert.deepEqual(await journal.verify(), bad(1, 'edited'))
  })

  it('finds an entry that was pruned and put back', async () => {
    await append(3)
    const row = await rowOf(1)
    await journal.pruneBefore(3)
    await setRow(1, row)
    assert.deepEqual(await journal.verify(), bad(1, 'reordered'))
  })

  it('finds a head that was edited', async () => {
    await append(3)
    await setEnd('head', encode({ seq: 3, hash: new Uint8Array(32) }))
    assert.deepEqual(await journal.verify(), bad(3, 'edited'))
  })

  it('refuses to open, and to write over entries, when the head was put back', async () => {
    await append(3)
    await setEnd('head', encode({ seq: 1, hash: new Uint8Array(32) }))
    await assert.rejects(
      reopen(),
      (err) => isFailure(err, 'corrupt') && err.details.what === 'audit/2',
    )
  })

  it('holds through any appends, restarts and prunes', async () => {
    const step = fc.oneof(
      fc.record({ op: fc.constant('append' as const), count: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ op: fc.constant('prune' as const), count: fc.integer({ min: 0, max: 30 }) }),
      fc.record({ op: fc.constant('restart' as const), count: fc.constant(0) }),
    )
    let first = 1
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        for (const { op, count } of steps) {
          if (op === 'append') await append(count)
          else if (op === 'restart') await reopen()
          else first += await journal.pruneBefore(first + count)
        }
        const entries = journal.head.seq - first + 1
        assert.deepEqual(await journal.verify(), { intact: true, entries, head: journal.head })
        const seqs = await Array.fromAsync(journal.read(), ({ seq }) => seq)
        assert.deepEqual(
          seqs,
          Array.from({ length: entries }, (_, i) => first + i),
        )
      }),
      { numRuns: 25 },
    )
  })

  it('names the entry of any one edit, deletion or swap', async () => {
    await append(20)
    await journal.pruneBefore(5)
    const seq = fc.integer({ min: 5, max: 20 })
    const tamper = fc.oneof(
      fc.record({ how: fc.constant('edit' as const), seq, other: fc.nat() }),
      fc.record({ how: fc.constant('delete' as const), seq, other: fc.constant(0) }),
      fc
        .record({ how: fc.constant('swap' as const), seq, other: seq })
        .filter(({ seq: a, other: b }) => a !== b),
    )
    await fc.assert(
      fc.asyncProperty(tamper, async ({ how, seq: at, other }) => {
        const row = await rowOf(at)
        if (how === 'delete') {
          await deleteRow(at)
          assert.deepEqual(await journal.verify(), bad(at, 'missing'))
        } else if (how === 'edit') {
          const edited = row.slice()
          const index = other % edited.byteLength
          edited[index] = (edited[index] ?? 0) ^ (1 + (other % 255))
          await setRow(at, edited)
          assert.deepEqual(await journal.verify(), bad(at, 'edited'))
        } else {
          const otherRow = await rowOf(other)
          await setRow(at, otherRow)
          await setRow(other, row)
          assert.deepEqual(await journal.verify(), bad(Math.min(at, other), 'reordered'))
          await setRow(other, otherRow)
        }
        await setRow(at, row)
        assert.equal((await journal.verify()).intact, true)
      }),
      { numRuns: 100 },
    )
  })
})
