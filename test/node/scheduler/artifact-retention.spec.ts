import assert from 'node:assert/strict'
import fc from 'fast-check'
import { overResultCap } from '../../../src/node/scheduler/artifact-retention.ts'
import type { KeptResult } from '../../../src/node/scheduler/artifact-retention.ts'

const CAPS = {
  unreviewed: { count: 3, ageMs: 1_000, bytes: 100 },
  reviewed: { count: 2, ageMs: 2_000, bytes: 50 },
}

/** Newest first, all of one job. */
function results(...rows: [standing: KeptResult['standing'], madeAt: number, bytes: number][]) {
  return rows.map(([standing, madeAt, bytes], index) => ({
    ...{ run: String(index), job: 'digest', standing, madeAt, bytes },
  }))
}

function gone(kept: KeptResult[], now = 0): string[] {
  return Array.from(overResultCap(kept, now, CAPS), ({ run }) => run)
}

describe('retention of results', () => {
  it('counts what was looked at apart from what was not', () => {
    const few = ['unreviewed', 0, 1] as const
    const looked = ['reviewed', 0, 1] as const
    assert.deepEqual(gone(results([...few], [...looked], [...few], [...looked], [...few])), [])
    const more = results(
      [...few],
      [...looked],
      [...few],
      [...looked],
      [...few],
      [...few],
      [...looked],
    )
    assert.deepEqual(gone(more), ['5', '6'])
  })

  it('drops what is too old, and what there is no room for with all that is older', () => {
    const kept = results(['unreviewed', 500, 1], ['unreviewed', 499, 1])
    assert.deepEqual(gone(kept, 1_500), ['1'])
    const large = results(['unreviewed', 0, 60], ['unreviewed', 0, 41], ['unreviewed', 0, 1])
    assert.deepEqual(gone(large), ['2', '1'])
    assert.deepEqual(gone(results(['unreviewed', 0, 60], ['unreviewed', 0, 40])), [])
  })

  it('lets no job push the results of another one out, by their number or by their size', () => {
    const one = ['unreviewed', 0, 1] as const
    const [busy, rare] = [results([...one], [...one], [...one]), results([...one])]
    const last = rare.map((result) => ({ ...result, run: 'rare', job: 'rare' }))
    assert.deepEqual(gone([...busy, ...last]), ['2'])
    const large = results(['unreviewed', 0, 60], ['unreviewed', 0, 40])
    assert.deepEqual(gone([...large, ...last]), ['1'])
  })

  it('never drops what is awaited, and leaves it out of the sums', () => {
    const awaited = ['awaited', 0, 1_000] as [KeptResult['standing'], number, number]
    const kept = results(awaited, ['unreviewed', 0, 100], awaited, awaited, awaited, awaited)
    assert.deepEqual(gone(kept, 900), [])
    assert.deepEqual(gone(kept, 1_000_000), ['1'])
  })

  it('leaves each kind within its caps, whatever comes', () => {
    const result = fc.record({
      run: fc.uuid(),
      job: fc.constantFrom('digest', 'backup'),
      madeAt: fc.nat(3_000),
      bytes: fc.nat(60),
      standing: fc.constantFrom('awaited' as const, 'unreviewed' as const, 'reviewed' as const),
    })
    fc.assert(
      fc.property(fc.array(result), (rows) => {
        const all = rows.toSorted((a, b) => b.madeAt - a.madeAt)
        const dropped = new Set(overResultCap(all, 3_000, CAPS))
        const kept = all.filter((row) => !dropped.has(row))
        for (const kind of ['unreviewed', 'reviewed'] as const) {
          const own = kept.filter(({ standing }) => standing === kind)
          assert.ok(own.length <= CAPS[kind].count)
          assert.ok(own.reduce((sum, { bytes }) => sum + bytes, 0) <= CAPS[kind].bytes)
          assert.ok(own.every(({ madeAt }) => 3_000 - madeAt <= CAPS[kind].ageMs))
        }
        assert.ok([...dropped].every(({ standing }) => standing !== 'awaited'))
      }),
    )
  })
})
