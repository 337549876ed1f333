import assert from 'node:assert/strict'
import { egressRefusal } from '../../../src/node/scheduler/egress.ts'
import type { EngineReach } from '../../../src/node/scheduler/egress.ts'
import { EGRESS } from '../../../src/node/scheduler/job.ts'
import type { Egress, Target } from '../../../src/node/scheduler/job.ts'

function ask(peer: string, egress: Egress): Target {
  return { kind: 'ask', peer, text: 'hello', preset: 'none', egress }
}

describe('egress', () => {
  const reaches: EngineReach[] = ['none', 'local-model', 'provider']
  for (const egress of EGRESS) {
    it(`${egress} lets an ask go to peers ${egress === 'peers' ? '' : 'never'}`, () => {
      for (const reach of reaches) {
        assert.equal(
          egressRefusal(ask('bob', egress), () => reach) === undefined,
          egress === 'peers',
        )
      }
    })
    for (const reach of reaches) {
      const allowed = EGRESS.indexOf(reach) <= EGRESS.indexOf(egress)
      it(`${egress} ${allowed ? 'has room for' : 'refuses'} an engine that reaches ${reach}`, () => {
        assert.equal(egressRefusal(ask('self', egress), () => reach) === undefined, allowed)
      })
    }
  }

  it('has no say over a program', () => {
    assert.equal(
      egressRefusal({ kind: 'command', argv: ['true'] }, () => 'none'),
      undefined,
    )
  })
})
