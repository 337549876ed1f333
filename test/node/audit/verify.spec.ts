import assert from 'node:assert/strict'
import { CHECKPOINT, ownHeadsIn } from '../../../src/node/audit/own-heads.ts'
import { createAuditHead } from '../../../src/protocol/audit-head.ts'
import { verifyAudit } from '../../../src/node/audit/verify.ts'
import type { AuditVerdict } from '../../../src/node/audit/verify.ts'
import { decode, encode } from '../../../src/protocol/cbor.ts'
import type { CborValue } from '../../../src/protocol/cbor.ts'
import { sha256 } from '../../../src/protocol/sha256.ts'
import type { Operation } from '../../../src/store/database.ts'
import { AuditHome, entryKey } from '../../helpers/audit-home.ts'
import { seedOf } from '../../helpers/stub-pins.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const HASH_BYTES = 32

describe('audit verify', () => {
  const folder = tempFolder()
  let home: AuditHome

  beforeEach(async () => {
    home = await AuditHome.open(folder())
  })
  afterEach(() => home.database.close())

  async function row(seq: number): Promise<Uint8Array> {
    const found = await home.database.sublevel('audit').get(entryKey(seq))
    assert.ok(found)
    return found
  }

  async function put(seq: number, value: Uint8Array): Promise<void> {
    const sublevel = home.database.sublevel('audit')
    await write([{ type: 'put', sublevel, key: entryKey(seq), value }])
  }

  async function write(operations: Operation[]): Promise<void> {
    await home.database.write(operations, { durable: true })
  }

  /** An entry with another text, and the hash that it then has. */
  function changed(value: Uint8Array): Uint8Array {
    const entry = decode(value.subarray(HASH_BYTES)) as Record<string, CborValue>
    const body = entry['body'] as Record<string, CborValue>
    const bytes = encode({ ...entry, body: { ...body, what: 'nothing happened' } })
    return Buffer.concat([sha256(bytes), bytes])
  }

  it('F34: finds a log as it was written intact, and says up to where it is signed', async () => {
    assert.deepEqual(await home.verify(), { intact: true, first: 1, entries: 0 })
    await home.record(10)
    await home.heads.keep()
    await home.record(3)
    const verdict = await home.verify()
    assert.ok(verdict.intact)
    assert.deepEqual([verdict.first, verdict.entries, verdict.head?.seq], [1, 13, 13])
    assert.equal(verdict.signed?.seq, 10)
  })

  const DAMAGE: [name: string, damage: () => Promise<void>, verdict: AuditVerdict][] = [
    [
      'a changed text',
      async () => {
        const value = await row(4)
        await put(
          4,
          Buffer.concat([value.subarray(0, HASH_BYTES), changed(value).subarray(HASH_BYTES)]),
        )
      },
      { intact: false, seq: 4, problem: 'edited' },
    ],
    [
      'a changed text with the hash that goes with it',
      async () => {
        await put(4, changed(await row(4)))
      },
      { intact: false, seq: 4, problem: 'edited' },
    ],
    [
      'the last entry changed, with its hash',
      async () => {
        await put(9, changed(await row(9)))
      },
      { intact: false, seq: 9, problem: 'edited' },
    ],
    [
      'an entry that is gone',
      async () => {
        const sublevel = home.database.sublevel('audit')
        await write([{ type: 'del', sublevel, key: entryKey(4) }])
      },
      { intact: false, seq: 4, problem: 'missing' },
    ],
    [
      'the last entry that is gone',
      async () => {
        const sublevel = home.database.sublevel('audit')
        await write([{ type: 'del', sublevel, key: entryKey(9) }])
      },
      { intact: false, seq: 9, problem: 'missing' },
    ],
    [
      'two entries that have changed places',
      async () => {
        const [four, five] = [await row(4), await row(5)]
        await put(4, five)
        await put(5, four)
      },
      { intact: false, seq: 4, problem: 'reordered' },
    ],
    [
      'the first entries gone, as if they had been pruned',
      async () => {
        const sublevel = home.database.sublevel('audit')
        const hash = (await row(3)).slice(0, HASH_BYTES)
        const ends = home.database.sublevel('audit-ends')
        await write([
          ...[1, 2, 3].map((seq): Operation => ({ type: 'del', sublevel, key: entryKey(seq) })),
          { type: 'put', sublevel: ends, key: 'anchor', value: encode({ seq: 3, hash }) },
        ])
      },
      { intact: false, seq: 3, problem: 'pruned' },
    ],
  ]
  for (const [name, damage, verdict] of DAMAGE) {
    it(`F34: names the first bad entry: ${name}`, async () => {
      await home.record(9)
      await damage()
      assert.deepEqual(await home.verify(), verdict)
    })
  }

  it('F34: names the first entry that is not the one that was signed, where the log was written anew', async () => {
    await home.record(5)
    await home.heads.keep()
    home.clock.advance(86_400_000)
    await home.record(5)
    await home.heads.keep()
    const signed = await Array.fromAsync(ownHeadsIn(home.database).entries())
    assert.deepEqual(
      signed.map(([key]) => key),
      ['2026-11-21', '2026-11-22'],
    )
    await home.database.close()
    const other = await AuditHome.open(folder(), 'bob', home.clock)
    const rows = await other.database.sublevel('audit').keys().all()
    assert.deepEqual(rows, [])
    await other.record(10)
    const heads = ownHeadsIn(other.database)
    await other.database.write(
      signed.map(([key, value]) => heads.put(key, value)),
      { durable: true },
    )
    const verdict = await verifyAudit(other.database, other.audit.journal, home.keyLog)
    await other.database.close()
    assert.deepEqual(verdict, { intact: false, seq: 5, problem: 'rewritten' })
    home = await AuditHome.open(folder())
  })

  it('F34: says so of a log that ends before what was signed', async () => {
    await home.record(2)
    const hash = new Uint8Array(HASH_BYTES)
    const head = { id: home.id, sn: 0, seq: 7, hash, first: 1, at: home.clock.now() }
    const signed = createAuditHead({ ...head, seed: seedOf('alice') })
    await write([ownHeadsIn(home.database).put('2026-11-21', { signed })])
    assert.deepEqual(await home.verify(), { intact: false, seq: 3, problem: 'missing' })
  })

  it('F34: takes no signature of another key for one of this node', async () => {
    await home.record(2)
    const [{ hash } = { hash: new Uint8Array() }] = await Array.fromAsync(home.audit.journal.read())
    const head = { id: home.id, sn: 0, seq: 1, hash, first: 1, at: home.clock.now() }
    const signed = createAuditHead({ ...head, seed: seedOf('thief') })
    await write([ownHeadsIn(home.database).put('2026-11-21', { signed })])
    assert.deepEqual(await home.verify(), { intact: false, seq: 2, problem: 'forged' })
  })

  it('F63: prunes by number and by age behind a signed checkpoint, and stays intact', async () => {
    await home.record(30)
    await home.heads.keep({ entries: 10, ageMs: 86_400_000 })
    const byNumber = await home.verify()
    assert.ok(byNumber.intact)
    assert.deepEqual([byNumber.first, byNumber.entries], [21, 10])
    await home.heads.keep({ entries: 10, ageMs: 5 * 60_000 })
    const byAge = await home.verify()
    assert.ok(byAge.intact)
    assert.deepEqual([byAge.first, byAge.entries], [26, 5])
    home.clock.advance(86_400_000)
    await home.heads.keep({ entries: 10, ageMs: 60_000 })
    const last = await home.verify()
    assert.ok(last.intact)
    // The newest one stays: it is what the next one builds on.
    assert.deepEqual([last.first, last.entries], [30, 1])
    assert.ok(await ownHeadsIn(home.database).get(CHECKPOINT))
    assert.deepEqual(await home.heads.at([1, 29, 30, 31]).then((heads) => heads.length), 1)
  })

  it('F34: takes no head that was signed for another end for the checkpoint of what was cut off', async () => {
    await home.record(9)
    const [{ hash } = { hash: new Uint8Array() }] = await Array.fromAsync(
      home.audit.journal.read({ from: 6, to: 6 }),
    )
    const [signed = new Uint8Array()] = await home.heads.at([6])
    const sublevel = home.database.sublevel('audit')
    const ends = home.database.sublevel('audit-ends')
    await write([
      ...[1, 2, 3, 4, 5, 6].map((seq): Operation => ({
        ...{ type: 'del', sublevel, key: entryKey(seq) },
      })),
      { type: 'put', sublevel: ends, key: 'anchor', value: encode({ seq: 6, hash }) },
      ownHeadsIn(home.database).put(CHECKPOINT, { signed }),
    ])
    assert.deepEqual(await home.verify(), { intact: false, seq: 6, problem: 'pruned' })
  })

  it('F34: stays intact when a crash has cut the pruning short after its checkpoint', async () => {
    await home.record(30)
    const rows = await Array.fromAsync(home.audit.journal.read())
    await home.heads.keep({ entries: 10, ageMs: 86_400_000 })
    const sublevel = home.database.sublevel('audit')
    const ends = home.database.sublevel('audit-ends')
    const { hash } = rows[14] ?? { hash: new Uint8Array() }
    // Entries 16 to 20 are back, and the anchor stands at 15.
    assert.equal(rows[14]?.seq, 15)
    const operations: Operation[] = rows
      .slice(15, 20)
      .map(({ at, body, hash: own, prev, seq }) => ({
        type: 'put',
        sublevel,
        key: entryKey(seq),
        value: Buffer.concat([own, encode({ seq, prev, at, body })]),
      }))
    await write([
      ...operations,
      { type: 'put', sublevel: ends, key: 'anchor', value: encode({ seq: 15, hash }) },
    ])
    const verdict = await home.verify()
    assert.ok(verdict.intact)
    assert.deepEqual([verdict.first, verdict.entries], [16, 15])
  })

  it('F34: signs nothing that a crash could still take, and the same head once', async () => {
    assert.equal(await home.heads.newest(), undefined)
    home.audit.record({ kind: 'start', who: 'node', what: 'the node started' })
    const one = await home.heads.newest()
    assert.ok(one)
    assert.equal(await home.heads.newest(), one)
  })
})
