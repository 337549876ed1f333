import assert from 'node:assert/strict'
import { queueEnd } from '../../../src/node/scheduler/queue-end.ts'
import { jobOf, queuedRun } from '../../helpers/job-home.ts'

const NOW = Date.UTC(2026, 10, 21, 9)
const { limits } = jobOf('digest', { limits: { queue_seconds: 5 } })

describe('the end of a run that waits', () => {
  const run = queuedRun('digest', NOW)

  it('does not come while it may wait, nor while it runs', () => {
    assert.equal(queueEnd(run, limits, NOW + 4_999), undefined)
    assert.equal(queueEnd({ ...run, state: 'running' }, limits, NOW + 60_000), undefined)
  })

  it('comes when it has waited too long', () => {
    const failure = { code: 'deadline', why: 'no room for it within 5 s' }
    assert.deepEqual(queueEnd(run, limits, NOW + 5_000), { state: 'timed-out', failure })
  })

  it('comes when its job is gone', () => {
    const failure = { code: 'cancelled', why: 'its job is no longer in jobs.yaml' }
    assert.deepEqual(queueEnd(run, undefined, NOW), { state: 'cancelled', failure })
  })
})
