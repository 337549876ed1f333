import assert from 'node:assert/strict'
import fc from 'fast-check'
import { overCap } from '../../../src/node/scheduler/retention.ts'
import type { EndedRun } from '../../../src/node/scheduler/retention.ts'

const caps = { succeeded: { count: 3, ageMs: 100 }, failed: { count: 2, ageMs: 1_000 } }

function ended(name: string, finalAt: number, job = 'digest'): EndedRun {
  return { run: name, job, finalAt, failed: name.startsWith('bad') }
}

function gone(runs: EndedRun[], now: number): string[] {
  return Array.from(overCap(runs, now, caps), ({ run }) => run)
}

describe('retention of runs', () => {
  it('keeps so many, and lets the oldest go', () => {
    const runs = [ended('ok4', 90), ended('ok3', 80), ended('ok2', 70), ended('ok1', 60)]
    assert.deepEqual(gone(runs, 100), ['ok1'])
    assert.deepEqual(gone(runs.slice(0, 3), 100), [])
  })

  it('lets no job push the runs of another one out', () => {
    const busy = [ended('ok4', 90), ended('ok3', 80), ended('ok2', 70)]
    assert.deepEqual(gone([...busy, ended('rare', 10, 'rare')], 100), ['ok2'])
  })

  it('keeps what is old enough to the ms', () => {
    assert.deepEqual(gone([ended('ok', 0)], 100), [])
    assert.deepEqual(gone([ended('ok', 0)], 101), ['ok'])
    assert.deepEqual(gone([ended('bad', 0)], 1_000), [])
    assert.deepEqual(gone([ended('bad', 0)], 1_001), ['bad'])
  })

  it('never lets a success take the place of a failure, however many there are', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), (ends) => {
        const runs = ends.map((ok, index) => ended(`${ok ? 'ok' : 'bad'}${index}`, 100 - index))
        const removed = new Set(gone(runs, 100))
        for (const kind of ['ok', 'bad'] as const) {
          const of = runs.filter(({ run }) => run.startsWith(kind))
          const limit = kind === 'ok' ? caps.succeeded.count : caps.failed.count
          assert.deepEqual(
            of.filter(({ run }) => !removed.has(run)),
            of.slice(0, limit),
          )
        }
      }),
    )
  })
})
