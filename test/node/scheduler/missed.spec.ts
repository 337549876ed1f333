import assert from 'node:assert/strict'
import fc from 'fast-check'
import { decideDue, LATE_MS } from '../../../src/node/scheduler/missed.ts'
import type { DueDecision } from '../../../src/node/scheduler/missed.ts'
import type { MissedRule } from '../../../src/node/scheduler/job.ts'

const HOUR_MS = 3_600_000
const NOON = Date.UTC(2026, 10, 21, 12)
const hourly = { kind: 'interval', everyMs: HOUR_MS } as const

function decide(missed: MissedRule, nextAt: number, now: number): DueDecision {
  return decideDue({ missed, schedule: hourly, zone: 'UTC' }, nextAt, now)
}

/** Hours before noon at which it is due, by what, and where it goes on; three were missed, now is `late` past noon. */
const cases: [
  MissedRule['policy'],
  windowHours: number,
  late: number,
  due: [number, string] | undefined,
  next: number,
][] = [
  ['skip', 24, 0, [0, 'schedule'], 1],
  ['skip', 24, LATE_MS, [0, 'schedule'], 1],
  ['skip', 24, LATE_MS + 1, undefined, 1],
  ['once', 24, 0, [0, 'schedule'], 1],
  ['once', 24, LATE_MS + 1, [0, 'catch-up'], 1],
  ['all', 24, 0, [-3, 'catch-up'], -2],
  ['all', 2, 0, [-2, 'catch-up'], -1],
  ['all', 1, LATE_MS, [0, 'schedule'], 1],
]

describe('missed times', () => {
  for (const [policy, windowHours, late, due, next] of cases) {
    it(`under ${policy} within ${windowHours} h and ${late} ms late, give ${String(due)}`, () => {
      const rule = { policy, windowMs: windowHours * HOUR_MS }
      const decision = decide(rule, NOON - 3 * HOUR_MS, NOON + late)
      assert.deepEqual(
        decision.due,
        due === undefined ? undefined : { dueAt: NOON + due[0] * HOUR_MS, cause: due[1] },
      )
      assert.equal(decision.nextAt, NOON + next * HOUR_MS)
    })
  }

  it('are made up for until the window ends, and not a moment longer', () => {
    const rule = { policy: 'once', windowMs: 600_000 } as const
    assert.equal(decide(rule, NOON, NOON + 600_000).due?.cause, 'catch-up')
    const late = decide(rule, NOON, NOON + 600_001)
    assert.deepEqual([late.due, late.passedOver], [undefined, true])
  })

  it('are none before the time', () => {
    const decision = decide({ policy: 'all', windowMs: HOUR_MS }, NOON, NOON - 1)
    assert.deepEqual(decision, { due: undefined, nextAt: NOON, passedOver: false })
  })

  it('are made up for at a time each under all, and never twice', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 50 * HOUR_MS }), (downMs) => {
        const rule = { policy: 'all', windowMs: 20 * HOUR_MS } as const
        const now = NOON + downMs
        const times: number[] = []
        let nextAt = NOON
        for (;;) {
          const decision = decide(rule, nextAt, now)
          assert.ok(decision.nextAt !== undefined && decision.nextAt >= nextAt)
          nextAt = decision.nextAt
          if (decision.due === undefined) break
          times.push(decision.due.dueAt)
        }
        const hours = Math.floor(downMs / HOUR_MS)
        const expected = Array.from({ length: hours + 1 }, (_, hour) => NOON + hour * HOUR_MS)
        assert.deepEqual(
          times,
          expected.filter((at) => now - at <= rule.windowMs),
        )
      }),
      { numRuns: 50 },
    )
  })
})
