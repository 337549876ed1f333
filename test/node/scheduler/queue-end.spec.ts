import assert from 'node:assert/strict'
import { queueEnd } from '../../../src/node/scheduler/queue-end.ts'
import { jobOf, queuedRun } from '../../helpers/job-home.ts'

const NOW = Date.UTC(2026, 10, 21, 9)
const job = jobOf('digest', { limits: { queue_seconds: 5 }, run_by: ['bob'] })

describe('the end of a run that waits', () => {
  const run = queuedRun('digest', NOW)

  it('does not come while it may wait, nor while it runs', () => {
    assert.equal(
      queueEnd(run, job, NOW + 4_999, () => false),
      undefined,
    )
    assert.equal(
      queueEnd({ ...run, state: 'running' }, job, NOW + 60_000, () => false),
      undefined,
    )
  })

  it('comes when it has waited too long', () => {
    const failure = { code: 'deadline', why: 'no room for it within 5 s' }
    assert.deepEqual(queueEnd(run, job, NOW + 5_000, undefined), { state: 'timed-out', failure })
  })

  it('comes when its job is gone', () => {
    const failure = { code: 'cancelled', why: 'its job is no longer in jobs.yaml' }
    assert.deepEqual(queueEnd(run, undefined, NOW, undefined), { state: 'cancelled', failure })
  })

  describe('which a peer wanted', () => {
    const bobs = { ...run, by: 'bob', cause: 'peer' } as const
    const failure = { code: 'cancelled', why: 'bob may no longer start it' }

    it('comes when its right is gone, or jobs.yaml names it no more', () => {
      assert.deepEqual(
        queueEnd(bobs, job, NOW, () => false),
        { state: 'cancelled', failure },
      )
      const others = { ...job, runBy: ['nas'] }
      assert.deepEqual(
        queueEnd(bobs, others, NOW, () => true),
        { state: 'cancelled', failure },
      )
    })

    it('does not come while it may start it, or where another node knows better', () => {
      assert.equal(
        queueEnd(bobs, job, NOW, (peer) => peer === 'bob'),
        undefined,
      )
      assert.equal(queueEnd(bobs, job, NOW, undefined), undefined)
    })

    it('does not come by that while it runs', () => {
      const running = { ...bobs, state: 'running' } as const
      assert.equal(
        queueEnd(running, job, NOW, () => false),
        undefined,
      )
    })
  })
})
