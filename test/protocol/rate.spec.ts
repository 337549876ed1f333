import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decideRate, perMinute } from '../../src/protocol/rate.ts'
import type { Rate } from '../../src/protocol/rate.ts'

const NOW = Date.UTC(2026, 10, 21, 9)

/** A cell as its keeper keeps it. */
class Kept {
  readonly #rate: Rate
  cell: number | undefined

  constructor(rate: Rate) {
    this.#rate = rate
  }

  /** 0 when the call was let in, else how long to wait. */
  call(now: number): number {
    const decision = decideRate(this.#rate, this.cell, now)
    if (!decision.allowed) return decision.retryAfterMs
    this.cell = decision.cell
    return 0
  }

  /** How many calls in a row are let in at this moment. */
  countAt(now: number): number {
    for (let count = 0; ; count++) if (this.call(now) > 0) return count
  }
}

describe('rate', () => {
  it('lets a burst in at once, and then one call for each interval', () => {
    const kept = new Kept({ calls: 10, perMs: 1_000, burst: 4 })
    assert.equal(kept.countAt(NOW), 4)
    assert.equal(kept.countAt(NOW + 99), 0)
    assert.equal(kept.countAt(NOW + 100), 1)
    assert.equal(kept.countAt(NOW + 300), 2)
  })

  it('saves up no more than a burst', () => {
    const kept = new Kept({ calls: 10, perMs: 1_000, burst: 4 })
    kept.countAt(NOW)
    assert.equal(kept.countAt(NOW + 3_600_000), 4)
  })

  it('per minute lets in as many at once as a minute has, and then one for each part of it', () => {
    const kept = new Kept(perMinute(30))
    assert.equal(kept.countAt(NOW), 30)
    assert.equal(kept.call(NOW), 2_000)
    assert.equal(kept.countAt(NOW + 2_000), 1)
    assert.equal(kept.countAt(NOW + 62_000), 30)
  })

  for (const rate of [perMinute(0), perMinute(-1), { calls: 1, perMs: 500, burst: 0 }]) {
    it(`of ${rate.calls} calls with a burst of ${rate.burst} lets none in`, () => {
      const refused = { allowed: false, retryAfterMs: rate.perMs }
      assert.deepEqual(decideRate(rate, undefined, NOW), refused)
    })
  }

  it('writes nothing: a call that is refused costs nothing', () => {
    const kept = new Kept(perMinute(2))
    kept.countAt(NOW)
    const before = kept.cell
    for (let i = 0; i < 100; i++) assert.equal(kept.call(NOW), 30_000)
    assert.equal(kept.cell, before)
    assert.equal(kept.call(NOW + 30_000), 0)
  })

  it('decides as one that counts every token does', () => {
    const steps = fc.array(fc.nat({ max: 4_000 }), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(wholeRate(), steps, (rate, waits) => {
        const kept = new Kept(rate)
        const bucket = new Bucket(rate)
        let now = NOW
        for (const wait of waits) {
          now += wait
          assert.equal(kept.call(now) === 0, bucket.call(now), `at ${now - NOW}`)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('says to the millisecond how long to wait', () => {
    const steps = fc.array(fc.nat({ max: 500 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(anyRate(), steps, (rate, waits) => {
        const kept = new Kept(rate)
        let now = NOW
        for (const wait of waits) {
          now += wait
          const retryAfterMs = kept.call(now)
          if (retryAfterMs === 0) continue
          assert.ok(Number.isInteger(retryAfterMs))
          const { cell } = kept
          assert.equal(decideRate(rate, cell, now + retryAfterMs - 1).allowed, false)
          assert.equal(decideRate(rate, cell, now + retryAfterMs).allowed, true)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('lets in no more than a burst and what the time has earned, in any stretch of time', () => {
    const steps = fc.array(fc.nat({ max: 300 }), { minLength: 1, maxLength: 150 })
    fc.assert(
      fc.property(wholeRate(), steps, (rate, waits) => {
        const kept = new Kept(rate)
        const admitted: number[] = []
        let now = NOW
        for (const wait of waits) {
          now += wait
          if (kept.call(now) === 0) admitted.push(now)
        }
        for (const [first, from] of admitted.entries()) {
          for (const [more, to] of admitted.slice(first).entries()) {
            const earned = Math.floor(((to - from) * rate.calls) / rate.perMs)
            assert.ok(more + 1 <= rate.burst + earned)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  describe('when the clock goes back', () => {
    const back = [1, 1_000, 59_999, 60_000, 60_001, 3_600_000, 86_400_000 * 365]
    for (const ms of back) {
      it(`by ${ms} ms, holds nobody for longer than a full burst takes`, () => {
        const kept = new Kept(perMinute(30))
        kept.countAt(NOW)
        let now = NOW - ms
        const waitedMs: number[] = []
        for (let waited = 0; waited <= 62_000; waited += 1_000) {
          if (kept.call(now + waited) === 0) waitedMs.push(waited)
        }
        assert.ok((waitedMs[0] ?? Infinity) <= 62_000, 'nobody got in')
        now += 180_000
        assert.equal(kept.countAt(now), 30)
      })

      it(`by ${ms} ms, lets in no second burst`, () => {
        const kept = new Kept(perMinute(30))
        kept.countAt(NOW)
        assert.ok(kept.countAt(NOW - ms) <= 1)
      })
    }
  })
})

/** Whole tokens and the time since the last of them was earned: slow, and nothing like one number a cell. */
class Bucket {
  readonly #rate: Rate
  #tokens: number
  #earnedAt = NOW
  /** When each token that is away comes back. */
  #returns: number[] = []

  constructor(rate: Rate) {
    this.#rate = rate
    this.#tokens = rate.burst
  }

  call(now: number): boolean {
    const intervalMs = this.#rate.perMs / this.#rate.calls
    while (this.#returns[0] !== undefined && this.#returns[0] <= now) {
      this.#returns.shift()
      this.#tokens++
    }
    if (this.#tokens === 0) return false
    this.#tokens--
    // Tokens come back one after the other, each an interval after the one before.
    this.#earnedAt = Math.max(this.#earnedAt, now) + intervalMs
    this.#returns.push(this.#earnedAt)
    return true
  }
}

function wholeRate(): fc.Arbitrary<Rate> {
  return fc
    .record({
      intervalMs: fc.integer({ min: 1, max: 2_000 }),
      calls: fc.integer({ min: 1, max: 50 }),
    })
    .chain(({ calls, intervalMs }) =>
      fc.record({
        calls: fc.constant(calls),
        perMs: fc.constant(calls * intervalMs),
        burst: fc.integer({ min: 1, max: 20 }),
      }),
    )
}

function anyRate(): fc.Arbitrary<Rate> {
  return fc.record({
    calls: fc.integer({ min: 1, max: 7_000 }),
    perMs: fc.integer({ min: 1, max: 100_000 }),
    burst: fc.integer({ min: 1, max: 20 }),
  })
}
