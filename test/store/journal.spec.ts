import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import fc from 'fast-check'
import { z } from 'zod'
import { decode, encode } from '../../src/protocol/cbor.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { sha256 } from '../../src/protocol/sha256.ts'
import { Database } from '../../src/store/database.ts'
import { Journal, type JournalVerdict } from '../../src/store/journal.ts'
import { Repository } from '../../src/store/repository.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const body = z.strictObject({ n: z.int() })
type Body = z.infer<typeof body>

const soft = { durable: false }

describe('journal', () => {
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

  /** Appends bodies 1, 2, … `count`, without waiting for one another. */
  async function append(count: number): Promise<void> {
    const numbers = Array.from({ length: count }, (_, i) => i + 1)
    await Promise.all(numbers.map((n) => journal.append({ n }, 1_000 + n, [], soft)))
  }

  async function numbers(range: { from?: number; to?: number } = {}): Promise<number[]> {
    return Array.fromAsync(journal.read(range), (entry) => entry.body.n)
  }

  beforeEach(open)
  afterEach(() => database.close())

  describe('appending', () => {
    it('numbers entries from 1 in the order of the calls', async () => {
      const refs = await Promise.all([5, 6, 7].map((n) => journal.append({ n }, 1, [], soft)))
      assert.deepEqual(
        refs.map(({ seq }) => seq),
        [1, 2, 3],
      )
      assert.deepEqual(await numbers(), [5, 6, 7])
    })

    it('hashes the canonical bytes of seq, prev, at and body', async () => {
      const first = await journal.append({ n: 1 }, 1_000, [], soft)
      const second = await journal.append({ n: 2 }, 2_000, [], soft)
      const prev = new Uint8Array(32)
      assert.deepEqual(first.hash, sha256(encode({ seq: 1, prev, at: 1_000, body: { n: 1 } })))
      const entry = { seq: 2, prev: first.hash, at: 2_000, body: { n: 2 } }
      assert.deepEqual(second.hash, sha256(encode(entry)))
      assert.deepEqual(await Array.fromAsync(journal.read({ from: 2 })), [
        { ...entry, hash: second.hash },
      ])
    })

    it('writes the entry and what changes with it in one batch', async () => {
      const counts = new Repository(database, 'counts', body)
      await journal.append({ n: 1 }, 1, [counts.put('total', { n: 1 })], soft)
      assert.deepEqual(await counts.get('total'), { n: 1 })
    })

    it('goes on after a restart where it was', async () => {
      await append(3)
      const before = journal.head
      await reopen()
      assert.deepEqual(journal.head, before)
      const { seq } = await journal.append({ n: 4 }, 1, [], soft)
      assert.equal(seq, 4)
      assert.equal((await journal.verify()).intact, true)
    })

    it('leaves the chain as it was when a body has no encoding', async () => {
      await append(1)
      await assert.rejects(journal.append({ n: 0.5 }, 1, [], soft), TypeError)
      await append(1)
      assert.deepEqual(await journal.verify(), { intact: true, entries: 2, head: journal.head })
    })

    it('keeps two journals of one database apart', async () => {
      const other = await Journal.open(database, 'audit-2', body)
      await Promise.all([append(2), other.append({ n: 9 }, 1, [], soft)])
      assert.deepEqual(await Array.fromAsync(other.read(), (entry) => entry.body.n), [9])
      assert.deepEqual(await numbers(), [1, 2])
    })

    it('loses nothing acknowledged when the process is killed', async () => {
      await database.close()
      const script = new URL('../helpers/append-until-killed.ts', import.meta.url).pathname
      const child = spawn(process.execPath, [script, folder()], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let acknowledged = 0
      for await (const line of createInterface(child.stdout)) {
        acknowledged = Number(line)
        if (acknowledged === 100) child.kill('SIGKILL')
      }
      if (child.signalCode === null) await once(child, 'exit')
      await open()
      assert.ok(acknowledged >= 100)
      assert.ok(journal.head.seq >= acknowledged)
      assert.equal((await journal.verify()).intact, true)
    })
  })

  describe('reading', () => {
    const ranges = [
      { range: {}, found: [1, 2, 3, 4] },
      { range: { from: 3 }, found: [3, 4] },
      { range: { to: 2 }, found: [1, 2] },
      { range: { from: 2, to: 3 }, found: [2, 3] },
      { range: { from: 5 }, found: [] },
      { range: { from: 3, to: 2 }, found: [] },
    ]
    for (const { range, found } of ranges) {
      it(`finds ${JSON.stringify(found)} in ${JSON.stringify(range)}`, async () => {
        await append(4)
        assert.deepEqual(await numbers(range), found)
      })
    }

    it('names the entry that does not fit the schema', async () => {
      await append(2)
      const strict = z.strictObject({ n: z.int().max(1) })
      const stricter = await Journal.open(database, 'audit', strict)
      await assert.rejects(
        Array.fromAsync(stricter.read()),
        (err) => isFailure(err, 'corrupt') && err.details.what === 'audit/2',
      )
    })
  })

  describe('pruning', () => {
    const cuts = [
      { before: 0, pruned: 0, left: [1, 2, 3] },
      { before: 1, pruned: 0, left: [1, 2, 3] },
      { before: 2, pruned: 1, left: [2, 3] },
      { before: 4, pruned: 3, left: [] },
      { before: 99, pruned: 3, left: [] },
    ]
    for (const { before, pruned, left } of cuts) {
      it(`before ${before} of 3 entries takes ${pruned} away and still verifies`, async () => {
        await append(3)
        assert.equal(await journal.pruneBefore(before), pruned)
        assert.deepEqual(await numbers(), left)
        await reopen()
        const verdict = { intact: true, entries: left.length, head: journal.head }
        assert.deepEqual(await journal.verify(), verdict)
        assert.equal((await journal.append({ n: 4 }, 1, [], soft)).seq, 4)
        assert.equal((await journal.verify()).intact, true)
      })
    }

    it('takes more entries than fit in one batch', async () => {
      await append(2_500)
      assert.equal(await journal.pruneBefore(2_400), 2_399)
      assert.deepEqual(await journal.verify(), { intact: true, entries: 101, head: journal.head })
    })

    it('goes on beside appends', async () => {
      await append(50)
      const [pruned] = await Promise.all([journal.pruneBefore(40), append(50)])
      assert.equal(pruned, 39)
      assert.deepEqual(await journal.verify(), { intact: true, entries: 61, head: journal.head })
    })
  })

  describe('verifying', () => {
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
})
