import assert from 'node:assert/strict'
import type { KnownPeer } from '../../src/node/pins.ts'
import { BERTS_LOGS, bertsPin } from '../helpers/berts-pin.ts'
import type { Branch } from '../helpers/key-branch.ts'
import { begin, retire, rotate } from '../helpers/key-branch.ts'
import { peerOf } from '../helpers/stub-pins.ts'
import { idOfBranch, keyOf } from '../helpers/test-pins.ts'
import type { TestPins } from '../helpers/test-pins.ts'

const { first, second, stolen } = BERTS_LOGS

describe('the pin of a node', () => {
  const { peer, standing, take, pins } = bertsPin()
  let test: TestPins

  beforeEach(() => {
    test = pins()
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

    for (const [name, shown] of [
      ['a later log', third],
      ['an old one', first],
    ] as const) {
      it(`is shown nothing when it is unpinned while ${name} is taken`, async () => {
        const release = test.holdWrites()
        const taken = take(second)
        const met = test.pins.meet(shown.events, keyOf(shown))
        test.edit([])
        release()
        assert.deepEqual(await met, {})
        await taken
      })
    }

    it('is shown nothing for what is no log', async () => {
      assert.deepEqual(await test.pins.meet([Uint8Array.of(0xff)], keyOf(first)), {})
    })
  })

  function spoiled(branch: Branch): Branch {
    const last = branch.events.at(-1) ?? new Uint8Array()
    const spoilt = last.map((byte, at) => (at === last.length - 1 ? byte ^ 1 : byte))
    return { ...branch, events: [...branch.events.slice(0, -1), spoilt] }
  }
})
