import assert from 'node:assert/strict'
import type { KnownPeer, Peer } from '../../src/node/pins.ts'
import { validateKeyLog } from '../../src/protocol/key-log.ts'
import { MAX_ROTATION_GRACE_SECONDS } from '../../src/protocol/limits.ts'
import type { Branch } from '../helpers/key-branch.ts'
import { begin, recover, retire, rotate } from '../helpers/key-branch.ts'
import { peerOf } from '../helpers/stub-pins.ts'
import { settle } from '../helpers/memory-channel.ts'
import { idOfBranch, keyOf, pinOf, testPins } from '../helpers/test-pins.ts'
import type { TestPins } from '../helpers/test-pins.ts'

const GRACE_MS = 60_000
const YEAR_MS = 365 * 86_400_000

describe('the pin of a node', () => {
  const make = testPins()
  const first = begin('bert')
  const second = rotate(first, 'second', { graceSeconds: GRACE_MS / 1_000 })
  const stolen = rotate(first, 'stolen', { graceSeconds: GRACE_MS / 1_000 })
  const recovered = recover(first, 'recovered')
  const bert = pinOf('bert', first)
  let test: TestPins

  beforeEach(async () => {
    test = await make(bert)
    await take(first)
  })

  async function take({ events }: Branch): Promise<string | undefined> {
    return (await test.pins.take(events))?.kind
  }

  function peer(): Peer | undefined {
    return test.pins.byName('bert')
  }

  /** How whoever holds the key of this branch stands. */
  function standing(branch: Branch): string {
    const found = test.pins.byKey(keyOf(branch))
    if (found === undefined) return 'unknown'
    assert.equal(found.pin, bert)
    return found.superseded === true ? 'superseded' : 'in force'
  }

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
      test.edit([bert])
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
      test.edit([bert])
      assert.equal(standing(first), 'unknown', 'also by a clock that was set back')
    })
  }

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

  it('is taken back from a thief with the rotation key', async () => {
    await take(stolen)
    assert.equal(peer()?.key, keyOf(stolen))
    assert.equal(await take(recovered), 'recovered')
    assert.deepEqual([standing(stolen), standing(first)], ['unknown', 'unknown'])
    assert.equal(standing(recovered), 'in force')
    assert.equal(await take(stolen), 'older')
    assert.equal(peer()?.key, keyOf(recovered))
    assert.equal(peer()?.frozen, false)
  })

  describe('with two logs', () => {
    beforeEach(async () => {
      await take(second)
      assert.equal(await take(stolen), 'forked')
    })

    it('is frozen, stays with the first, and knows no key of the other', () => {
      assert.equal(peer()?.frozen, true)
      assert.equal(test.pins.byKey(keyOf(second))?.frozen, true)
      assert.equal(test.pins.byKey(keyOf(first))?.frozen, true)
      assert.deepEqual([standing(second), standing(stolen)], ['in force', 'unknown'])
    })

    it('is frozen after a restart', async () => {
      await test.restart()
      assert.equal(peer()?.frozen, true)
      assert.equal(standing(second), 'in force')
    })

    it('stays frozen whatever either key makes of it', async () => {
      for (const log of [second, stolen, rotate(second, 'third'), rotate(stolen, 'worse')]) {
        await take(log)
        assert.equal(peer()?.frozen, true)
        assert.equal(peer()?.key, keyOf(second))
      }
    })

    it('is not frozen any more when the recovery key has spoken', async () => {
      assert.equal(await take(recovered), 'recovered')
      assert.equal(peer()?.frozen, false)
      for (const old of [first, second, stolen]) assert.equal(standing(old), 'unknown')
      assert.equal(standing(recovered), 'in force')
    })
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
    test.edit([bert])
    assert.equal(await take(first), 'older')
    assert.equal(peer()?.key, keyOf(second))
  })

  describe('where none has the id of a log', () => {
    const other = rotate(begin('other'), 'other key')

    it('takes nothing of it, whoever shows it', async () => {
      assert.equal(await take(other), undefined)
      assert.equal(await test.pins.learn(other.events, keyOf(other)), undefined)
      assert.deepEqual(await test.pins.meet(other.events, keyOf(other)), {})
      assert.equal(test.pins.keysOf(idOfBranch(other)), undefined)
      assert.deepEqual(await test.stored(), [idOfBranch(first)])
    })
  })

  describe('whose log the holder of a key shows', () => {
    async function learn(shown: Branch, by = shown): Promise<KnownPeer | undefined> {
      return await test.pins.learn(shown.events, keyOf(by))
    }

    it('follows when the key is in force in it', async () => {
      assert.equal((await learn(second))?.key, keyOf(second))
      assert.equal(standing(first), 'superseded')
    })

    const refused: [name: string, shown: Branch, by: Branch][] = [
      ['the key is that before', second, first],
      ['the key is another', second, stolen],
      ['the log has ended', retire(first), first],
    ]
    for (const [name, shown, by] of refused) {
      it(`does not when ${name}`, async () => {
        assert.equal(await learn(shown, by), undefined)
        assert.equal(standing(first), 'in force')
        assert.equal(peer()?.key, keyOf(first))
      })
    }

    it('does not when its last event is not signed', async () => {
      const [begun = new Uint8Array(), rotation = new Uint8Array()] = second.events
      const spoiled = rotation.map((byte, at) => (at === rotation.length - 1 ? byte ^ 1 : byte))
      assert.equal(await learn({ ...second, events: [begun, spoiled] }), undefined)
      assert.equal(peer()?.key, keyOf(first))
    })

    it('does not for a log that contradicts it, and is frozen', async () => {
      await learn(second)
      assert.equal(await learn(stolen), undefined)
      assert.deepEqual([peer()?.key, peer()?.frozen], [keyOf(second), true])
    })

    it('does not for an older one, though its key was in force then', async () => {
      await learn(second)
      assert.equal(await learn(first), undefined)
      assert.equal(peer()?.key, keyOf(second))
    })

    it('does not put an id in the place of a bare key for a log that is not signed', async () => {
      test.edit([peerOf('bert', { key: keyOf(first) }).pin])
      const [event = new Uint8Array()] = first.events
      const spoiled = event.map((byte, at) => (at === event.length - 1 ? byte ^ 1 : byte))
      assert.equal(await learn({ ...first, events: [spoiled] }), undefined)
      assert.equal(peer()?.pin.id, undefined)
    })

    for (const [name, key, taken] of [
      ['has in force', keyOf(second), true],
      ['had before', keyOf(first), false],
    ] as const) {
      it(`${taken ? 'follows' : 'does not follow'} from a bare key that the log ${name}`, async () => {
        test.edit([peerOf('bert', { key }).pin])
        const learnt = await learn(second)
        assert.equal(learnt?.key, taken ? keyOf(second) : undefined)
        assert.equal(peer()?.id, taken ? idOfBranch(first) : undefined)
      })
    }
  })

  describe('whose node shows another log of its own than is held', () => {
    const third = rotate(second, 'third')
    const cases: [name: string, shown: Branch, by: Branch, instead: boolean][] = [
      ['an old one, under the key that was in force then', first, first, true],
      ['one rotation behind, under the key of the copy', second, second, true],
      ['another branch, under its key', stolen, stolen, true],
      ['another branch under a later key', stolen, third, false],
      ['the one that is held', third, third, false],
      ['an old one under a later key', first, second, false],
      ['an old one under another key', first, stolen, false],
      ['an event that is not signed', spoiled(stolen), stolen, false],
    ]
    for (const [name, shown, by, instead] of cases) {
      it(`${instead ? 'is shown what is held' : 'is shown nothing of it'}: ${name}`, async () => {
        await take(third)
        const met = await test.pins.meet(shown.events, keyOf(by))
        assert.deepEqual(met.instead, instead ? third.events : undefined)
        assert.equal(met.peer?.key, shown === third ? keyOf(third) : undefined)
      })
    }

    it('is shown also an end', async () => {
      await take(retire(second))
      const { instead } = await test.pins.meet(second.events, keyOf(second))
      assert.deepEqual(instead, retire(second).events)
    })

    it('is shown nothing when it is unpinned meanwhile', async () => {
      const release = test.holdWrites()
      const met = test.pins.meet(second.events, keyOf(second))
      test.edit([])
      release()
      assert.deepEqual(await met, {})
    })

    it('is shown nothing for what is no log', async () => {
      assert.deepEqual(await test.pins.meet([Uint8Array.of(0xff)], keyOf(first)), {})
    })
  })

  function spoiled(branch: Branch): Branch {
    const last = branch.events.at(-1) ?? new Uint8Array()
    const spoilt = last.map((byte, at) => (at === last.length - 1 ? byte ^ 1 : byte))
    return { ...branch, events: [...branch.events.slice(0, -1), spoilt] }
  }

  describe('that is frozen', () => {
    const head = ({ events }: Branch): Uint8Array => validateKeyLog(events).head

    beforeEach(async () => {
      await take(second)
      await take(stolen)
      assert.equal(peer()?.frozen, true)
    })

    for (const [name, kept] of [
      ['what is held', second],
      ['what stands against it', stolen],
    ] as const) {
      it(`is settled on ${name}, and stays so after a restart`, async () => {
        let changes = 0
        test.pins.onChange(() => changes++)
        test.pins.onKeyLogChange(() => assert.fail('nobody has shown anything'))
        assert.equal(await test.pins.settle(idOfBranch(first), head(kept)), true)
        assert.equal(changes, 1)
        for (let i = 0; i < 2; i++) {
          assert.deepEqual([peer()?.key, peer()?.frozen], [keyOf(kept), false])
          assert.deepEqual(test.keyLogs.get(idOfBranch(first))?.held.events, kept.events)
          await test.restart()
        }
      })
    }

    it('is not settled on another event, nor when it is not pinned', async () => {
      for (const branch of [first, rotate(second, 'third')]) {
        assert.equal(await test.pins.settle(idOfBranch(first), head(branch)), false)
      }
      test.edit([])
      assert.equal(await test.pins.settle(idOfBranch(first), head(second)), false)
      test.edit([bert])
      assert.equal(peer()?.frozen, true)
    })

    it('is settled once', async () => {
      assert.equal(await test.pins.settle(idOfBranch(first), head(second)), true)
      assert.equal(await test.pins.settle(idOfBranch(first), head(second)), false)
      assert.equal(peer()?.key, keyOf(second))
    })
  })
})
