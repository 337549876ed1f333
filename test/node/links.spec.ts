import assert from 'node:assert/strict'
import { pino } from 'pino'
import { WireFailure } from '../../src/node/answer.ts'
import type { Answer } from '../../src/node/answer.ts'
import type { Link } from '../../src/node/link.ts'
import { Links } from '../../src/node/links.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import {
  CROSSING_MS,
  HELLO_TIMEOUT_MS,
  LIVENESS_INTERVAL_MS,
  LIVENESS_MISSES,
} from '../../src/protocol/limits.ts'
import type { Body, Hello } from '../../src/protocol/message.ts'
import { HeldAnswers, PATIENT } from '../helpers/links.ts'
import { LogTap } from '../helpers/log-tap.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { channelPair, settle } from '../helpers/memory-channel.ts'
import { RawPeer, helloOf } from '../helpers/raw-peer.ts'
import { StubPins, peerOf } from '../helpers/stub-pins.ts'

const BERT = peerOf('bert')

/** A link that retires has closed after this long without a call. */
const RETIRED_MS = 1_000

describe('links', () => {
  let clock: ManualClock
  let pins: StubPins
  let links: Links
  let log: LogTap
  let told: [id: string, up: boolean][]
  let answer: (answer: Answer) => Body | Promise<Body>

  beforeEach(() => {
    clock = new ManualClock()
    pins = new StubPins([BERT, peerOf('carol')])
    log = new LogTap()
    answer = ({ call }) => call.body
    links = new Links(
      {
        pins,
        clock,
        log: pino({ base: null }, log),
        dispatcher: { dispatch: (served) => answer(served) },
      },
      { ownKey: peerOf('anna').key, hello: () => helloOf({ at: clock.now() }) },
    )
    links.start()
    told = []
    links.onChange(({ id }, up) => told.push([id, up]))
  })
  afterEach(() => {
    links.stop()
    assert.equal(clock.timers, 0)
  })

  /** A link that is being opened, and the far end of it. */
  function begin(peer = BERT, outbound = true): { opening: Promise<Link>; peer: RawPeer } {
    const [channel, farChannel] = channelPair()
    const opening = links.open(channel, peer, outbound)
    opening.catch(() => undefined)
    return { opening, peer: new RawPeer(farChannel) }
  }

  /** One whose peer has said hello. */
  async function open(
    init: { from?: typeof BERT; outbound?: boolean; hello?: Partial<Hello> } = {},
  ): Promise<{ link: Link; peer: RawPeer }> {
    const { opening, peer } = begin(init.from, init.outbound)
    await peer.say(helloOf(init.hello))
    return { link: await opening, peer }
  }

  it('hold a link from its hello to its end, and tell of both', async () => {
    const { opening, peer } = begin()
    await settle()
    assert.equal(links.get(BERT.id), undefined)
    assert.equal(peer.all('hello')[0]?.at, clock.now())
    await peer.say(helloOf())
    const link = await opening
    assert.equal(links.get(BERT.id), link)
    assert.equal(links.size, 1)
    assert.deepEqual(told, [[BERT.id, true]])
    link.abort(new Error('the lid was closed'))
    await settle()
    assert.equal(links.get(BERT.id), undefined)
    assert.equal(links.size, 0)
    assert.deepEqual(told.at(-1), [BERT.id, false])
  })

  it('tell nobody who has left', async () => {
    let count = 0
    const leave = links.onChange(() => count++)
    leave()
    await open()
    assert.equal(count, 0)
  })

  it('keep what a peer says of itself apart in the log', async () => {
    await open({ hello: { software: 'kith/9 "x"' } })
    const line = await log.line(({ msg }) => msg === 'peer connected')
    assert.deepEqual(line['remote'], { software: 'kith/9 "x"' })
    assert.equal(line['software'], undefined)
  })

  describe('of a peer that does not say hello', () => {
    it('are given up when its time is up, and not a millisecond earlier', async () => {
      const { opening, peer } = begin()
      clock.advance(HELLO_TIMEOUT_MS - 1)
      await settle()
      assert.equal(peer.closed, false)
      clock.advance(1)
      await assert.rejects(opening, { code: 'connection-lost' })
      await settle()
      assert.equal(peer.closed, true)
      assert.deepEqual(told, [])
    })

    it('are left alone when it did in time', async () => {
      const { opening, peer } = begin()
      clock.advance(HELLO_TIMEOUT_MS - 1)
      await peer.say(helloOf())
      const link = await opening
      clock.advance(HELLO_TIMEOUT_MS)
      assert.equal(link.over, false)
    })
  })

  const versions: [range: [number, number], common: boolean][] = [
    [[1, 1], true],
    [[0, 1], true],
    [[1, 9], true],
    [[0, 9], true],
    [[2, 9], false],
    [[0, 0], false],
  ]
  for (const [range, common] of versions) {
    it(`${common ? 'take' : 'refuse'} a peer that speaks versions ${range.join(' to ')}`, async () => {
      const { opening, peer } = begin()
      await peer.say(helloOf({ versions: range }))
      if (common) {
        assert.equal(links.get(BERT.id), await opening)
      } else {
        await assert.rejects(opening, { code: 'connection-lost', hint: /update kith/ })
        assert.equal(peer.closed, true)
        assert.equal(links.get(BERT.id), undefined)
      }
    })
  }

  describe('of a peer whose pin goes', () => {
    it('are cut at once, and no other', async () => {
      const { link } = await open()
      const other = await open({ from: peerOf('carol') })
      pins.set([peerOf('carol')])
      assert.equal(link.over, true)
      assert.equal(other.link.over, false)
      await settle()
      assert.equal(links.get(BERT.id), undefined)
    })

    it('are cut while they wait for hello', async () => {
      const { opening, peer } = begin()
      pins.set([])
      await assert.rejects(opening, { code: 'connection-lost' })
      await settle()
      assert.equal(peer.closed, true)
    })

    it('are cut when its key is another now', async () => {
      const { link } = await open()
      pins.set([{ ...BERT, key: peerOf('other').key }])
      assert.equal(link.over, true)
    })

    it('stay when only its name or its grants change', async () => {
      const { link } = await open()
      pins.set([{ ...BERT, pin: { ...BERT.pin, name: 'berta', allow: [] } }])
      assert.equal(link.over, false)
    })
  })

  describe('to one peer are one', () => {
    it('the newer, when the same side opened both; the older ends its calls first', async () => {
      const held = new HeldAnswers()
      answer = held.take
      const first = await open()
      await first.peer.call(1)
      const second = await open()
      assert.equal(links.get(BERT.id), second.link)
      assert.equal(first.link.over, false)
      await held.end(0, 'in peace')
      assert.deepEqual(first.peer.all('end'), [{ t: 'end', id: 1, body: 'in peace' }])
      clock.advance(RETIRED_MS)
      assert.equal(first.link.over, true)
      await settle()
      assert.deepEqual(told, [[BERT.id, true]])
      assert.equal(links.size, 1)
    })

    it('and whoever opened the one that goes gets the one that stays', async () => {
      const ours = BERT.key > peerOf('anna').key
      const kept = await open({ outbound: ours })
      const other = await open({ outbound: !ours })
      assert.equal(other.link, kept.link)
      clock.advance(RETIRED_MS)
      await settle()
      assert.equal(other.peer.closed, true)
      assert.equal(links.get(BERT.id), kept.link)
      assert.deepEqual(told, [[BERT.id, true]])
    })

    it('the newer, when they did not cross: whoever opened it had lost the older', async () => {
      const first = await open({ outbound: true })
      clock.advance(CROSSING_MS)
      const second = await open({ outbound: false })
      assert.equal(links.get(BERT.id), second.link)
      clock.advance(RETIRED_MS)
      assert.equal(first.link.over, true)
      assert.equal(second.link.over, false)
    })

    it('are down only when the last is gone', async () => {
      const held = new HeldAnswers()
      answer = held.take
      const first = await open()
      await first.peer.call(1)
      const second = await open()
      second.link.abort(new Error('gone'))
      await settle()
      assert.deepEqual(told, [
        [BERT.id, true],
        [BERT.id, false],
      ])
    })
  })

  describe('that are quiet', () => {
    it('are sent a ping each interval, and cut when nothing came for too many', async () => {
      const { link, peer } = await open()
      clock.advance(LIVENESS_INTERVAL_MS)
      await settle()
      assert.equal(peer.all('call').length, 0)
      for (let miss = 1; miss <= LIVENESS_MISSES; miss++) {
        clock.advance(LIVENESS_INTERVAL_MS)
        await settle()
        assert.equal(peer.all('call').length, miss)
        assert.equal(link.over, false)
      }
      assert.deepEqual(peer.all('call').at(-1)?.verb, 'ping')
      clock.advance(LIVENESS_INTERVAL_MS)
      assert.equal(link.over, true)
    })

    it('live as long as their peer answers, be it with a refusal', async () => {
      const { link, peer } = await open()
      for (let beat = 0; beat < 20; beat++) {
        clock.advance(LIVENESS_INTERVAL_MS)
        await settle()
        const id = peer.all('call').at(-1)?.id ?? 0
        await peer.say({ t: 'fail', id, code: 'denied', details: { rule: 'allow' } })
      }
      assert.equal(link.over, false)
    })

    it('do not die of a stall of our own', async () => {
      const { link, peer } = await open()
      clock.advance(LIVENESS_INTERVAL_MS)
      for (let stall = 0; stall < 10; stall++) {
        clock.stall(20 * LIVENESS_INTERVAL_MS)
        assert.equal(link.over, false)
        await peer.say({ t: 'cancel', id: 1 })
      }
    })
  })

  it('end calls whose deadline has passed, a quarter of a second late at most', async () => {
    const { link } = await open()
    const end = link.call('echo', null, { deadlineMs: 1_000 })
    let over = false
    end.catch(() => {
      over = true
    })
    clock.advance(1_000)
    await settle()
    assert.equal(over, false)
    clock.advance(250)
    await assert.rejects(end, { code: 'deadline' })
  })

  it('serve calls by the dispatcher', async () => {
    answer = ({ peer }) => {
      throw new WireFailure('denied', { rule: peer.id })
    }
    const { peer } = await open()
    await peer.call(1)
    const details = { rule: BERT.id }
    assert.deepEqual(peer.all('fail'), [{ t: 'fail', id: 1, code: 'denied', details }])
  })

  it('all end by a stop, those that wait for hello too', async () => {
    const { link } = await open()
    const { opening } = begin(peerOf('carol'))
    const call = link.call('echo', null, PATIENT)
    links.stop()
    await assert.rejects(opening, { code: 'connection-lost' })
    await assert.rejects(call, (err) => isFailure(err, 'connection-lost'))
    assert.equal(link.over, true)
    assert.equal(clock.timers, 0)
  })
})
