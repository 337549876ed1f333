import assert from 'node:assert/strict'
import { resultFindings } from '../../../src/node/checks/result-check.ts'
import type { ResultChecked } from '../../../src/node/checks/result-check.ts'
import { RESULT_CAPS } from '../../../src/node/scheduler/artifact-retention.ts'
import { MAX_HELD_RESULTS } from '../../../src/node/scheduler/results.ts'
import { afterTry } from '../../../src/node/scheduler/delivery/delivery.ts'
import type { Delivery } from '../../../src/node/scheduler/delivery/delivery.ts'
import { jobOf } from '../../helpers/job-home.ts'
import { deliveryOf, doneRun } from '../../helpers/results.ts'

const NOW = Date.UTC(2026, 10, 21)
const DAY_MS = 86_400_000
const LIST = 'kith artifacts list --unreviewed'

function deadAt(now: number): Delivery {
  const job = jobOf('digest', { deliver: [{ file: '/srv/x' }] })
  const failed = { kind: 'failed', code: 'denied', why: 'no', again: false } as const
  return afterTry(deliveryOf(job, doneRun('digest', now)), failed, { now, random: 0 })
}

function nodeWith(init: {
  unreviewed?: { count: number; bytes: number }
  held?: number
  rows?: Delivery[]
}): ResultChecked {
  const { held = 0, rows = [], unreviewed = { count: 2, bytes: 10 } } = init
  return {
    clock: { now: () => NOW },
    jobs: {
      results: {
        artifacts: { totals: async () => ({ unreviewed, reviewed: { count: 3, bytes: 10 } }) },
        deliveries: {
          newest: async function* () {
            yield* rows
          },
        },
        held: new Set(Array.from({ length: held }, (_, index) => String(index))),
      },
    },
  }
}

describe('check of the results', () => {
  it('is content with results that nobody has to look at', async () => {
    assert.deepEqual(await resultFindings(nodeWith({})), [
      { state: 'ok', what: '5 are kept, 2 of them not looked at' },
    ])
  })

  it('tells of those that wait for a person before they are delivered', async () => {
    assert.deepEqual(await resultFindings(nodeWith({ held: 2 })), [
      {
        state: 'warn',
        what: '2 results wait for your review before being delivered',
        hint: LIST,
      },
    ])
    const [full] = await resultFindings(nodeWith({ held: MAX_HELD_RESULTS }))
    assert.match(full?.what ?? '', /their jobs make no more until then/)
  })

  it('tells before any are dropped unseen', async () => {
    const { bytes, count } = RESULT_CAPS.unreviewed
    for (const unreviewed of [
      { count: count * 0.8, bytes: 0 },
      { count: 1, bytes: bytes * 0.8 },
    ]) {
      const [finding] = await resultFindings(nodeWith({ unreviewed }))
      assert.deepEqual([finding?.state, finding?.hint], ['warn', LIST])
      assert.match(finding?.what ?? '', /the job that has most loses its oldest/)
    }
    const few = { count: count * 0.8 - 1, bytes: bytes * 0.8 - 1 }
    assert.equal((await resultFindings(nodeWith({ unreviewed: few })))[0]?.state, 'ok')
  })

  it('tells of what did not arrive in the last week, and of no more than a few', async () => {
    const dead = deadAt(NOW - DAY_MS)
    const rows = [
      dead,
      deadAt(NOW - 8 * DAY_MS),
      deliveryOf(jobOf('x', { deliver: [{ file: '/y' }] }), doneRun('x', NOW)),
    ]
    assert.deepEqual(await resultFindings(nodeWith({ rows })), [
      {
        state: 'warn',
        what: 'the result of digest did not arrive at file /srv/x',
        hint: `kith artifacts deliver ${dead.run}`,
      },
    ])
    const many = Array.from({ length: 20 }, () => dead)
    assert.equal((await resultFindings(nodeWith({ rows: many }))).length, 10)
  })
})
