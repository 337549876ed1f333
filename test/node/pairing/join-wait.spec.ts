import assert from 'node:assert/strict'
import fc from 'fast-check'
import { joinWaitMs } from '../../../src/node/pairing/join-wait.ts'
import { backoffMs } from '../../../src/protocol/backoff.ts'
import { LOBBY_PER_ADDRESS_PER_MINUTE } from '../../../src/protocol/limits.ts'
import { decideRate, perMinute } from '../../../src/protocol/rate.ts'
import { eventually } from '../../helpers/eventually.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { invite, join, pairingNodes } from '../../helpers/pairing-nodes.ts'
import { StubLinks } from '../../helpers/stub-mesh.ts'
import { StubPins, peerOf } from '../../helpers/stub-pins.ts'

const BERT = peerOf('bert')

/** Attempts that a dialer makes in 6 min. */
const DIALS = 7

type Wait = (failures: number, random: number) => number

/** How long a joiner waits at Bert's node. */
function waitAt(pinned: boolean, linked: boolean): Wait {
  const pins = new StubPins(pinned ? [BERT] : [])
  const links = new StubLinks(new ManualClock())
  if (linked) links.up(BERT)
  return (failures, random) => joinWaitMs({ links, pins, random: () => random }, BERT.id, failures)
}

describe('the wait between two attempts to redeem an invite', () => {
  const cases: [
    at: string,
    pinned: boolean,
    linked: boolean,
    firstMs: number,
    longestMs: number,
  ][] = [
    ['at a node that is not pinned', false, false, 1_000, 60_000],
    ['at a peer that is linked', true, true, 1_000, 60_000],
    ['at a peer that is not linked', true, false, 60_000, 600_000],
  ]
  for (const [at, pinned, linked, firstMs, longestMs] of cases) {
    it(`is ${firstMs / 1_000} s to ${longestMs / 60_000} min ${at}`, () => {
      const wait = waitAt(pinned, linked)
      assert.deepEqual([wait(1, 0.5), wait(50, 0.5)], [firstMs, longestMs])
    })
  }

  /** A number as `Math.random()` gives it. */
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  const chances = fc.array(chance, { minLength: 100, maxLength: 100 })

  /** True when a lobby lets the dialer in, which begins so much later than the joiner of its node. */
  function isLetIn(wait: Wait, laterMs: number, random: readonly number[]): boolean {
    const visits = [
      ...times(wait, random).map((at) => ({ at, dialer: false })),
      ...times(backoffMs, random.toReversed())
        .slice(0, DIALS)
        .map((at) => ({ at: at + laterMs, dialer: true })),
    ].sort((a, b) => a.at - b.at)
    let cell: number | undefined
    for (const { at, dialer } of visits) {
      const rate = decideRate(perMinute(LOBBY_PER_ADDRESS_PER_MINUTE), cell, at)
      if (rate.allowed && dialer) return true
      if (rate.allowed) cell = rate.cell
    }
    return false
  }

  it('leaves a dialer of the same node a visit to the lobby within 6 min, however chance has it', () => {
    const later = fc.integer({ min: 0, max: 3_600_000 })
    const wait = waitAt(true, false)
    fc.assert(fc.property(later, chances, (ms, random) => isLetIn(wait, ms, random)))
  })

  it('would leave it none at a minute each', () => {
    const even = Array<number>(100).fill(0.5)
    assert.equal(isLetIn(waitAt(false, false), 0, even), false)
  })
})

/** When the attempts are made that come of these waits, in ms from the first. */
function times(wait: Wait, random: readonly number[]): number[] {
  let at = 0
  return random.map((chance, index) => (at += index === 0 ? 0 : wait(index, chance)))
}

describe('an invite that is redeemed by a node which has pinned the inviter', () => {
  const all = pairingNodes()

  it('is tried again as soon as there is a link', async () => {
    const { nodes } = all()
    const [alice, bob] = await Promise.all([nodes.start('alice'), nodes.start('bob')])
    const addresses = alice.mesh.addresses()
    const link = await invite(alice, 'bert')
    await bob.pins.edit({ op: 'add', peer: { name: 'alice', id: alice.self.id } })
    const peer = { name: 'bob', id: bob.self.id, addresses: bob.mesh.addresses() }
    await alice.pins.edit({ op: 'add', peer })
    await nodes.stop(alice)
    const { nextAt = 0, state } = await join(bob, link)
    assert.equal(state, 'trying')
    assert.ok(nextAt - bob.clock.now() > 50_000)
    await nodes.start('alice', { listen: addresses })
    await eventually(() => {
      assert.equal(bob.pairing.joiner.list()[0]?.state, 'paired')
    })
  })
})
