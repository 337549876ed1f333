import assert from 'node:assert/strict'
import { hasWorker } from '../../../src/node/scheduler/pool.ts'

const limits = { queueMs: 1, claimMs: 1, heartbeatMs: 1, progressMs: 1 }
const long = { limits: { ...limits, totalMs: 600_000 } }
const short = { limits: { ...limits, totalMs: 60_000 } }

describe('pool', () => {
  it('keeps one worker that no long job takes', () => {
    assert.equal(hasWorker([long, long], long, 4), true)
    assert.equal(hasWorker([long, long, long], long, 4), false)
    assert.equal(hasWorker([long, long, long], short, 4), true)
  })

  it('has no more workers than it has', () => {
    assert.equal(hasWorker([short, short, short], short, 4), true)
    assert.equal(hasWorker([short, short, short, short], short, 4), false)
  })

  it('gives its only worker to any job', () => {
    assert.equal(hasWorker([], long, 1), true)
    assert.equal(hasWorker([long], short, 1), false)
  })
})
