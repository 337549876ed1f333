import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import type { AlertInit } from '../../../src/node/alerts.ts'
import { contradictionOf } from '../../../src/node/audit/contradiction.ts'
import type { KeptHead, ShownHead } from '../../../src/node/audit/contradiction.ts'
import { HeldHeads } from '../../../src/node/audit/held-heads.ts'
import { verifiedHead } from '../../../src/node/audit/own-heads.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { AuditHome } from '../../helpers/audit-home.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const DAY_MS = 86_400_000
const NOW = 100 * DAY_MS

function hash(fill: number): Uint8Array {
  return new Uint8Array(32).fill(fill)
}
function kept(seq: number, fill: number, receivedAt = NOW - DAY_MS): KeptHead {
  return { seq, hash: hash(fill), signed: new Uint8Array(), receivedAt }
}
function shown(seq: number, fill: number, first = 1): ShownHead {
  return { seq, hash: hash(fill), first, signed: new Uint8Array() }
}

describe('contradiction of heads', () => {
  const CASES: [
    name: string,
    kept: KeptHead,
    newest: ShownHead,
    stated: ShownHead[],
    problem?: string,
  ][] = [
    ['the same head again', kept(5, 1), shown(5, 1), []],
    ['a later head, and the same entry there', kept(5, 1), shown(9, 2), [shown(5, 1)]],
    ['another entry as the newest', kept(5, 1), shown(5, 2), [], 'other'],
    ['another entry there', kept(5, 1), shown(9, 2), [shown(5, 3)], 'other'],
    ['a log that ends before it', kept(5, 1), shown(4, 2), [], 'shorter'],
    ['nothing said of that entry', kept(5, 1), shown(9, 2), [shown(4, 1)], 'withheld'],
    ['an entry pruned that is young', kept(5, 1), shown(9, 2, 7), [], 'pruned'],
    ['an entry pruned that is old', kept(5, 1, NOW - 30 * DAY_MS), shown(9, 2, 7), []],
    ['an entry pruned and told all the same', kept(5, 1), shown(9, 2, 6), [shown(5, 1)]],
    ['an entry pruned and told otherwise', kept(5, 1), shown(9, 2, 6), [shown(5, 9)], 'other'],
  ]
  for (const [name, before, newest, stated, problem] of CASES) {
    it(`N12: is ${problem ?? 'none'}: ${name}`, () => {
      assert.equal(contradictionOf(before, newest, stated, NOW)?.problem, problem)
    })
  }
})

describe('heads of other nodes', () => {
  const folder = tempFolder()
  let alice: AuditHome
  let bob: AuditHome
  let alerts: AlertInit[]
  let held: HeldHeads

  beforeEach(async () => {
    alice = await AuditHome.open(folder())
    bob = await AuditHome.open(folder(), 'bob', alice.clock)
    alerts = []
    const { clock, database } = bob
    held = new HeldHeads({ alerts: { raise: (alert) => alerts.push(alert) }, clock, database })
  })
  afterEach(() => Promise.all([alice.database.close(), bob.database.close()]))

  /** Alice is asked, and bob takes what she answers. */
  async function trade(): Promise<void> {
    const at = (await held.kept(alice.id)).map(({ seq }) => seq)
    const head = await alice.heads.newest()
    assert.ok(head)
    const answer = { head, at: await alice.heads.at(at) }
    await held.take({ id: alice.id, name: 'alice' }, answer, (signed) =>
      verifiedHead(signed, alice.keyLog),
    )
  }

  it('N12: are kept one a day for 30 days, the newest of each', async () => {
    for (let day = 0; day < 40; day++) {
      await alice.record(2)
      await trade()
      await alice.record(1)
      await trade()
      alice.clock.advance(DAY_MS)
    }
    const all = await held.kept(alice.id)
    assert.equal(all.length, 30)
    assert.equal(all.at(-1)?.seq, 120)
    assert.equal(all[0]?.seq, 33)
    assert.deepEqual(alerts, [])
    assert.deepEqual(await held.contradictions(alice.id), [])
    assert.equal((await held.signedOf(alice.id)).length, 30)
    assert.deepEqual(await held.kept(bob.id), [])
  })

  it('N12: tell the owner once an hour of a node that says something else each time', async () => {
    const contradict = async (): Promise<void> => {
      await alice.database.close()
      await rm(`${folder()}/store of alice`, { recursive: true })
      alice = await AuditHome.open(folder(), 'alice', alice.clock)
      alice.clock.advance(1)
      await alice.record(6)
      await trade()
    }
    await alice.record(6)
    await trade()
    for (let i = 0; i < 5; i++) await contradict()
    assert.equal(alerts.length, 1)
    assert.equal((await held.contradictions(alice.id)).length, 1)
    alice.clock.advance(3_600_000)
    await contradict()
    assert.equal(alerts.length, 2)
    assert.equal((await held.contradictions(alice.id)).length, 2)
  })

  it('N12: tell the owner once when they are contradicted, keep both, and go on from the new one', async () => {
    await alice.record(6)
    await trade()
    const [before] = await held.kept(alice.id)
    await alice.database.close()
    await rm(`${folder()}/store of alice`, { recursive: true })
    alice = await AuditHome.open(folder(), 'alice', alice.clock)
    await alice.record(9)
    await trade()
    assert.deepEqual(
      alerts.map(({ kind, peer }) => [kind, peer]),
      [['audit-contradicted', 'alice']],
    )
    const [found, ...others] = await held.contradictions(alice.id)
    assert.deepEqual(others, [])
    assert.equal(found?.problem, 'other')
    assert.deepEqual(found.kept, before)
    assert.equal(verifiedHead(found.shown, alice.keyLog)?.seq, 6)
    await alice.record(1)
    await trade()
    assert.equal(alerts.length, 1)
    // What it was shown once is given to whoever asks, too.
    assert.equal((await held.signedOf(alice.id)).length, 2)
  })

  it('F63: keep no more than the last contradictions of a node', async () => {
    for (let turn = 0; turn < 12; turn++) {
      await alice.record(12 - turn)
      await trade()
      await alice.database.close()
      await rm(`${folder()}/store of alice`, { recursive: true })
      alice = await AuditHome.open(folder(), 'alice', alice.clock)
      alice.clock.advance(3_600_000)
    }
    assert.equal((await held.contradictions(alice.id)).length, 5)
  })

  it('F63: go 30 days after their node was unpinned, and stay while it is pinned', async () => {
    await alice.record(1)
    await trade()
    alice.clock.advance(29 * DAY_MS)
    assert.equal(await held.prune(new Set()), 0)
    alice.clock.advance(2 * DAY_MS)
    assert.equal(await held.prune(new Set([alice.id])), 0)
    assert.equal(await held.prune(new Set()), 1)
    assert.deepEqual(await held.kept(alice.id), [])
  })

  it('are not taken from another node, or under another key', async () => {
    await alice.record(1)
    await bob.record(1)
    const head = await bob.heads.newest()
    assert.ok(head)
    const answers = [
      (signed: Uint8Array) => verifiedHead(signed, bob.keyLog),
      (signed: Uint8Array) => verifiedHead(signed, alice.keyLog),
    ]
    for (const read of answers) {
      await assert.rejects(
        held.take({ id: alice.id, name: 'alice' }, { head, at: [] }, read),
        (err) => isFailure(err, 'bad-request'),
      )
    }
    assert.deepEqual(await held.kept(alice.id), [])
  })
})
