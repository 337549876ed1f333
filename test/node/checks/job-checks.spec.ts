import assert from 'node:assert/strict'
import type { Finding } from '../../../src/node/checks/finding.ts'
import { jobFindings } from '../../../src/node/checks/job-checks.ts'
import type { JobChecked } from '../../../src/node/checks/job-checks.ts'
import { configSchema } from '../../../src/node/config.ts'
import type { Job } from '../../../src/node/scheduler/job.ts'
import { blankState, scheduleText } from '../../../src/node/scheduler/job-state.ts'
import type { JobState } from '../../../src/node/scheduler/job-state.ts'
import { grantLease } from '../../../src/node/scheduler/lease.ts'
import { LATE_MS } from '../../../src/node/scheduler/missed.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { jobOf } from '../../helpers/job-home.ts'
import { peerOf } from '../../helpers/stub-pins.ts'

const NOW = Date.UTC(2026, 10, 21, 9)
const MINUTELY = scheduleText(jobOf('digest'))

function found(
  job: Job | undefined,
  state: Partial<JobState> = {},
  more: Partial<JobChecked['jobs']> = {},
): Finding[] {
  return jobFindings({
    jobs: {
      list: () => (job === undefined ? [] : [job]),
      state: (name) => ({ ...blankState(name), ...state }),
      problem: undefined,
      reachOf: () => 'provider',
      ...more,
    },
    pins: { peers: () => [peerOf('nas', { allow: ['ping'] })] },
    clock: { now: () => NOW },
    config: configSchema.parse({}),
    home: { jobs: '/nowhere/jobs.yaml' },
  })
}

const askOf = (peer: string, egress: string): object => ({
  target: { kind: 'ask', peer, text: 'hi', egress },
})

describe('check jobs', () => {
  it('is well without jobs, and says how many are on', () => {
    assert.deepEqual(found(undefined), [{ state: 'ok', what: 'there are none' }])
    assert.deepEqual(found(jobOf('digest')), [{ state: 'ok', what: '1 of 1 are on' }])
  })

  const lease = grantLease(0, 'a', NOW, 30_000)
  const standings: [what: string, state: Partial<JobState>, worst: string, hint?: string][] = [
    [
      'paused by its failures',
      { paused: { who: 'scheduler', why: '5 runs have failed', at: NOW } },
      'warn',
      'kith jobs failures digest, then kith jobs resume digest',
    ],
    ['paused by a person', { paused: { who: 'self', why: 'holidays', at: NOW } }, 'ok'],
    ['busy', { active: { run: 'r', lease } }, 'ok'],
    [
      'stuck',
      { active: { run: 'r', lease: { ...lease, expiresAt: NOW } } },
      'fail',
      'kith jobs cancel r',
    ],
    ['overdue', { nextAt: NOW - LATE_MS - 1 }, 'warn', 'kith jobs run-due'],
    ['a little late', { nextAt: NOW - LATE_MS }, 'ok'],
    ['failing', { failures: 2 }, 'warn', 'kith jobs failures digest'],
    ['due in a minute, and then again', { schedule: MINUTELY, nextAt: NOW + 120_000 }, 'ok'],
    [
      'waiting for times that a wrong clock has passed',
      { schedule: MINUTELY, nextAt: NOW + 180_000 },
      'warn',
      'kith jobs pause digest, then kith jobs resume digest',
    ],
    ['to get another schedule', { schedule: '', nextAt: NOW + 180_000 }, 'ok'],
  ]
  for (const [what, state, worst, hint] of standings) {
    it(`says ${worst} of a job that is ${what}`, () => {
      const [finding, ...rest] = found(jobOf('digest'), state)
      assert.deepEqual([finding?.state, finding?.hint, rest], [worst, hint, []])
    })
  }

  const replaced: [what: string, row: object, state: Partial<JobState>, warns: boolean][] = [
    ['was replaced three times in a row', {}, { replaced: 3 }, true],
    ['is replaced while it runs', {}, { replaced: 3, active: { run: 'r', lease } }, true],
    ['was replaced twice', {}, { replaced: 2 }, false],
    ['replaces no more', { overlap: 'skip' }, { replaced: 3 }, false],
    ['is off', { enabled: false }, { replaced: 3 }, false],
    ['is paused', {}, { replaced: 3, paused: { who: 'self', why: 'x', at: NOW } }, false],
  ]
  for (const [what, row, state, warns] of replaced) {
    it(`${warns ? 'warns' : 'does not warn'} of a job that ${what}`, () => {
      const findings = found(jobOf('digest', { overlap: 'replace', ...row }), state)
      assert.deepEqual(
        findings.map((finding) => [finding.state, finding.hint]),
        [warns ? ['warn', 'kith jobs edit digest --overlap skip'] : ['ok', undefined]],
      )
    })
  }

  it('fails with the line of a jobs.yaml that is not in force, and still looks at the jobs', () => {
    const hint = 'edit line 3 of jobs.yaml'
    const details = { path: 'jobs.yaml', line: 3, column: 5 }
    const problem = new KithError('invalid-file', 'jobs.yaml:3:5: missing', details, { hint })
    const findings = found(jobOf('digest'), { failures: 1 }, { problem })
    assert.deepEqual(findings[0], { state: 'fail', what: 'jobs.yaml:3:5: missing', hint })
    assert.equal(findings.length, 2)
  })

  const targets: [what: string, row: object, hint: string | undefined][] = [
    ['asks somebody who is not pinned', askOf('carol', 'peers'), 'kith jobs edit digest'],
    ['asks somebody who is', askOf('nas', 'peers'), undefined],
    ['reaches further than its egress', askOf('self', 'none'), 'kith jobs edit digest'],
    ['reaches no further', askOf('self', 'provider'), undefined],
    ['names a peer that has no right', { run_by: ['nas'] }, 'kith peers allow nas job.run'],
    ['does so, and is off', { run_by: ['nas'], enabled: false }, undefined],
  ]
  for (const [what, row, hint] of targets) {
    it(`${hint === undefined ? 'is well with' : 'warns of'} a job that ${what}`, () => {
      const findings = found(jobOf('digest', { ...row }))
      const state = hint === undefined ? 'ok' : 'warn'
      assert.deepEqual(
        findings.map((finding) => [finding.state, finding.hint]),
        [[state, hint]],
      )
    })
  }
})
