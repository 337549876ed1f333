import assert from 'node:assert/strict'
import fc from 'fast-check'
import { BACKOFF_DEFAULTS, backoffMs } from '../../src/protocol/backoff.ts'

describe('backoff', () => {
  it('waits 5 s after the first failure and twice as long after each, up to 10 min', () => {
    const waits = Array.from({ length: 10 }, (_, i) => backoffMs(i + 1, 0.5) / 1_000)
    assert.deepEqual(waits, [5, 10, 20, 40, 80, 160, 320, 600, 600, 600])
  })

  it('spreads each wait by a tenth to both sides', () => {
    assert.equal(backoffMs(1, 0), 4_500)
    assert.equal(backoffMs(1, 0.999_999), 5_500)
    assert.equal(backoffMs(99, 0), 540_000)
    assert.equal(backoffMs(99, 0.999_999), 660_000)
  })

  it('takes other bounds, and no chance at all', () => {
    const options = { baseMs: 100, maxMs: 350, jitter: 0 }
    const waits = [1, 2, 3, 4].map((failures) => backoffMs(failures, Math.random(), options))
    assert.deepEqual(waits, [100, 200, 350, 350])
  })

  it('is a whole number within its bounds, however many failures there were', () => {
    const { baseMs, maxMs, jitter } = BACKOFF_DEFAULTS
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000_000 }), random, (failures, chance) => {
        const wait = backoffMs(failures, chance)
        assert.ok(Number.isSafeInteger(wait))
        assert.ok(wait >= baseMs * (1 - jitter / 2) && wait <= maxMs * (1 + jitter / 2))
      }),
      { numRuns: 1_000 },
    )
  })

  it('never gets shorter with one failure more', () => {
    for (let failures = 1; failures < 100; failures++) {
      assert.ok(backoffMs(failures + 1, 0.3) >= backoffMs(failures, 0.3))
    }
  })
})
