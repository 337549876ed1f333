import assert from 'node:assert/strict'
import { blankState } from '../../../src/node/scheduler/job-state.ts'
import type { JobState } from '../../../src/node/scheduler/job-state.ts'
import { beatMs, grantLease, renewed } from '../../../src/node/scheduler/lease.ts'
import { LATE_MS } from '../../../src/node/scheduler/missed.ts'
import { standingOf } from '../../../src/node/scheduler/standing.ts'
import type { Standing } from '../../../src/node/scheduler/standing.ts'

const NOW = Date.UTC(2026, 10, 21, 9)
const on = { enabled: true, jitterMs: 5_000 }
const lease = grantLease(0, 'a', NOW, 30_000)
const pause = { who: 'self', why: 'holidays', at: NOW }

function state(change: Partial<JobState>): JobState {
  return { ...blankState('digest'), ...change }
}

describe('standing of a job', () => {
  const late = NOW - on.jitterMs - LATE_MS
  const cases: [what: string, Standing, job: typeof on, change: Partial<JobState>][] = [
    ['is off', 'disabled', { ...on, enabled: false }, { paused: pause, failures: 1 }],
    ['is paused', 'paused', on, { paused: pause, failures: 1 }],
    ['runs, though it is off', 'busy', { ...on, enabled: false }, { active: { run: 'r', lease } }],
    ['was due a moment ago', 'waiting', on, { nextAt: late }],
    ['was due, and nobody looked', 'overdue', on, { nextAt: late - 1 }],
    ['has failed', 'failing', on, { nextAt: NOW + 1, failures: 1 }],
    ['is due later', 'waiting', on, { nextAt: NOW + 1 }],
    ['is for a person to start', 'waiting', on, {}],
  ]
  for (const [what, standing, job, change] of cases) {
    it(`is ${standing} for one that ${what}`, () => {
      assert.equal(standingOf(job, state(change), NOW), standing)
    })
  }

  it('is busy for as long as there are beats, and stuck within three of them', () => {
    let beaten = lease
    let now = NOW
    for (let beat = 0; beat < 30; beat++) {
      now += beatMs(lease)
      assert.equal(standingOf(on, state({ active: { run: 'r', lease: beaten } }), now), 'busy')
      beaten = renewed(beaten, now)
    }
    const silent = state({ active: { run: 'r', lease: beaten } })
    assert.equal(standingOf(on, silent, now + 3 * beatMs(lease) - 1), 'busy')
    assert.equal(standingOf(on, silent, now + 3 * beatMs(lease)), 'stuck')
  })
})
