import assert from 'node:assert/strict'
import { validateKeyLog } from '../../src/protocol/key-log.ts'
import type { HeldKeyLog } from '../../src/protocol/key-log-judge.ts'
import type { Branch } from '../helpers/key-branch.ts'
import { begin, recover, retire, rotate } from '../helpers/key-branch.ts'
import { settle } from '../helpers/memory-channel.ts'
import { idOfBranch, keyOf, testPins } from '../helpers/test-pins.ts'
import type { TestPins } from '../helpers/test-pins.ts'

const HOUR_MS = 3_600_000

describe('key logs of other nodes', () => {
  const make = testPins()
  const first = begin('bert')
  const second = rotate(first, 'second', { graceSeconds: 60 })
  const third = rotate(second, 'third')
  /** What somebody makes of the first log who has stolen its rotation key. */
  const stolen = rotate(first, 'stolen')
  const id = idOfBranch(first)
  let test: TestPins

  beforeEach(async () => {
    test = await make()
  })

  /** What comes of a log that is shown. */
  async function kindOf({ events }: Branch): Promise<string> {
    return (await test.keyLogs.take(events)).kind
  }

  function held(): HeldKeyLog {
    return test.keyLogs.get(id)?.held ?? { events: [], seenAt: [] }
  }

  it('are none before one is shown', () => {
    assert.equal(test.keyLogs.get(id), undefined)
  })

  it('grow by what is shown, and never shrink', async () => {
    assert.equal(await kindOf(first), 'new')
    assert.equal(await kindOf(third), 'grown')
    assert.equal(await kindOf(second), 'older')
    assert.equal(await kindOf(third), 'same')
    assert.deepEqual(held().events, third.events)
    assert.equal(test.keyLogs.get(id)?.key, keyOf(third))
  })

  it('are what they were after a restart, with the times when each event was first seen', async () => {
    const began = test.clock.now()
    await kindOf(first)
    test.clock.advance(1_000)
    await kindOf(second)
    test.clock.advance(1_000)
    const before = test.keyLogs.get(id)
    await test.restart()
    test.clock.advance(1_000)
    assert.deepEqual(test.keyLogs.get(id), before)
    await kindOf(third)
    assert.deepEqual(held().seenAt, [began, began + 1_000, began + 3_000])
    assert.deepEqual(await test.stored(), [id])
  })

  it('are written once: what is held already waits for no disk', async () => {
    await kindOf(third)
    await kindOf(stolen)
    test.holdWrites()
    assert.equal(await kindOf(third), 'same')
    assert.equal(await kindOf(first), 'older')
    assert.equal(await kindOf(stolen), 'forked')
  })

  it('are taken when they are on disk, and not before', async () => {
    const release = test.holdWrites()
    const done: string[] = []
    const [shown, again] = [kindOf(second), kindOf(second)]
    for (const taken of [shown, again]) void taken.then((kind) => done.push(kind))
    await settle()
    assert.deepEqual(done, [])
    release()
    assert.deepEqual(await Promise.all([shown, again]), ['new', 'same'])
    assert.deepEqual(await test.stored(), [id])
  })

  it('are not taken when the disk refuses them, however often they are shown', async () => {
    test.failWrites()
    for (let i = 0; i < 2; i++) {
      await assert.rejects(test.keyLogs.take(first.events), { code: 'store-failed' })
    }
    assert.deepEqual(await test.stored(), [])
  })

  it('that are shown at once are judged in turn', async () => {
    await kindOf(first)
    assert.deepEqual(await Promise.all([kindOf(second), kindOf(stolen)]), ['grown', 'forked'])
    await test.restart()
    assert.deepEqual(held().events, second.events)
    assert.deepEqual(held().conflict, stolen.events.slice(1))
    assert.equal(test.keyLogs.get(id)?.frozen, true)
  })

  const malformed: [name: string, events: Uint8Array[]][] = [
    ['without an event', []],
    ['that is no log', [Uint8Array.of(0xff)]],
    ['with a signature that is not valid', [...first.events, spoiled(second.events[1])]],
    ['with an event that is not signed by its rotation key', forged()],
  ]
  for (const [name, events] of malformed) {
    it(`are not changed by one ${name}`, async () => {
      await assert.rejects(test.keyLogs.take(events), { code: 'malformed' })
      assert.deepEqual(await test.stored(), [])
      await kindOf(first)
      await assert.rejects(test.keyLogs.take(events), { code: 'malformed' })
      assert.deepEqual(held().events, first.events)
    })
  }

  it('are recovered within the window, by the clock of this node', async () => {
    await kindOf(stolen)
    test.clock.advance(72 * HOUR_MS - 1)
    assert.equal(await kindOf(recover(first, 'recovered')), 'recovered')
    assert.equal(test.keyLogs.get(id)?.key, keyOf(recover(first, 'recovered')))
  })

  it('are frozen by a recovery after it, also when this node was off meanwhile', async () => {
    await kindOf(stolen)
    test.clock.advance(72 * HOUR_MS)
    await test.restart()
    assert.equal(await kindOf(recover(first, 'recovered')), 'forked')
    await test.restart()
    assert.deepEqual(held().conflict, recover(first, 'recovered').events.slice(1))
    const { frozen, key } = test.keyLogs.get(id) ?? {}
    assert.deepEqual([key, frozen], [keyOf(stolen), true])
  })

  describe('that are frozen', () => {
    const late = recover(first, 'recovered')

    beforeEach(async () => {
      await kindOf(stolen)
      test.clock.advance(72 * HOUR_MS)
      await kindOf(late)
    })

    async function settled({ events }: Branch): Promise<boolean> {
      return await test.keyLogs.settle(id, validateKeyLog(events).head)
    }

    it('are settled by a person, on disk, with the times when events were first seen', async () => {
      const seenAt = held().seenAt
      test.clock.advance(5_000)
      assert.equal(await settled(late), true)
      await test.restart()
      assert.deepEqual(held(), {
        events: late.events,
        seenAt: [seenAt[0], test.clock.now()],
        confirmed: 2,
      })
      assert.equal(await kindOf(stolen), 'older')
      assert.equal(await kindOf(rotate(late, 'next')), 'grown')
    })

    it('are what they were, and no longer frozen, when that is what the person says', async () => {
      const { events, seenAt } = held()
      assert.equal(await settled(stolen), true)
      await test.restart()
      assert.deepEqual(held(), { events, seenAt, confirmed: 2 })
      assert.equal(await kindOf(rotate(stolen, 'next')), 'grown')
      assert.equal(await kindOf(late), 'forked')
    })

    it('stay settled, also over a restart, whatever the stolen rotation key makes beside them', async () => {
      await settled(stolen)
      const kept = rotate(stolen, 'next')
      await kindOf(kept)
      await test.restart()
      for (const other of [second, rotate(first, 'another'), retire(first)]) {
        assert.equal(await kindOf(other), 'older')
        assert.equal(test.keyLogs.get(id)?.frozen, false)
      }
      assert.deepEqual(held().events, kept.events)
      // What came after that, nobody has confirmed.
      assert.equal(await kindOf(rotate(stolen, 'beside it')), 'forked')
    })

    it('are in question again once the recovery key speaks, and settled again by a person', async () => {
      await settled(stolen)
      assert.equal(await kindOf(second), 'older')
      assert.equal(await kindOf(late), 'forked')
      assert.equal(await kindOf(second), 'older', 'that one is decided all the same')
      assert.deepEqual(held().conflict, late.events.slice(1))
      assert.equal(await settled(late), true)
      assert.deepEqual(held().confirmed, 2)
      assert.equal(await kindOf(stolen), 'older')
    })

    it('are confirmed no further than a recovery has left them', async () => {
      const longer = rotate(stolen, 'third')
      await kindOf(late)
      await settled(stolen)
      await kindOf(longer)
      await kindOf(rotate(stolen, 'beside it'))
      assert.equal(await settled(longer), true)
      assert.equal(held().confirmed, 3)
      const back = recover(stolen, 'back')
      assert.equal(await kindOf(back), 'recovered')
      assert.equal(held().confirmed, 2)
      assert.equal(await kindOf(longer), 'older')
    })

    it('are not settled by another event, nor when the disk refuses', async () => {
      for (const branch of [first, rotate(stolen, 'next')])
        assert.equal(await settled(branch), false)
      assert.equal(test.keyLogs.get(id)?.frozen, true)
      test.failWrites()
      await assert.rejects(settled(late), { code: 'store-failed' })
      await test.restart()
      assert.equal(test.keyLogs.get(id)?.frozen, true)
    })

    it('are not settled when they are not, nor when there are none', async () => {
      assert.equal(await settled(late), true)
      assert.equal(await settled(late), false)
      const head = validateKeyLog(first.events).head
      assert.equal(await test.keyLogs.settle(idOfBranch(begin('other')), head), false)
    })
  })

  describe('say which key has been superseded', () => {
    it('and until when it has its grace, from when its successor was first seen', async () => {
      await kindOf(first)
      assert.equal(test.keyLogs.get(id)?.superseded, undefined)
      test.clock.advance(5_000)
      await kindOf(second)
      const until = test.clock.now() + 60_000
      test.clock.advance(5_000)
      await kindOf(second)
      assert.deepEqual(test.keyLogs.get(id)?.superseded, { key: keyOf(first), until })
    })

    const none: [name: string, last: Branch][] = [
      ['a rotation without grace', rotate(second, 'third')],
      ['a compromise', rotate(second, 'third', { why: 'compromise' })],
      ['a recovery', recover(second, 'third')],
      ['an end', retire(second)],
    ]
    for (const [name, last] of none) {
      it(`and none after ${name}, nor the one before it`, async () => {
        await kindOf(last)
        assert.equal(test.keyLogs.get(id)?.superseded, undefined)
      })
    }
  })

  /** A rotation that somebody made without the rotation key. */
  function forged(): Uint8Array[] {
    const other = rotate({ ...first, rotationSeed: first.recoverySeed }, 'thief')
    return other.events
  }

  function spoiled(event: Uint8Array = new Uint8Array()): Uint8Array {
    return event.map((byte, at) => (at === event.byteLength - 1 ? byte ^ 1 : byte))
  }
})
