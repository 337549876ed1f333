import assert from 'node:assert/strict'
import { KeyTrade } from '../../src/node/key-trade.ts'
import type { LobbyMessage, LobbyWire } from '../../src/node/lobby-talk.ts'
import { createLog } from '../../src/node/log.ts'
import type { KnownPeer } from '../../src/node/pins.ts'
import type { Self } from '../../src/node/self.ts'
import type { Branch } from '../helpers/key-branch.ts'
import { begin, recover, retire, rotate } from '../helpers/key-branch.ts'
import { settle } from '../helpers/memory-channel.ts'
import { keyOf, pinOf, selfOf, TestPins } from '../helpers/test-pins.ts'

/** A node that trades key logs. */
interface Trader {
  test: TestPins
  self: Self
  trade: KeyTrade
  /** Logs of its own that it does not have, of which it was told. */
  ahead: (readonly Uint8Array[])[]
}

/** How a visit ended. */
interface Visit {
  /** What the visitor heard; nothing when there was silence. */
  heard: Uint8Array[] | undefined
  /** Whom the visitor has met. */
  met: KnownPeer | undefined
}

describe('two nodes in a lobby', () => {
  const [ann, bob] = [begin('ann'), begin('bob')]
  const ann2 = rotate(ann, 'ann 2', { graceSeconds: 60 })
  const ann3 = rotate(ann2, 'ann 3')
  const bob2 = rotate(bob, 'bob 2', { graceSeconds: 60 })
  const traders: Trader[] = []

  afterEach(async () => {
    for (const { test } of traders.splice(0)) await test.stop()
  })

  /** The node of this log, which holds those of its peers. Each is pinned by the first word of its name. */
  async function trader(own: Branch, peers: Record<string, Branch>): Promise<Trader> {
    const pins = Object.entries(peers).map(([name, branch]) => pinOf(name, branch))
    const test = new TestPins(pins)
    await test.start()
    for (const { events } of Object.values(peers)) await test.pins.take(events)
    const self = selfOf(own)
    const ahead: (readonly Uint8Array[])[] = []
    self.onAhead((log) => ahead.push(log))
    const trade = new KeyTrade({ pins: test.pins, own: self, log: createLog('debug', test.log) })
    traders.push({ test, self, trade, ahead })
    return { test, self, trade, ahead }
  }

  /** `visitor` shows its log in the lobby of `host`. Each has the key that the other's handshake has proved. */
  async function visit(visitor: Trader, host: Trader): Promise<Visit> {
    const messages: LobbyMessage[] = []
    const answer = Promise.withResolvers<LobbyMessage>()
    const hostWire: LobbyWire = {
      read: () => Promise.reject(new TypeError('one message is all')),
      write: async (message) => {
        answer.resolve(message)
      },
    }
    const wire: LobbyWire = {
      read: () => answer.promise,
      write: async (message) => {
        messages.push(message)
        const visit = { key: visitor.self.key, address: '/ip4/127.0.0.1/tcp/1', ownKey: '' }
        await host.trade.serve(message, hostWire, visit)
        await settle()
        answer.reject(new Error('the visit is over'))
      },
    }
    answer.promise.catch(() => undefined)
    const met = await visitor.trade.visit(wire, host.self.key).catch(() => undefined)
    assert.equal(messages.length, 1)
    const heard = await answer.promise.catch(() => undefined)
    return { heard: heard?.['log'] as Uint8Array[] | undefined, met }
  }

  /** Who each of them is to the other now: the key that is known. */
  function keys(a: Trader, b: Trader): (string | undefined)[] {
    return [a.test.pins.byName('bob')?.key, b.test.pins.byName('ann')?.key]
  }

  const catchUps: [name: string, ann: Branch, bob: Branch][] = [
    ['of whom none has rotated', ann, bob],
    ['of whom the visitor has', ann2, bob],
    ['of whom the visitor has, twice', ann3, bob],
    ['of whom the host has', ann, bob2],
    ['who both have', ann2, bob2],
    ['of whom the visitor was recovered', recover(ann, 'ann, recovered'), bob],
  ]
  for (const [name, annNow, bobNow] of catchUps) {
    it(`meet again: ${name}`, async () => {
      const [a, b] = [await trader(annNow, { bob }), await trader(bobNow, { ann })]
      const { heard, met } = await visit(a, b)
      assert.deepEqual(heard, bobNow.events)
      assert.equal(met?.pin.name, 'bob')
      assert.deepEqual(keys(a, b), [keyOf(bobNow), keyOf(annNow)])
      assert.deepEqual([a.ahead, b.ahead], [[], []])
    })
  }

  it('where the visitor has an old copy of its own log shows it the newer, which it is told of', async () => {
    const [a, b] = [await trader(ann, { bob }), await trader(bob, { ann: ann3 })]
    const { heard, met } = await visit(a, b)
    assert.deepEqual(heard, ann3.events)
    assert.equal(met, undefined)
    assert.deepEqual(a.ahead, [ann3.events])
    assert.deepEqual(keys(a, b), [keyOf(bob), keyOf(ann3)])
  })

  it('where the visitor has retired elsewhere shows it its end', async () => {
    const [a, b] = [await trader(ann2, { bob }), await trader(bob, { ann: retire(ann2) })]
    const { heard } = await visit(a, b)
    assert.deepEqual(heard, retire(ann2).events)
    assert.deepEqual(a.ahead, [retire(ann2).events])
  })

  it('tell the visitor also when its old key has grace', async () => {
    const [a, b] = [await trader(ann, { bob }), await trader(bob, { ann: ann2 })]
    assert.equal(b.test.pins.byKey(keyOf(ann))?.superseded, true)
    await visit(a, b)
    assert.deepEqual(a.ahead, [ann2.events])
  })

  it('show a peer that is in our log, whatever it shows', async () => {
    const zoe = { ...begin('zoe'), seed: ann.seed }
    const [a, b] = [await trader(zoe, { bob: bob2 }), await trader(bob2, { ann })]
    const { heard, met } = await visit(a, b)
    assert.deepEqual(heard, bob2.events)
    assert.equal(met?.key, keyOf(bob2))
  })

  const told: [name: string, ann: Branch, held: Branch, frozen: boolean, alerted: boolean][] = [
    ['contradicts what is held', rotate(ann, 'restored'), ann2, true, true],
    ['was undone by a recovery', rotate(ann, 'stolen'), recover(ann, 'ann, back'), false, true],
    [
      'has recovered another branch than is held',
      recover(ann2, 'ann, back'),
      recovery(),
      true,
      true,
    ],
  ]
  for (const [name, annNow, held, frozen, alerted] of told) {
    it(`show what they hold to a visitor that ${name}, which is told of it`, async () => {
      const [a, b] = [await trader(annNow, { bob }), await trader(bob, { ann: held })]
      const { heard, met } = await visit(a, b)
      assert.deepEqual(heard, held.events)
      assert.equal(met, undefined)
      assert.deepEqual(a.ahead, alerted ? [held.events] : [])
      const known = b.test.pins.byName('ann')
      assert.deepEqual([known?.key, known?.frozen], [keyOf(held), frozen])
    })
  }

  it('show what they hold to a visitor that has recovered too late', async () => {
    const stolen = rotate(ann, 'stolen')
    const [a, b] = [
      await trader(recover(ann, 'ann, back'), { bob }),
      await trader(bob, { ann: stolen }),
    ]
    b.test.clock.advance(72 * 3_600_000)
    assert.deepEqual((await visit(a, b)).heard, stolen.events)
    assert.equal(b.test.pins.byName('ann')?.frozen, true)
    // It has recovered, and knows what from.
    assert.deepEqual(a.ahead, [])
  })

  const silent: [name: string, ann: Branch, held: Branch][] = [
    ['is not pinned', begin('zoe'), ann],
    ['holds the key before, beyond its grace, and shows the log of its owner', stale(), ann3],
  ]
  for (const [name, annNow, held] of silent) {
    it(`are silent to a visitor that ${name}`, async () => {
      const [a, b] = [await trader(annNow, { bob }), await trader(bob, { ann: held })]
      const before = b.test.pins.byName('ann')?.key
      const { heard } = await visit(a, b)
      assert.equal(heard, undefined)
      assert.equal(b.test.pins.byName('ann')?.key, before)
    })
  }

  it('are silent to a visitor that is unpinned while its log is written, though it was in', async () => {
    const [a, b] = [await trader(ann2, { bob }), await trader(bob, { ann })]
    const release = b.test.holdWrites()
    const taken = b.test.pins.take(ann2.events)
    assert.equal(b.test.pins.byKey(keyOf(ann2))?.pin.name, 'ann')
    const visited = visit(a, b)
    await settle()
    b.test.edit([])
    release()
    assert.equal((await visited).heard, undefined)
    await taken
  })

  it('are silent to a visitor that shows what it could not make, though its key is in force in that', async () => {
    const stolen = rotate(ann, 'stolen')
    const b = await trader(bob, { ann: ann2 })
    const written: LobbyMessage[] = []
    const wire: LobbyWire = {
      read: () => Promise.reject(new TypeError('one message is all')),
      write: async (message) => {
        written.push(message)
      },
    }
    const forged = rotate({ ...ann, rotationSeed: bob.rotationSeed }, 'stolen')
    const [begun = new Uint8Array(), rotation = new Uint8Array()] = stolen.events
    const unsigned = rotation.map((byte, at) => (at === rotation.length - 1 ? byte ^ 1 : byte))
    for (const log of [forged.events, [begun, unsigned]]) {
      await b.trade.serve({ t: 'show', log }, wire, { key: keyOf(stolen), address: '', ownKey: '' })
    }
    assert.deepEqual(written, [])
    assert.equal(b.test.pins.byName('ann')?.frozen, false)
  })

  it('are one when the host is another pinned node than the one that was sought', async () => {
    const [a, b] = [
      await trader(ann, { bob, carol: begin('carol') }),
      await trader(begin('carol'), { ann }),
    ]
    assert.equal((await visit(a, b)).met?.pin.name, 'carol')
  })

  it('say nothing that is no key log', async () => {
    const b = await trader(bob, { ann })
    const key = keyOf(ann)
    const written: LobbyMessage[] = []
    const wire: LobbyWire = {
      read: () => Promise.reject(new TypeError('one message is all')),
      write: async (message) => {
        written.push(message)
      },
    }
    for (const message of [
      { t: 'show' },
      { t: 'show', log: [] },
      { t: 'show', log: [1] },
      { t: 'show', log: ann.events, v: 1 },
    ]) {
      await assert.rejects(b.trade.serve(message, wire, { key, address: '', ownKey: '' }))
    }
    assert.deepEqual(written, [])
  })

  /** A recovery of another branch. */
  function recovery(): Branch {
    return recover(rotate(ann, 'stolen'), 'thief')
  }

  /** The log of a node as its owner has it, in the hands of whoever has the key that was in force two rotations ago. */
  function stale(): Branch {
    return { ...ann3, seed: ann.seed }
  }
})
