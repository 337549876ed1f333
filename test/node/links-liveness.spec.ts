import assert from 'node:assert/strict'
import { LIVENESS_INTERVAL_MS, LIVENESS_MISSES } from '../../src/protocol/limits.ts'
import { settle } from '../helpers/memory-channel.ts'
import { testLinks } from '../helpers/test-links.ts'
import type { TestLinks } from '../helpers/test-links.ts'

describe('links, as time passes,', () => {
  const all = testLinks()
  let test: TestLinks

  beforeEach(() => {
    test = all()
  })

  describe('that are quiet', () => {
    it('are sent a ping each interval, and cut when nothing came for too many', async () => {
      const { link, peer } = await test.open()
      test.clock.advance(LIVENESS_INTERVAL_MS)
      await settle()
      assert.equal(peer.all('call').length, 0)
      for (let miss = 1; miss <= LIVENESS_MISSES; miss++) {
        test.clock.advance(LIVENESS_INTERVAL_MS)
        await settle()
        assert.equal(peer.all('call').length, miss)
        assert.equal(link.over, false)
      }
      assert.deepEqual(peer.all('call').at(-1)?.verb, 'ping')
      test.clock.advance(LIVENESS_INTERVAL_MS)
      assert.equal(link.over, true)
    })

    it('live as long as their peer answers, be it with a refusal', async () => {
      const { link, peer } = await test.open()
      for (let beat = 0; beat < 20; beat++) {
        test.clock.advance(LIVENESS_INTERVAL_MS)
        await settle()
        const id = peer.all('call').at(-1)?.id ?? 0
        await peer.say({ t: 'fail', id, code: 'denied', details: { rule: 'allow' } })
      }
      assert.equal(link.over, false)
    })

    it('do not die of a stall of our own', async () => {
      const { link, peer } = await test.open()
      test.clock.advance(LIVENESS_INTERVAL_MS)
      for (let stall = 0; stall < 10; stall++) {
        test.clock.stall(20 * LIVENESS_INTERVAL_MS)
        assert.equal(link.over, false)
        await peer.say({ t: 'cancel', id: 1 })
      }
    })
  })

  it('end calls whose deadline has passed, a quarter of a second late at most', async () => {
    const { link } = await test.open()
    const end = link.call('echo', null, { deadlineMs: 1_000 })
    let over = false
    end.catch(() => {
      over = true
    })
    test.clock.advance(1_000)
    await settle()
    assert.equal(over, false)
    test.clock.advance(250)
    await assert.rejects(end, { code: 'deadline' })
  })
})
