import assert from 'node:assert/strict'
import { Audit } from '../../src/node/audit/audit.ts'
import { systemClock } from '../../src/node/clock.ts'
import { Database } from '../../src/store/database.ts'
import type { Operation } from '../../src/store/database.ts'
import { pino } from 'pino'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { kith } from '../helpers/run-kith.ts'

/** What of the store is the audit log of the node itself, with all that it has signed of it. */
const OWN_LOG = ['audit', 'audit-ends', 'audit-heads']

describe('N12: the audit log of a node, whose heads its peers hold', () => {
  const make = liveNodes()
  let alice: LiveNode
  let bob: LiveNode

  before(async () => {
    ;[alice, bob] = [await make('alice'), await make('bob')]
    await alice.pin(bob, { allow: ['ping', 'audit'] })
    await bob.pin(alice, { allow: ['ping', 'audit'] })
    await Promise.all([alice.start(), bob.start()])
    await Promise.all([alice.linkedTo(bob), bob.linkedTo(alice)])
  })

  /** What bob holds of alice's log. */
  async function held() {
    const [report] = await bob.client.call('auditHeld', {})
    assert.ok(report?.newest)
    return { ...report, newest: report.newest }
  }

  it('N12: is held by a peer once they have linked, and agrees with what it holds', async () => {
    const { newest } = await eventually(held)
    const [entry] = (await alice.client.call('audit', { limit: 1_000 })).filter(
      ({ seq }) => seq === newest.seq,
    )
    assert.equal(entry?.hash, newest.hash)
    const { code, out } = await kith(alice, 'audit', 'verify', '--peers')
    assert.equal(code, 0, out)
    assert.match(out, /^intact: /)
    assert.match(out, /^bob +agrees +\d+ heads, up to entry \d+/m)
  })

  it('N12: goes on through a restart without an alert', async () => {
    const { newest: before } = await held()
    await alice.stop()
    const from = bob.log.mark
    await alice.start()
    await bob.linkedTo(alice, from)
    await eventually(async () => {
      const { newest } = await held()
      assert.ok(newest.seq > before.seq)
    })
    assert.deepEqual((await held()).contradictions, [])
    assert.equal((await kith(bob, 'audit', 'peers')).code, 0)
  })

  it("N12: is contradicted by a peer's kept head once it was written anew from its first entry", async () => {
    const { newest: before } = await held()
    await alice.stop()
    await writeAnew(alice, before.seq + 5)
    // By itself it looks as it should: every hash fits, and the node will sign it.
    assert.equal((await kith(alice, 'audit', 'verify')).code, 0)
    const from = bob.log.mark
    await alice.start()
    await bob.linkedTo(alice, from)
    await eventually(async () => {
      assert.equal((await held()).contradictions.length, 1)
    })
    const { contradictions } = await held()
    assert.equal(contradictions[0]?.problem, 'other')
    assert.equal(contradictions[0].kept.seq, contradictions[0].shown.seq)
    assert.notEqual(contradictions[0].kept.hash, contradictions[0].shown.hash)
    const alert = (await bob.client.call('alerts', {})).find(
      ({ kind }) => kind === 'audit-contradicted',
    )
    assert.ok(alert)
    const { kept, shown } = contradictions[0]
    for (const { hash, seq } of [kept, shown]) {
      assert.ok(alert.what.includes(`entry ${seq} ${hash.slice(0, 16)}`), alert.what)
    }
    const told = await kith(bob, 'audit', 'peers', 'alice')
    assert.equal(told.code, 1)
    assert.ok(told.out.includes(kept.hash) && told.out.includes(shown.hash))
  })

  it('N12: is found out by its own owner too, who asks the peers what they hold', async () => {
    const { code, out } = await kith(alice, 'audit', 'verify', '--peers')
    assert.equal(code, 1)
    assert.match(out, /^intact: /)
    assert.match(out, /^bob +contradicts +entry \d+ was [0-9a-f]{16} at .*, here is [0-9a-f]{16}$/m)
  })
})

/** Puts another log of so many entries in the place of that of a node that does not run. */
async function writeAnew({ home }: LiveNode, entries: number): Promise<void> {
  const database = await Database.open(home.store)
  for (const name of OWN_LOG) {
    const sublevel = database.sublevel(name)
    const keys = await sublevel.keys().all()
    await database.write(
      keys.map((key): Operation => ({ type: 'del', sublevel, key })),
      { durable: true },
    )
  }
  const log = pino({ level: 'silent' })
  const lines = { write: () => undefined }
  const audit = await Audit.open({ clock: systemClock, database, lines, log })
  for (let at = 0; at < entries; at++) {
    audit.record({ kind: 'start', who: 'node', what: 'nothing was ever denied here' })
  }
  await audit.stop()
  await database.close()
}
