import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { encode } from '../../src/protocol/cbor.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { sha256 } from '../../src/protocol/sha256.ts'
import { Database } from '../../src/store/database.ts'
import { Journal } from '../../src/store/journal.ts'
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
})
