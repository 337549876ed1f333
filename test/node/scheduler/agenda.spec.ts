import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Agenda } from '../../../src/node/scheduler/agenda.ts'

describe('agenda', () => {
  it('names what has come, the earliest first, and nothing else', () => {
    const agenda = new Agenda()
    for (const [name, at] of [
      ['c', 30],
      ['a', 10],
      ['d', 40],
      ['b', 20],
    ] as const)
      agenda.set(name, at)
    assert.deepEqual(agenda.come(9), [])
    assert.deepEqual(agenda.come(30), ['a', 'b', 'c'])
    assert.equal(agenda.next, 40)
  })

  it('names it again until another time is set', () => {
    const agenda = new Agenda()
    agenda.set('a', 10)
    agenda.set('b', 11)
    assert.deepEqual(agenda.come(20), ['a', 'b'])
    agenda.set('a', 30)
    agenda.set('b', undefined)
    assert.deepEqual(agenda.come(20), [])
    assert.equal(agenda.next, 30)
    assert.deepEqual(agenda.come(30), ['a'])
  })

  it('takes the last time that was set, earlier or later', () => {
    const agenda = new Agenda()
    agenda.set('a', 10)
    agenda.set('a', 50)
    assert.deepEqual([agenda.come(40), agenda.next], [[], 50])
    agenda.set('a', 5)
    agenda.set('a', undefined)
    assert.deepEqual([agenda.come(100), agenda.next], [[], undefined])
  })

  it('agrees with a list that is searched, whatever is done to it', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h')
    const at = fc.integer({ min: 0, max: 50 })
    const step = fc.oneof(
      fc.record({ name, at: fc.option(at, { nil: undefined }) }),
      fc.record({ now: at }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const agenda = new Agenda()
        const times = new Map<string, number>()
        const come = new Set<string>()
        for (const one of steps) {
          if ('now' in one) {
            for (const [due, time] of times) if (time <= one.now) come.add(due)
            for (const due of come) times.delete(due)
            assert.deepEqual([...agenda.come(one.now)].sort(), [...come].sort())
          } else {
            agenda.set(one.name, one.at)
            come.delete(one.name)
            times.delete(one.name)
            if (one.at !== undefined) times.set(one.name, one.at)
          }
          assert.equal(agenda.next, times.size === 0 ? undefined : Math.min(...times.values()))
        }
      }),
    )
  })
})
