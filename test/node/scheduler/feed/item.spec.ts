import assert from 'node:assert/strict'
import {
  begun,
  ended,
  failed,
  isOpen,
  itemSchema,
  released,
  verdictOf,
} from '../../../../src/node/scheduler/feed/item.ts'
import type { Item } from '../../../../src/node/scheduler/feed/item.ts'

const item: Item = {
  ...{ item: 'ab'.repeat(32), job: 'digest', name: 'a.md', sizeBytes: 5, takenAt: 1 },
  ...{ state: 'waiting', turn: 0, failures: 0 },
}
const failure = { code: 'program-failed', why: 'exit code 3' }
const at = { now: 9, quarantineAfter: 2, turn: 7 }

describe('what a failure says of an item', () => {
  for (const [code, inHand, verdict] of [
    ['program-failed', true, 'again'],
    ['internal', true, 'again'],
    ['deadline', true, 'again'],
    ['interrupted', true, 'again'],
    ['cancelled', true, 'again'],
    ['program-failed', false, 'elsewhere'],
    ['internal', false, 'elsewhere'],
    ['unreachable', true, 'elsewhere'],
    ['connection-lost', true, 'elsewhere'],
    ['denied', true, 'elsewhere'],
    ['busy', true, 'elsewhere'],
    ['budget-exhausted', true, 'elsewhere'],
    ['breaker-open', true, 'elsewhere'],
    ['bad-request', false, 'never'],
    ['too-large', true, 'never'],
  ] as const) {
    it(`is "${verdict}" for ${code}, ${inHand ? 'in hand' : 'before it was in hand'}`, () => {
      assert.equal(verdictOf(code, inHand), verdict)
    })
  }
})

describe('the life of an item', () => {
  it('has a run and an ask while it is under way', () => {
    assert.deepEqual(begun(item, 'r1', 'a1'), { ...item, state: 'underway', run: 'r1', ask: 'a1' })
  })

  it('ends done, without its ask', () => {
    const done = ended(begun(item, 'r1', 'a1'), 'done', 9)
    assert.deepEqual(done, { ...item, state: 'done', run: 'r1', endedAt: 9 })
    assert.ok(!isOpen(done))
  })

  it('goes to the end of the queue when it fails, and is set aside the last time', () => {
    const once = failed(begun(item, 'r1', 'a1'), failure, 'again', at)
    const why = { ...failure, at: 9 }
    assert.deepEqual(once, { ...item, run: 'r1', turn: 7, failures: 1, failure: why })
    const twice = failed(begun(once, 'r2', undefined), failure, 'again', at)
    assert.deepEqual([twice.state, twice.failures, twice.endedAt], ['quarantined', 2, 9])
    assert.ok(isOpen(twice))
  })

  it('is set aside at once when it will never do better', () => {
    assert.equal(failed(begun(item, 'r1', undefined), failure, 'never', at).state, 'quarantined')
  })

  it('keeps its turn and its chances when it is not to blame', () => {
    const after = failed(begun(item, 'r1', 'a1'), failure, 'elsewhere', at)
    assert.deepEqual(after, { ...item, run: 'r1' })
  })

  it('gets all its chances again when it is released, at the end of the queue', () => {
    const aside = failed(begun(item, 'r1', undefined), failure, 'never', at)
    const again = released(aside, 8)
    assert.deepEqual([again.state, again.failures, again.turn], ['waiting', 0, 8])
    assert.equal(again.endedAt, undefined)
    assert.equal(again.failure?.code, 'program-failed')
  })

  it('is at each step what the store takes', () => {
    const steps = [item, begun(item, 'r', 'a'), ended(item, 'discarded', 1)]
    for (const step of [...steps, failed(item, failure, 'never', at)]) itemSchema.parse(step)
  })
})
