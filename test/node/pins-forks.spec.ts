import assert from 'node:assert/strict'
import { validateKeyLog } from '../../src/protocol/key-log.ts'
import { BERT, BERTS_LOGS, bertsPin } from '../helpers/berts-pin.ts'
import type { Branch } from '../helpers/key-branch.ts'
import { rotate } from '../helpers/key-branch.ts'
import { idOfBranch, keyOf } from '../helpers/test-pins.ts'
import type { TestPins } from '../helpers/test-pins.ts'

const { first, second, stolen, recovered } = BERTS_LOGS

describe('the pin of a node', () => {
  const { peer, standing, take, pins } = bertsPin()
  let test: TestPins

  beforeEach(() => {
    test = pins()
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
      test.edit([BERT])
      assert.equal(peer()?.frozen, true)
    })

    it('is settled once', async () => {
      assert.equal(await test.pins.settle(idOfBranch(first), head(second)), true)
      assert.equal(await test.pins.settle(idOfBranch(first), head(second)), false)
      assert.equal(peer()?.key, keyOf(second))
    })
  })
})
