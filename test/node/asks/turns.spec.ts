import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Turns } from '../../../src/node/asks/turns.ts'
import type { Turn } from '../../../src/node/asks/turns.ts'
import { isFailure } from '../../../src/protocol/errors.ts'

interface NamedTurn extends Turn {
  name: string
}

function turnOf(name: string, limits: Partial<Turn> = {}): NamedTurn {
  return { name, owner: name.slice(0, 1), parallel: 2, queue: 3, ...limits }
}

function isBusy(turns: Turns<NamedTurn>, turn: NamedTurn): number | undefined {
  try {
    turns.assertRoom(turn)
    return undefined
  } catch (err) {
    assert.ok(isFailure(err, 'busy'), String(err))
    return err.details.position
  }
}

describe('turns', () => {
  it('are given at once while there are free ones', () => {
    const turns = new Turns<NamedTurn>({ parallel: 2, queue: 8 })
    assert.deepEqual(
      [turnOf('a1'), turnOf('b1')].map((turn) => turns.enter(turn)),
      [true, true],
    )
    assert.equal(turns.enter(turnOf('c1')), false)
    assert.deepEqual([turns.running, turns.waiting], [2, 1])
  })

  it('are no more for one owner than it may have, though others are free', () => {
    const turns = new Turns<NamedTurn>({ parallel: 8, queue: 8 })
    const entered = ['a1', 'a2', 'a3', 'b1'].map((name) => turns.enter(turnOf(name)))
    assert.deepEqual(entered, [true, true, false, true])
    assert.equal(turns.of('a'), 3)
    assert.equal(turns.of('nobody'), 0)
  })

  it('of one owner come in the order they were asked for', () => {
    const turns = new Turns<NamedTurn>({ parallel: 1, queue: 8 })
    const all = ['a1', 'a2', 'a3'].map((name) => turnOf(name))
    for (const turn of all) turns.enter(turn)
    const order = all.map((turn) => {
      turns.leave(turn)
      return turns.next()?.name
    })
    assert.deepEqual(order, ['a2', 'a3', undefined])
  })

  it('go round between owners, whatever each has waiting', () => {
    const turns = new Turns<NamedTurn>({ parallel: 1, queue: 20 })
    const first = turnOf('x1')
    turns.enter(first)
    for (const name of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) {
      turns.enter(turnOf(name, { queue: 9 }))
    }
    const order: string[] = []
    let running: NamedTurn | undefined = first
    while (running !== undefined) {
      turns.leave(running)
      running = turns.next()
      if (running !== undefined) order.push(running.name)
    }
    assert.deepEqual(order, ['a1', 'b1', 'c1', 'a2', 'c2', 'a3'])
  })

  it('pass over an owner that has all it may have, which keeps its place', () => {
    const turns = new Turns<NamedTurn>({ parallel: 2, queue: 20 })
    const [a1, b1] = [turnOf('a1', { parallel: 1 }), turnOf('b1')]
    turns.enter(a1)
    turns.enter(b1)
    for (const name of ['a2', 'c1', 'c2']) turns.enter(turnOf(name, { parallel: 1 }))
    turns.leave(b1)
    assert.equal(turns.next()?.name, 'c1')
    turns.leave(a1)
    assert.equal(turns.next()?.name, 'a2')
    assert.equal(turns.next(), undefined)
  })

  it('can be left while waiting, and the place is free again', () => {
    const turns = new Turns<NamedTurn>({ parallel: 1, queue: 2 })
    const [running, first, second] = [turnOf('a1'), turnOf('b1'), turnOf('b2')]
    for (const turn of [running, first, second]) turns.enter(turn)
    assert.equal(isBusy(turns, turnOf('c1')), 0)
    turns.leave(first)
    assert.equal(isBusy(turns, turnOf('c1')), undefined)
    turns.leave(running)
    assert.equal(turns.next()?.name, 'b2')
    turns.leave(second)
    turns.leave(second)
    assert.deepEqual([turns.running, turns.waiting], [0, 0])
  })

  const rooms: [name: string, parallel: number, queue: number, entered: string[], busy?: number][] =
    [
      ['a free turn', 1, 0, []],
      ['no turn and no place', 1, 0, ['b1'], 0],
      ['a place in the queue', 1, 1, ['b1']],
      ['no place left of all', 1, 1, ['b1', 'c1'], 0],
      ['its own last place', 9, 9, ['a1', 'a2', 'a3', 'a4']],
      ['none of its own left', 9, 9, ['a1', 'a2', 'a3', 'a4', 'a5'], 5],
    ]
  for (const [name, parallel, queue, entered, busy] of rooms) {
    it(`have ${busy === undefined ? 'room' : 'no room'} when there is ${name}`, () => {
      const turns = new Turns<NamedTurn>({ parallel, queue })
      for (const other of entered) turns.enter(turnOf(other))
      assert.equal(isBusy(turns, turnOf('a9')), busy)
    })
  }

  it('have room that is really there: whoever was told so runs or waits within the bounds', () => {
    fc.assert(
      fc.property(bounds(), moves(), ({ parallel, queue, own }, all) => {
        const turns = new Turns<NamedTurn>({ parallel, queue })
        const inside: NamedTurn[] = []
        for (const { leaves, owner } of all) {
          if (leaves !== undefined && inside.length > 0) {
            const [left] = inside.splice(leaves % inside.length, 1)
            if (left !== undefined) turns.leave(left)
            turns.next()
          } else {
            const turn = turnOf(owner, own)
            if (isBusy(turns, turn) !== undefined) continue
            turns.enter(turn)
            inside.push(turn)
          }
          assert.ok(turns.running <= parallel)
          assert.ok(turns.waiting <= queue)
          assert.equal(turns.running + turns.waiting, inside.length)
          for (const name of OWNERS) {
            const count = inside.filter((turn) => turn.owner === name).length
            assert.equal(turns.of(name), count)
            assert.ok(count <= own.parallel + own.queue)
          }
        }
      }),
      { numRuns: 500 },
    )
  })

  it('are fair: no owner that could have one waits while another gets two', () => {
    fc.assert(
      fc.property(bounds(), moves(), ({ parallel, own }, all) => {
        const turns = new Turns<NamedTurn>({ parallel, queue: Infinity })
        const running = new Set<NamedTurn>()
        const waiting: NamedTurn[] = []
        /** For each owner that waits, who has got a turn since while it could have had one. */
        const passed = new Map<string, Set<string>>()
        const mayRun = (owner: string): boolean =>
          [...running].filter((turn) => turn.owner === owner).length < own.parallel
        for (const { leaves, owner } of all) {
          const ends = [...running][leaves ?? -1]
          if (ends === undefined) {
            const turn = turnOf(owner, own)
            if (turns.enter(turn)) running.add(turn)
            else waiting.push(turn)
            continue
          }
          turns.leave(ends)
          running.delete(ends)
          const next = turns.next()
          if (next === undefined) {
            assert.ok(!waiting.some((turn) => mayRun(turn.owner)), 'a turn is free and not given')
            continue
          }
          assert.equal(
            next,
            waiting.find((turn) => turn.owner === next.owner),
          )
          for (const other of OWNERS) {
            if (other === next.owner) continue
            const waits = waiting.some((turn) => turn.owner === other) && mayRun(other)
            const seen = waits ? (passed.get(other) ?? new Set<string>()) : new Set<string>()
            assert.ok(!seen.has(next.owner), `${other} was passed twice`)
            if (waits) seen.add(next.owner)
            passed.set(other, seen)
          }
          passed.set(next.owner, new Set())
          waiting.splice(waiting.indexOf(next), 1)
          running.add(next)
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

const OWNERS = ['a', 'b', 'c', 'd']

function bounds(): fc.Arbitrary<{
  parallel: number
  queue: number
  own: { parallel: number; queue: number }
}> {
  return fc.record({
    parallel: fc.integer({ min: 1, max: 4 }),
    queue: fc.nat({ max: 6 }),
    own: fc.record({ parallel: fc.integer({ min: 1, max: 3 }), queue: fc.nat({ max: 3 }) }),
  })
}

/** Somebody comes, or the one with this number leaves. */
function moves(): fc.Arbitrary<{ owner: string; leaves: number | undefined }[]> {
  const move = fc.record({
    owner: fc.constantFrom(...OWNERS),
    leaves: fc.option(fc.nat({ max: 5 }), { nil: undefined }),
  })
  return fc.array(move, { maxLength: 120, size: 'max' })
}
