import assert from 'node:assert/strict'
import { limitText, nextLimit } from '../../../src/node/scheduler/limits.ts'

const limits = {
  queueMs: 9_000,
  claimMs: 1_000,
  heartbeatMs: 500,
  progressMs: 3_000,
  totalMs: 10_000,
}

describe('limits of a run', () => {
  const cases: [progressAt: number | undefined, limit: string, at: number][] = [
    [undefined, 'claim', 1_100],
    [200, 'progress', 3_200],
    [7_100, 'total', 10_100],
    [7_099, 'progress', 10_099],
  ]
  for (const [progressAt, limit, at] of cases) {
    it(`end it by ${limit} at ${at} when it was last heard of at ${String(progressAt)}`, () => {
      assert.deepEqual(nextLimit(limits, { claimedAt: 100, progressAt }), { limit, at })
    })
  }

  it('say what was too long', () => {
    assert.deepEqual(
      (['queue', 'claim', 'progress', 'total'] as const).map((limit) => limitText(limit, limits)),
      [
        'no room for it within 9 s',
        'nothing heard of it within 1 s of its start',
        'no progress for 3 s',
        'not done within 10 s',
      ],
    )
  })
})
