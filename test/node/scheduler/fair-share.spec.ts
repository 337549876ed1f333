import assert from 'node:assert/strict'
import fc from 'fast-check'
import { overShare } from '../../../src/node/scheduler/fair-share.ts'

interface Item {
  job: string
  name: string
  bytes: number
}

/** One a word, the newest first: its job, its name and what it weighs, such as `a1:5`. */
function itemsOf(text: string): Item[] {
  return text.split(' ').map((word) => {
    const [name = '', bytes = '1'] = word.split(':')
    return { job: name.slice(0, 1), name, bytes: Number(bytes) }
  })
}

function gone(text: string, limit: number): string {
  return overShare(itemsOf(text), ({ bytes }) => bytes, limit)
    .map(({ name }) => name)
    .join(' ')
}

describe('fair share', () => {
  const cases: [what: string, items: string, limit: number, over: string][] = [
    ['leaves what fits as it is', 'a3 b1 a2 a1', 4, ''],
    ['drops the oldest of one job', 'a3 a2 a1', 2, 'a1'],
    ['drops of the job that has most, and not what is oldest of all', 'a3 a2 a1 b1', 3, 'a1'],
    ['drops of each in turn once they have as much', 'a3 a2 b2 a1 b1', 2, 'a1 b1 a2'],
    ['keeps the newest where each has one', 'c1 b1 a1', 1, 'a1 b1'],
    ['goes by what things weigh', 'a2 a1 b1:9', 3, 'b1'],
  ]
  for (const [what, items, limit, over] of cases) {
    it(what, () => {
      assert.equal(gone(items, limit), over)
    })
  }

  it('lets no job lose anything while one that keeps more can', () => {
    const item = fc.record({
      job: fc.constantFrom('a', 'b', 'c'),
      bytes: fc.integer({ min: 1, max: 9 }),
    })
    fc.assert(
      fc.property(fc.array(item), fc.nat(60), (items, limit) => {
        const over = overShare(items, ({ bytes }) => bytes, limit)
        const dropped = new Set(over)
        const kept = items.filter((one) => !dropped.has(one))
        const sumOf = (of: typeof items, job?: string): number =>
          of.reduce((sum, one) => (job === undefined || one.job === job ? sum + one.bytes : sum), 0)
        assert.ok(sumOf(kept) <= limit)
        for (const { job } of over) {
          const before = sumOf(items, job)
          for (const other of ['a', 'b', 'c']) assert.ok(sumOf(kept, other) <= before)
        }
        // Nothing went that had room: the last one to go did not fit.
        const last = over.at(-1)
        if (last !== undefined) assert.ok(sumOf(kept) + last.bytes > limit)
      }),
    )
  })
})
