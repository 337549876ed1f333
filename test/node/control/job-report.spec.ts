import assert from 'node:assert/strict'
import { reportJob, reportRun } from '../../../src/node/control/job-report.ts'
import { blankState, scheduleText } from '../../../src/node/scheduler/job-state.ts'
import { jitterOf } from '../../../src/node/scheduler/jitter.ts'
import { jobOf, queuedRun } from '../../helpers/job-home.ts'

const NOW = Date.UTC(2026, 10, 21, 9, 0, 30)
const MINUTE_MS = 60_000

describe('report of a job', () => {
  const job = jobOf('digest')
  const state = { ...blankState('digest'), schedule: scheduleText(job), nextAt: NOW + 5 }

  it('has the time that is planned, while it is of this very schedule', () => {
    assert.equal(reportJob(job, state, NOW).nextAt, NOW + 5)
    const other = { ...state, schedule: 'UTC "another"' }
    assert.equal(reportJob(job, other, NOW).nextAt, NOW + 30_000)
    assert.equal(reportJob(job, blankState('digest'), NOW).nextAt, NOW + 30_000)
  })

  it('has the time at which it starts, not the one that it is for', () => {
    const late = jobOf('digest', { jitter_seconds: 50 })
    const dueAt = NOW + 30_000
    const { nextAt = 0 } = reportJob(late, blankState('digest'), NOW)
    assert.equal(nextAt, dueAt + jitterOf('digest', dueAt, 50_000))
    assert.notEqual(nextAt, dueAt)
    assert.ok(nextAt < dueAt + MINUTE_MS)
  })

  it('has none while the job is off, paused, or for a person to start', () => {
    const paused = { who: 'self', why: 'holidays', at: NOW }
    assert.equal(reportJob(jobOf('digest', { enabled: false }), state, NOW).nextAt, undefined)
    assert.equal(reportJob(job, { ...state, paused }, NOW).nextAt, undefined)
    const manual = jobOf('digest', { schedule: { kind: 'manual' } })
    assert.equal(reportJob(manual, state, NOW).nextAt, undefined)
  })

  const targets: [target: object, line: string][] = [
    [{ kind: 'ask', peer: 'self', text: 'what\nis new' }, 'ask self: what is new'],
    [{ kind: 'command', argv: ['df', '-h'] }, 'command df -h'],
    [{ kind: 'backup' }, 'backup'],
  ]
  for (const [target, line] of targets) {
    it(`has its target in one line: ${line}`, () => {
      assert.equal(reportJob(jobOf('digest', { target }), state, NOW).target, line)
    })
  }

  it('cuts a target that is long', () => {
    const target = { kind: 'ask', peer: 'self', text: 'x'.repeat(1_000) }
    assert.ok(reportJob(jobOf('digest', { target }), state, NOW).target.length <= 120)
  })
})

describe('report of a run', () => {
  it('has all of it but what the scheduler alone counts', () => {
    const run = queuedRun('digest', NOW)
    const report = reportRun(run)
    assert.ok(!('retries' in report))
    assert.deepEqual({ ...report, retries: 0 }, run)
  })
})
