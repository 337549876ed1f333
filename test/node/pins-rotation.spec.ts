import assert from 'node:assert/strict'
import {
  DEFAULT_RECOVERY_WINDOW_HOURS,
  MAX_ROTATION_GRACE_SECONDS,
} from '../../src/protocol/limits.ts'
import { BERT, BERTS_LOGS, GRACE_MS, bertsPin } from '../helpers/berts-pin.ts'
import type { Branch } from '../helpers/key-branch.ts'
import { recover, retire, rotate } from '../helpers/key-branch.ts'
import { settle } from '../helpers/memory-channel.ts'
import { idOfBranch, keyOf } from '../helpers/test-pins.ts'
import type { TestPins } from '../helpers/test-pins.ts'

const YEAR_MS = 365 * 86_400_000
const WINDOW_MS = DEFAULT_RECOVERY_WINDOW_HOURS * 3_600_000

const { first, second, stolen, recovered } = BERTS_LOGS

describe('the pin of a node', () => {
  const { peer, standing, take, pins } = bertsPin()
  let test: TestPins

  beforeEach(() => {
    test = pins()
  })

  describe('that rotates', () => {
    it('follows, and knows the key before for its grace', async () => {
      assert.equal(await take(second), 'grown')
      assert.equal(peer()?.key, keyOf(second))
      assert.deepEqual([standing(first), standing(second)], ['superseded', 'in force'])
      const old = test.pins.byKey(keyOf(first))
      assert.deepEqual([old?.id, old?.key], [idOfBranch(first), keyOf(first)])
      test.clock.advance(GRACE_MS - 1)
      assert.equal(standing(first), 'superseded')
      test.clock.advance(1)
      assert.deepEqual([standing(first), standing(second)], ['unknown', 'in force'])
    })

    it('is told of when its grace ends', async () => {
      await take(second)
      let told = 0
      test.pins.onChange(() => told++)
      test.clock.advance(GRACE_MS - 1)
      assert.equal(told, 0)
      test.clock.advance(1)
      assert.equal(told, 1)
      assert.equal(test.clock.timers, 0)
    })

    it('does not know the key before any longer when the timer is late', async () => {
      let late: string | undefined
      test.clock.after(GRACE_MS, () => (late = standing(first)))
      await take(second)
      test.clock.advance(GRACE_MS)
      assert.equal(late, 'unknown')
    })

    it('goes on with the rest of the grace after a restart', async () => {
      await take(second)
      test.clock.advance(GRACE_MS - 1)
      await test.restart()
      assert.deepEqual([standing(first), standing(second)], ['superseded', 'in force'])
      test.clock.advance(1)
      assert.equal(standing(first), 'unknown')
    })

    it('does not know the key before when the grace ended while this node was off', async () => {
      await take(second)
      await test.pins.stop()
      test.clock.advance(GRACE_MS)
      await test.restart()
      assert.deepEqual([standing(first), standing(second)], ['unknown', 'in force'])
    })

    it('begins no grace anew when the log is shown again', async () => {
      await take(second)
      test.clock.advance(GRACE_MS - 1)
      assert.equal(await take(second), 'same')
      test.clock.advance(1)
      assert.equal(standing(first), 'unknown')
    })

    it('twice, knows only the last key before', async () => {
      await take(rotate(second, 'third', { graceSeconds: 1 }))
      assert.deepEqual([standing(first), standing(second)], ['unknown', 'superseded'])
    })

    it('sets no timer that is longer than any grace, whatever the clock says', async () => {
      const waits: number[] = []
      const { clock } = test
      const after = clock.after.bind(clock)
      clock.after = (ms, run) => {
        waits.push(ms)
        return after(ms, run)
      }
      await take(second)
      clock.advance(-YEAR_MS)
      test.edit([BERT])
      assert.deepEqual(waits, [GRACE_MS, MAX_ROTATION_GRACE_SECONDS * 1_000])
      assert.equal(standing(first), 'superseded')
    })

    it('leaves no timer when this node stops', async () => {
      await take(second)
      assert.equal(test.clock.timers, 1)
      await test.pins.stop()
      assert.equal(test.clock.timers, 0)
    })
  })

  const stolenKey: [name: string, after: Branch][] = [
    ['after a compromise', rotate(first, 'second', { why: 'compromise' })],
    ['that is recovered', recovered],
  ]
  for (const [name, after] of stolenKey) {
    it(`${name} does not know the key before, not for a moment`, async () => {
      assert.equal(await take(after), 'grown')
      assert.deepEqual([standing(first), standing(after)], ['unknown', 'in force'])
      test.clock.advance(-YEAR_MS)
      test.edit([BERT])
      assert.equal(standing(first), 'unknown', 'also by a clock that was set back')
    })
  }

  it('leaves no timer when its log changes while this node stops', async () => {
    const release = test.holdWrites()
    const taken = take(first)
    const stopped = test.pins.stop()
    const late = take(second)
    release()
    await Promise.all([taken, stopped, late])
    assert.equal(test.clock.timers, 0)
  })

  it('does not know a stolen key any more, also when the disk refuses the log that says so', async () => {
    test.failWrites()
    const after = rotate(first, 'second', { why: 'compromise' })
    await assert.rejects(test.pins.take(after.events), { code: 'store-failed' })
    assert.deepEqual([standing(first), standing(after)], ['unknown', 'in force'])
  })

  it('is told of before this node has stopped, so that it is news to somebody', async () => {
    const release = test.holdWrites()
    const done: string[] = []
    test.pins.onKeyLogChange(() => done.push('told'))
    const taken = take(second)
    const stopped = test.pins.stop().then(() => done.push('stopped'))
    await settle()
    assert.deepEqual(done, [])
    release()
    await Promise.all([taken, stopped])
    assert.deepEqual(done, ['told', 'stopped'])
  })

  it('that has retired has no key, and waits for none', async () => {
    await take(second)
    assert.equal(await take(retire(second)), 'grown')
    assert.deepEqual([peer()?.key, peer()?.retired], [undefined, true])
    assert.equal(test.pins.waiting, false)
    for (const old of [first, second]) assert.equal(standing(old), 'unknown')
    await test.restart()
    assert.equal(peer()?.retired, true)
    assert.equal(await take(recover(second, 'recovered')), 'recovered')
    assert.deepEqual([peer()?.retired, standing(recover(second, 'recovered'))], [false, 'in force'])
  })

  it('that has retired may return for as long as that can be undone, also after a restart', async () => {
    await take(retire(first))
    assert.equal(peer()?.mayReturn, true)
    test.clock.advance(WINDOW_MS - 1)
    await test.restart()
    assert.equal(peer()?.mayReturn, true)
    let told = 0
    test.pins.onChange(() => told++)
    test.clock.advance(1)
    assert.deepEqual([told, peer()?.retired, peer()?.mayReturn], [1, true, undefined])
    assert.equal(test.clock.timers, 0)
  })

  it('that has retired by its recovery key does not return', async () => {
    await take(retire(first, 'recovery'))
    assert.deepEqual([peer()?.retired, peer()?.mayReturn], [true, undefined])
    assert.equal(test.clock.timers, 0)
  })

  it('tells of each change of its log, and of nothing else', async () => {
    const told: [peer: string, kind: string, before: number | undefined, after: number][] = []
    const stop = test.pins.onKeyLogChange(({ pin }, { after, before, kind }) => {
      assert.equal(peer()?.key, after.key, 'told when it counts')
      told.push([pin.name, kind, before?.state.sn, after.state.sn])
    })
    for (const log of [first, second, second, first, stolen, stolen, recovered]) await take(log)
    stop()
    await take(rotate(recovered, 'later'))
    assert.deepEqual(told, [
      ['bert', 'grown', 0, 1],
      ['bert', 'forked', 1, 1],
      ['bert', 'recovered', 1, 1],
    ])
  })

  it('tells the next of who is told when one fails, and is followed all the same', async () => {
    const told: string[] = []
    const stop = test.pins.onKeyLogChange(() => {
      throw new RangeError('of a listener')
    })
    test.pins.onKeyLogChange((_, { kind }) => told.push(kind))
    const since = test.log.lines.length
    const errors = (): string[] => {
      const lines = test.log.lines.slice(since)
      return lines.filter(({ level }) => Number(level) >= 50).map(({ msg }) => msg)
    }
    assert.equal(await take(second), 'grown')
    assert.deepEqual([told, standing(second)], [['grown'], 'in force'])
    assert.deepEqual(errors(), ['key log change not acted on'])
    stop()
    await take(rotate(second, 'third'))
    assert.deepEqual([told.length, errors().length], [2, 1])
  })

  it('that is removed leaves what was held, so that no old log is taken when it is back', async () => {
    await take(second)
    test.edit([])
    assert.deepEqual([standing(first), standing(second)], ['unknown', 'unknown'])
    assert.equal(test.pins.keysOf(idOfBranch(first)), undefined)
    test.edit([BERT])
    assert.equal(await take(first), 'older')
    assert.equal(peer()?.key, keyOf(second))
  })
})
