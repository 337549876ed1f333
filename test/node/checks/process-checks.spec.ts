import assert from 'node:assert/strict'
import {
  openFileFindings,
  partFindings,
  settingFindings,
} from '../../../src/node/checks/process-checks.ts'
import type { PartState } from '../../../src/node/parts.ts'

const RUNNING: PartState = { part: 'mesh', state: 'running', since: 1, restarts: 0 }

function stateOf(...states: PartState[]): string[] {
  const node = { parts: { states: () => states }, build: undefined, settings: undefined }
  return partFindings(node).map(({ state, what }) => `${state}: ${what}`)
}

describe('checks of the process', () => {
  it('G03: name a part that has failed, why, and when it is started again', () => {
    const failed: PartState = {
      ...{ part: 'scheduler', state: 'failed', since: 1, restarts: 2, failure: 'it broke' },
      nextTryAt: Date.UTC(2026, 10, 21, 9),
    }
    assert.deepEqual(stateOf(RUNNING, failed), [
      'fail: scheduler has failed: it broke, started again at 2026-11-21 09:00 UTC',
    ])
  })

  it('warn of a part that has only just begun to run again, and then no more', () => {
    assert.deepEqual(stateOf({ ...RUNNING, failure: 'it broke', restarts: 1 }), [
      'warn: mesh runs again, and had failed: it broke',
    ])
    assert.deepEqual(stateOf(RUNNING, { ...RUNNING, restarts: 1 }), ['ok: 2 parts run'])
  })

  it('F61: name the settings that wait for a restart, and a file that cannot be taken', () => {
    const [pending] = settingFindings({ settings: { pending: ['listen'], problem: undefined } })
    assert.equal(pending?.state, 'warn')
    assert.match(pending.what, /listen$/)
    const problem = new Error('line 3')
    const [failed] = settingFindings({ settings: { pending: [], problem } })
    assert.deepEqual(failed, { state: 'fail', what: 'line 3' })
    const [ok] = settingFindings({ settings: { pending: [], problem: undefined } })
    assert.equal(ok?.state, 'ok')
  })

  for (const [most, state] of [
    ['1024', 'warn'],
    ['8191', 'warn'],
    ['8192', 'ok'],
    ['unlimited', 'ok'],
  ] as const) {
    it(`G04: take a limit of ${most} open files for ${state}`, () => {
      const limits = `Limit   Soft Limit   Hard Limit  Units\nMax open files    ${most}    9  files\n`
      assert.deepEqual(
        openFileFindings(limits).map((finding) => finding.state),
        [state],
      )
    })
  }
})
