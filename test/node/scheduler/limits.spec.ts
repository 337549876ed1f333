import assert from 'node:assert/strict'
import { limitText } from '../../../src/node/scheduler/limits.ts'

const limits = {
  queueMs: 9_000,
  claimMs: 1_000,
  heartbeatMs: 500,
  progressMs: 3_000,
  totalMs: 10_000,
}

describe('limits of a run', () => {
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
