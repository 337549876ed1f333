import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  afterAttempt,
  failuresAfter,
  isPassing,
  pauseReason,
  retryAfterMs,
} from '../../../src/node/scheduler/retry.ts'
import type { RunCause } from '../../../src/node/scheduler/run.ts'

const rule = { max: 4, baseMs: 1_000, maxMs: 3_000 }

describe('retry', () => {
  it('waits longer after each attempt, up to the longest, and ends with the last', () => {
    const waits = [1, 2, 3, 4].map((attempt) => retryAfterMs(rule, attempt, 'internal', 0.5))
    assert.deepEqual(waits, [1_000, 2_000, 3_000, undefined])
  })

  it('spreads its waits by chance, within a fifth', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (n, random) => {
          const middle = retryAfterMs(rule, n, 'internal', 0.5) ?? 0
          const wait = retryAfterMs(rule, n, 'internal', random) ?? 0
          assert.ok(Math.abs(wait - middle) <= middle * 0.1 + 1)
        },
      ),
    )
  })

  const codes: [code: string, passing: boolean][] = [
    ['internal', true],
    ['busy', true],
    ['program-failed', true],
    ['unreachable', true],
    ['interrupted', true],
    ['deadline', true],
    ['denied', false],
    ['bad-request', false],
    ['unknown-peer', false],
    ['cancelled', false],
    ['cycle', false],
  ]
  for (const [code, passing] of codes) {
    it(`${passing ? 'tries' : 'does not try'} again after ${code}`, () => {
      assert.equal(isPassing(code), passing)
      assert.equal(retryAfterMs(rule, 1, code, 0.5) !== undefined, passing)
    })
  }

  it('counts failures in a row, and a cancelled run as neither', () => {
    assert.equal(failuresAfter(3, 'succeeded'), 0)
    assert.equal(failuresAfter(3, 'cancelled'), 3)
    for (const end of ['failed', 'timed-out', 'interrupted'] as const) {
      assert.equal(failuresAfter(3, end), 4)
    }
  })

  it('pauses at so many failures, and not at one less', () => {
    assert.equal(pauseReason(2, 3, 'internal'), undefined)
    assert.equal(
      pauseReason(3, 3, 'internal'),
      '3 runs in a row have failed, the last with internal',
    )
    assert.equal(pauseReason(1, 1, 'denied'), 'a run has failed, the last with denied')
  })

  it('pauses a job over its target, and not over the items of its feed or what peers start', () => {
    const job = { attempts: { ...rule, max: 1 }, pauseAfter: 2 }
    const chance = { now: 5, random: 0.5 }
    const after = (code: string, cause: RunCause = 'manual'): ReturnType<typeof afterAttempt> => {
      const outcome = { state: 'failed', failure: { code, why: 'x' } } as const
      return afterAttempt(job, { failures: 1 }, { attempts: 1, cause }, outcome, chance)
    }
    assert.notEqual(after('program-failed').pause, undefined)
    const unchanged = { retryAt: undefined, failures: 1, pause: undefined }
    assert.deepEqual(
      after('program-failed', 'peer'),
      unchanged,
      'whoever may start it may not pause it',
    )
    assert.deepEqual(after('item-failed'), { retryAt: undefined, failures: 2, pause: undefined })
  })
})
