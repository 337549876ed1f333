import assert from 'node:assert/strict'
import { WireFailure } from '../../src/node/answer.ts'
import { MAX_LINKS_PER_PEER } from '../../src/node/links.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { CROSSING_MS, HELLO_TIMEOUT_MS } from '../../src/protocol/limits.ts'
import { HeldAnswers, PATIENT } from '../helpers/links.ts'
import { settle } from '../helpers/memory-channel.ts'
import { helloOf } from '../helpers/raw-peer.ts'
import { peerOf } from '../helpers/stub-pins.ts'
import { BERT, CAROL, testLinks } from '../helpers/test-links.ts'
import type { TestLinks } from '../helpers/test-links.ts'

/** A link that retires has closed after this long without a call. */
const RETIRED_MS = 1_000

describe('links', () => {
  const all = testLinks()
  let test: TestLinks
  let links: TestLinks['links']

  beforeEach(() => {
    test = all()
    ;({ links } = test)
  })

  it('hold a link from its hello to its end, and tell of both', async () => {
    const { opening, peer } = test.begin()
    await settle()
    assert.equal(links.get(BERT.id), undefined)
    assert.equal(peer.all('hello')[0]?.at, test.clock.now())
    await peer.say(helloOf())
    const link = await opening
    assert.equal(links.get(BERT.id), link)
    assert.equal(links.size, 1)
    assert.deepEqual(test.told, [[BERT.id, true]])
    link.abort(new Error('the lid was closed'))
    await settle()
    assert.equal(links.get(BERT.id), undefined)
    assert.equal(links.size, 0)
    assert.deepEqual(test.told.at(-1), [BERT.id, false])
  })

  it('tell nobody who has left', async () => {
    let count = 0
    const leave = links.onChange(() => count++)
    leave()
    await test.open()
    assert.equal(count, 0)
  })

  it('keep what a peer says of itself apart in the log', async () => {
    await test.open({ hello: { software: 'kith/9 "x"' } })
    const line = await test.log.line(({ msg }) => msg === 'peer connected')
    assert.deepEqual(line['remote'], { software: 'kith/9 "x"' })
    assert.equal(line['software'], undefined)
  })

  it('log what a peer says of itself without what a terminal would obey', async () => {
    await test.open({ hello: { software: 'kith/9\u009b31m\u202e x\n\u001b]0;y\u0007' } })
    const line = await test.log.line(({ msg }) => msg === 'peer connected')
    assert.deepEqual(line['remote'], { software: 'kith/9 x' })
  })

  describe('of a peer that does not say hello', () => {
    it('are given up when its time is up, and not a millisecond earlier', async () => {
      const { opening, peer } = test.begin()
      test.clock.advance(HELLO_TIMEOUT_MS - 1)
      await settle()
      assert.equal(peer.closed, false)
      test.clock.advance(1)
      await assert.rejects(opening, { code: 'connection-lost' })
      await settle()
      assert.equal(peer.closed, true)
      assert.deepEqual(test.told, [])
    })

    it('are left alone when it did in time', async () => {
      const { opening, peer } = test.begin()
      test.clock.advance(HELLO_TIMEOUT_MS - 1)
      await peer.say(helloOf())
      const link = await opening
      test.clock.advance(HELLO_TIMEOUT_MS)
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
      const { opening, peer } = test.begin()
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
      const { link } = await test.open()
      const other = await test.open({ from: CAROL })
      test.pins.set([CAROL])
      assert.equal(link.over, true)
      assert.equal(other.link.over, false)
      await settle()
      assert.equal(links.get(BERT.id), undefined)
    })

    it('are cut while they wait for hello', async () => {
      const { opening, peer } = test.begin()
      test.pins.set([])
      await assert.rejects(opening, { code: 'connection-lost' })
      await settle()
      assert.equal(peer.closed, true)
    })

    it('are cut when its key is another now', async () => {
      const { link } = await test.open()
      test.pins.set([{ ...BERT, key: peerOf('other').key }])
      assert.equal(link.over, true)
    })

    it('stay when only its name or its grants change', async () => {
      const { link } = await test.open()
      test.pins.set([{ ...BERT, pin: { ...BERT.pin, name: 'berta', allow: [] } }])
      assert.equal(link.over, false)
    })
  })

  describe('to one peer are one', () => {
    it('the newer, when the same side opened both; the older ends its calls first', async () => {
      const held = new HeldAnswers()
      test.answer = held.take
      const first = await test.open()
      await first.peer.call(1)
      const second = await test.open()
      assert.equal(links.get(BERT.id), second.link)
      assert.equal(first.link.over, false)
      await held.end(0, 'in peace')
      assert.deepEqual(first.peer.all('end'), [{ t: 'end', id: 1, body: 'in peace' }])
      test.clock.advance(RETIRED_MS)
      assert.equal(first.link.over, true)
      await settle()
      assert.deepEqual(test.told, [[BERT.id, true]])
      assert.equal(links.size, 1)
    })

    it('and no more than a few, whatever comes of them: the oldest go', async () => {
      const begun = Array.from({ length: MAX_LINKS_PER_PEER }, () => test.begin())
      const other = test.begin(CAROL)
      await settle()
      assert.ok(begun.every(({ peer }) => !peer.closed))
      const last = test.begin()
      await settle()
      assert.deepEqual(
        begun.map(({ peer }) => peer.closed),
        begun.map((_, at) => at === 0),
      )
      assert.ok(!last.peer.closed && !other.peer.closed)
    })

    it('and whoever opened the one that goes gets the one that stays', async () => {
      const ours = BERT.key > peerOf('anna').key
      const kept = await test.open({ outbound: ours })
      const other = await test.open({ outbound: !ours })
      assert.equal(other.link, kept.link)
      test.clock.advance(RETIRED_MS)
      await settle()
      assert.equal(other.peer.closed, true)
      assert.equal(links.get(BERT.id), kept.link)
      assert.deepEqual(test.told, [[BERT.id, true]])
    })

    it('the newer, when they did not cross: whoever opened it had lost the older', async () => {
      const first = await test.open({ outbound: true })
      test.clock.advance(CROSSING_MS)
      const second = await test.open({ outbound: false })
      assert.equal(links.get(BERT.id), second.link)
      test.clock.advance(RETIRED_MS)
      assert.equal(first.link.over, true)
      assert.equal(second.link.over, false)
    })

    it('are down only when the last is gone', async () => {
      const held = new HeldAnswers()
      test.answer = held.take
      const first = await test.open()
      await first.peer.call(1)
      const second = await test.open()
      second.link.abort(new Error('gone'))
      await settle()
      assert.deepEqual(test.told, [
        [BERT.id, true],
        [BERT.id, false],
      ])
    })
  })

  it('serve calls by the dispatcher', async () => {
    test.answer = ({ peer }) => {
      throw new WireFailure('denied', { rule: peer.id })
    }
    const { peer } = await test.open()
    await peer.call(1)
    const details = { rule: BERT.id }
    assert.deepEqual(peer.all('fail'), [{ t: 'fail', id: 1, code: 'denied', details }])
  })

  it('all end by a stop, those that wait for hello too', async () => {
    const { link } = await test.open()
    const { opening } = test.begin(CAROL)
    const call = link.call('echo', null, PATIENT)
    links.stop()
    await assert.rejects(opening, { code: 'connection-lost' })
    await assert.rejects(call, (err) => isFailure(err, 'connection-lost'))
    assert.equal(link.over, true)
  })
})
