import assert from 'node:assert/strict'
import type { AlertInit } from '../../../src/node/alerts.ts'
import { alertOnEnd } from '../../../src/node/scheduler/job-alerts.ts'
import type { Pause } from '../../../src/node/scheduler/job-state.ts'
import type { Run } from '../../../src/node/scheduler/run.ts'
import { queuedRun } from '../../helpers/job-home.ts'

const NOW = Date.UTC(2026, 10, 21, 9)

function raised(change: Partial<Run>, paused?: Pause): Pick<AlertInit, 'kind' | 'what'>[] {
  const alerts: AlertInit[] = []
  const raise = (alert: AlertInit): void => {
    alerts.push(alert)
  }
  alertOnEnd({ raise }, { ...queuedRun('digest', NOW), finalAt: NOW, ...change }, paused)
  return alerts.map(({ kind, what }) => ({ kind, what }))
}

const failure = { code: 'deadline', why: 'no progress for 5 s' }
const failed = { kind: 'job-failed', what: 'job digest has failed: deadline: no progress for 5 s' }

describe('alerts of a run that has ended', () => {
  for (const state of ['failed', 'timed-out', 'interrupted'] as const) {
    it(`tell of one that has ${state}`, () => {
      assert.deepEqual(raised({ state, failure }), [failed])
    })
  }

  it('are not there for one that did what it should, or that somebody ended', () => {
    assert.deepEqual(raised({ state: 'succeeded', failure, summary: 'at last' }), [])
    assert.deepEqual(raised({ state: 'cancelled', failure }), [])
  })

  it('are not there for one that ended because this node stops', () => {
    const stopping = { code: 'stopping', why: 'this node is stopping' }
    assert.deepEqual(raised({ state: 'interrupted', failure: stopping }), [])
  })

  it('name a failure that says its code by itself once', () => {
    const twice = { code: 'denied', why: 'the ask to nas failed: denied' }
    const [alert] = raised({ state: 'failed', failure: twice })
    assert.equal(alert?.what, 'job digest has failed: the ask to nas failed: denied')
  })

  it('tell of the pause that this end has led to, and of no other', () => {
    const pause = { who: 'scheduler', why: '5 runs in a row have failed', at: NOW }
    const run = { state: 'failed', failure } as const
    assert.deepEqual(raised(run, pause), [
      failed,
      { kind: 'job-paused', what: 'job digest is paused: 5 runs in a row have failed' },
    ])
    assert.deepEqual(raised(run, { ...pause, at: NOW - 1 }), [failed])
    assert.deepEqual(raised(run, { ...pause, who: 'self' }), [failed])
  })
})
