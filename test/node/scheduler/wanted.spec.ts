import assert from 'node:assert/strict'
import type { Peer } from '../../../src/node/pins.ts'
import type { RunCause } from '../../../src/node/scheduler/run.ts'
import { isWanted, mayStartJobs } from '../../../src/node/scheduler/wanted.ts'
import { peerOf } from '../../helpers/stub-pins.ts'

const job = { enabled: true, runBy: ['nas'] }
const paused = { paused: { who: 'self', why: 'holidays', at: 1 } }

describe('a run that waits', () => {
  const causes: [cause: RunCause, off: boolean][] = [
    ['schedule', false],
    ['catch-up', false],
    ['peer', false],
    ['manual', true],
    ['retry', true],
    ['feed', true],
  ]
  for (const [cause, off] of causes) {
    it(`with the cause ${cause} ${off ? 'begins' : 'does not begin'} while its job is off or paused`, () => {
      const wanted = (of: typeof job, state: object): boolean =>
        isWanted({ cause, by: 'nas' }, of, state, () => true)
      assert.equal(wanted(job, {}), true)
      assert.equal(wanted({ ...job, enabled: false }, {}), off)
      assert.equal(wanted(job, paused), off)
    })
  }

  it('of a peer begins while its job names it and it may start jobs', () => {
    const wanted = (by: string, may: boolean): boolean =>
      isWanted({ cause: 'peer', by }, job, {}, (peer) => may && peer === by)
    assert.equal(wanted('nas', true), true)
    assert.equal(wanted('nas', false), false)
    assert.equal(wanted('laptop', true), false)
  })

  const nas = peerOf('nas', { allow: ['job.run'] })
  const peers: [what: string, peer: Peer | undefined, may: boolean][] = [
    ['has the right', nas, true],
    ['has lost it', peerOf('nas'), false],
    ['is frozen', { ...nas, frozen: true }, false],
    ['has retired', { ...nas, retired: true }, false],
    ['is pinned no more', undefined, false],
  ]
  for (const [what, peer, may] of peers) {
    it(`${may ? 'may' : 'may not'} be of a peer that ${what}`, () => {
      assert.equal(mayStartJobs(peer, 1), may)
    })
  }
})
