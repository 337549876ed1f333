import assert from 'node:assert/strict'
import fc from 'fast-check'
import { beatMs, expired, grantLease, holds, renewed } from '../../../src/node/scheduler/lease.ts'

const TTL_MS = 30_000
const lease = grantLease(0, 'a', 1_000, TTL_MS)

describe('lease', () => {
  it('lasts for its time, and not a moment longer', () => {
    assert.equal(holds(lease, lease, 1_000 + TTL_MS - 1), true)
    assert.equal(holds(lease, lease, 1_000 + TTL_MS), false)
    assert.equal(expired(lease, 1_000 + TTL_MS), true)
  })

  it('has its whole life before it once it is renewed', () => {
    const longer = renewed(lease, 20_000)
    assert.equal(holds(lease, longer, 20_000 + TTL_MS - 1), true)
  })

  it('is renewed at a third, so that one beat or two may be lost', () => {
    assert.equal(beatMs(lease), TTL_MS / 3)
    assert.equal(beatMs({ ttlMs: 1 }), 1)
  })

  it('is fenced off by any later one, whoever has it', () => {
    assert.equal(holds(lease, grantLease(lease.version, 'b', 1_000, TTL_MS), 1_000), false)
    assert.equal(holds(lease, grantLease(lease.version, 'a', 1_000, TTL_MS), 1_000), false)
    assert.equal(holds(lease, { ...lease, token: 'b' }, 1_000), false)
    assert.equal(holds(lease, undefined, 1_000), false)
  })

  it('is held by one of all that ever had it', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (steps) => {
        let now = 0
        const leases = [grantLease(0, 't0', now, 20)]
        for (const [index, step] of steps.entries()) {
          now += step
          const last = leases.at(-1)
          assert.ok(last)
          if (expired(last, now)) leases.push(grantLease(last.version, `t${index}`, now, 20))
          else leases[leases.length - 1] = renewed(last, now)
        }
        const current = leases.at(-1)
        assert.equal(leases.filter((one) => holds(one, current, now)).length, 1)
      }),
    )
  })
})
