import assert from 'node:assert/strict'
import { Allowance } from '../../../src/node/http/tasks/allowance.ts'
import type { Principal } from '../../../src/node/http/principal.ts'
import { OWNER } from '../../../src/node/http/principal.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'

const LONGEST = 'x'.repeat(262_144)
const DAY_MS = 86_400_000

describe('what a token may submit', () => {
  const ci = token('ci')
  let clock: ManualClock
  let allowance: Allowance

  beforeEach(() => {
    clock = new ManualClock()
    allowance = new Allowance(clock)
  })

  it('F63: is a thousand of the longest texts at once and no more than about that a day', () => {
    assert.equal(fill(ci, LONGEST), 1_008)
    clock.advance(DAY_MS / 2)
    assert.equal(fill(ci, LONGEST), 504)
  })

  it('F63: is 65,536 short ones', () => {
    assert.equal(fill(ci, 'echo a'), 65_536)
  })

  it('is nothing of what another token may, and has no end for the owner', () => {
    fill(ci, LONGEST)
    allowance.take(token('other'), LONGEST)
    for (let i = 0; i < 2_000; i++) allowance.take(OWNER, LONGEST)
  })

  /** How many of them are taken. */
  function fill(principal: Principal, text: string): number {
    for (let taken = 0; ; taken++) {
      try {
        allowance.take(principal, text)
      } catch (err) {
        assert.ok(err instanceof Error && 'code' in err && err.code === 'rate-limited')
        return taken
      }
    }
  }

  function token(id: string): Principal {
    return { kind: 'token', id, name: id, scope: 'tasks', preset: 'none' }
  }
})
