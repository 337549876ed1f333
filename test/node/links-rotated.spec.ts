import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { Link } from '../../src/node/link.ts'
import { Links } from '../../src/node/links.ts'
import type { Branch } from '../helpers/key-branch.ts'
import { begin, recover, retire, rotate } from '../helpers/key-branch.ts'
import { HeldAnswers, PATIENT } from '../helpers/links.ts'
import { channelPair, settle } from '../helpers/memory-channel.ts'
import { RawPeer, helloOf } from '../helpers/raw-peer.ts'
import { idOfBranch, keyOf, pinOf, testPins } from '../helpers/test-pins.ts'
import type { TestPins } from '../helpers/test-pins.ts'

const GRACE_MS = 60_000

/** A link that retires has closed after this long without a call. */
const RETIRED_MS = 1_000

describe('links of a node whose key has changed', () => {
  const make = testPins()
  const first = begin('bert')
  const second = rotate(first, 'second', { graceSeconds: GRACE_MS / 1_000 })
  const id = idOfBranch(first)
  let test: TestPins
  let links: Links
  /** Calls of the peer, which end when the test says so. */
  let served: HeldAnswers
  let told: boolean[]

  beforeEach(async () => {
    test = await make(pinOf('bert', first))
    await take(first)
    served = new HeldAnswers()
    told = []
    const { clock, pins } = test
    links = new Links(
      { pins, clock, log: pino({ level: 'silent' }), dispatcher: { dispatch: served.take } },
      { ownKey: () => 'own', hello: () => helloOf({ at: clock.now() }) },
    )
    links.start()
    links.onChange((_, up) => told.push(up))
  })
  afterEach(async () => {
    links.stop()
    await settle()
  })

  async function take({ events }: Branch): Promise<void> {
    await test.pins.take(events)
  }

  /** A link with whoever holds the key of this branch. */
  async function open(from: Branch, outbound = false): Promise<{ link: Link; peer: RawPeer }> {
    const known = test.pins.byKey(keyOf(from))
    assert.ok(known !== undefined)
    const [channel, farChannel] = channelPair()
    const opening = links.open(channel, known, outbound)
    const peer = new RawPeer(farChannel)
    await peer.say(helloOf())
    return { link: await opening, peer }
  }

  async function pass(ms: number): Promise<void> {
    test.clock.advance(ms)
    await settle()
  }

  const cutting: [name: string, after: Branch][] = [
    ['a rotation without grace', rotate(first, 'second')],
    ['a compromise', rotate(first, 'second', { why: 'compromise' })],
    ['a recovery', recover(first, 'second')],
  ]
  for (const [name, after] of cutting) {
    it(`are cut at once after ${name}, in the middle of a call`, async () => {
      const { link, peer } = await open(first)
      const call = link.call('ping', null, PATIENT)
      call.catch(() => undefined)
      await take(after)
      await settle()
      assert.equal(peer.closed, true)
      await assert.rejects(call, { code: 'connection-lost' })
      assert.equal(links.get(id), undefined)
      assert.deepEqual(told, [true, false])
    })
  }

  describe('of a node that has retired', () => {
    it('let it hear that this is known, are called on no more, and close', async () => {
      const { link, peer } = await open(first)
      await peer.call(1)
      await take(retire(first))
      await settle()
      assert.equal(links.get(id), undefined)
      assert.deepEqual([told, peer.closed], [[true, false], false])
      await served.end(0, { a: 'receipt' })
      assert.deepEqual(peer.all('end')[0]?.body, { a: 'receipt' })
      await pass(RETIRED_MS)
      assert.equal(peer.closed, true)
      await assert.rejects(link.call('ping', null, PATIENT), { code: 'connection-lost' })
    })

    it('are cut after a moment, in the middle of a call', async () => {
      const { link, peer } = await open(first)
      await peer.call(1)
      const call = link.call('ping', null, PATIENT)
      call.catch(() => undefined)
      await take(retire(first))
      test.edit([pinOf('bert', first, { allow: [] })])
      await pass(1_999)
      assert.equal(peer.closed, false)
      await pass(1)
      assert.equal(peer.closed, true)
      await assert.rejects(call, { code: 'connection-lost' })
      assert.deepEqual(told, [true, false])
    })

    it('are cut at once when its pin is gone too', async () => {
      const { peer } = await open(first)
      await peer.call(1)
      await take(retire(first))
      test.edit([])
      await settle()
      assert.equal(peer.closed, true)
      assert.deepEqual(told, [true, false])
    })
  })

  describe('with grace', () => {
    it('are there until the new one, so that what is asked meanwhile finds its way', async () => {
      const old = await open(first)
      await take(second)
      assert.equal(links.get(id), old.link)
      const fresh = await open(second)
      assert.equal(links.get(id), fresh.link)
      assert.deepEqual(told, [true])
    })

    it('close when nothing is under way on them, so that the new key is dialled', async () => {
      const { peer } = await open(first)
      await take(second)
      await pass(RETIRED_MS - 1)
      assert.equal(peer.closed, false)
      await pass(1)
      assert.equal(peer.closed, true)
      assert.deepEqual(told, [true, false])
    })

    it('let a call come to its end first', async () => {
      const { peer } = await open(first)
      await peer.call(1)
      await take(second)
      await pass(5 * RETIRED_MS)
      assert.equal(peer.closed, false)
      await served.end(0, { an: 'answer' })
      assert.deepEqual(peer.all('end')[0]?.body, { an: 'answer' })
      await pass(RETIRED_MS)
      assert.equal(peer.closed, true)
    })

    it('are called on no more after a moment, though a call is under way for hours', async () => {
      const { link, peer } = await open(first)
      await peer.call(1)
      await take(second)
      await pass(9_999)
      assert.equal(links.get(id), link)
      await pass(1)
      assert.equal(links.get(id), undefined)
      assert.equal(peer.closed, false)
      assert.deepEqual(told, [true, false])
      await served.end(0, { an: 'answer' })
      assert.deepEqual(peer.all('end')[0]?.body, { an: 'answer' })
    })

    it('are cut when it is over, in the middle of a call', async () => {
      const { peer } = await open(first)
      await peer.call(1)
      await take(second)
      await pass(GRACE_MS - 1)
      assert.equal(peer.closed, false)
      await pass(1)
      assert.equal(peer.closed, true)
    })

    it('are called on no more from when it is over, when the timer is late', async () => {
      await open(first)
      await take(second)
      const held: unknown[] = []
      // The first of all timers that are due.
      test.clock.after(1, () => held.push(links.get(id)))
      test.clock.stall(GRACE_MS)
      assert.deepEqual(held, [undefined])
      assert.deepEqual(told, [true, false])
    })

    it('stay when their key is the one in force', async () => {
      await take(second)
      const { peer } = await open(second)
      await pass(GRACE_MS)
      assert.equal(peer.closed, false)
      assert.notEqual(links.get(id), undefined)
    })
  })

  describe('that come up under the key before', () => {
    beforeEach(async () => {
      await take(second)
    })

    for (const outbound of [false, true]) {
      it(`are served, and are not the one to call on: ${outbound ? 'ours' : 'theirs'}`, async () => {
        const { link, peer } = await open(first, outbound)
        assert.deepEqual([links.get(id), links.size, told], [undefined, 0, []])
        await peer.call(1)
        await served.end(0, 'served')
        assert.equal(peer.all('end')[0]?.body, 'served')
        await pass(RETIRED_MS)
        assert.equal(link.over, true)
        assert.deepEqual(told, [])
      })
    }

    it('do not take the place of one under the key in force', async () => {
      const { link, peer } = await open(second)
      await open(first)
      await pass(2 * RETIRED_MS)
      assert.equal(links.get(id), link)
      assert.equal(peer.closed, false)
      assert.deepEqual(told, [true])
    })

    it('are cut when the grace is over while they wait for hello', async () => {
      const known = test.pins.byKey(keyOf(first))
      assert.ok(known !== undefined)
      const [channel, farChannel] = channelPair()
      await pass(GRACE_MS - 1)
      const opening = links.open(channel, known, false)
      opening.catch(() => undefined)
      const peer = new RawPeer(farChannel)
      await pass(1)
      await assert.rejects(opening, { code: 'connection-lost' })
      assert.equal(peer.closed, true)
    })
  })

  it('that is frozen stay: it may say what is true', async () => {
    const { link, peer } = await open(first)
    await take(rotate(first, 'stolen', { graceSeconds: GRACE_MS / 1_000 }))
    await take(second)
    assert.equal(test.pins.byName('bert')?.frozen, true)
    assert.equal(links.get(id), link)
    assert.equal(peer.closed, false)
  })
})
