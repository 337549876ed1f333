import assert from 'node:assert/strict'
import { askId } from '../../helpers/ask-calls.ts'
import { codeOf, readAnswer } from '../../helpers/ask-home.ts'
import { settle } from '../../helpers/memory-channel.ts'
import { BERT, allowed, askerOf, testAnswerers } from '../../helpers/test-answerer.ts'
import type { TestAnswerer } from '../../helpers/test-answerer.ts'

describe('an ask that is answered here', () => {
  const all = testAnswerers()
  let test: TestAnswerer

  beforeEach(() => {
    test = all()
  })

  describe('is cancelled', () => {
    it('while it runs, and the agent hears of it', async () => {
      const reading = readAnswer(await test.ask(1))
      await settle()
      const record = await test.answerer.cancel(BERT.id, askId(1))
      assert.equal(record.state, 'cancelled')
      assert.deepEqual(record.final, { outcome: 'failed', code: 'cancelled', details: {} })
      assert.deepEqual((await reading).final, record.final)
    })

    it('while it waits, and never runs', async () => {
      await test.ask(1)
      const reading = readAnswer(await test.ask(2))
      assert.equal((await test.answerer.cancel(BERT.id, askId(2))).state, 'cancelled')
      assert.equal(codeOf((await reading).final), 'cancelled')
      test.agent.release()
      await test.finalOf(1)
      assert.equal(test.agent.runs.length, 1)
      assert.deepEqual(await test.home.steps(askId(2)), ['queued', 'cancelled'])
    })

    it('once, however often that is asked at once', async () => {
      await test.ask(1)
      await test.ask(2)
      const cancel = (nth: number): Promise<unknown> => test.answerer.cancel(BERT.id, askId(nth))
      await Promise.all([cancel(1), cancel(2), cancel(1), cancel(2)])
      assert.deepEqual([await test.finalOf(1), await test.finalOf(2)], ['cancelled', 'cancelled'])
      assert.deepEqual(await test.home.steps(askId(2)), ['queued', 'cancelled'])
      assert.deepEqual((await test.home.steps(askId(1))).at(-1), 'cancelled')
    })

    it('and can be read, and asked again, while its final is written', async () => {
      await test.ask(1)
      await test.ask(2)
      const cancelling = test.answerer.cancel(BERT.id, askId(2))
      const readers = [test.answerer.attach(BERT.id, askId(2)), await test.ask(2)]
      for (const reader of readers) {
        assert.equal(codeOf((await readAnswer(reader)).final), 'cancelled')
      }
      await cancelling
    })

    it('to no effect when it has ended', async () => {
      test.agent.release()
      const { final } = await readAnswer(await test.ask(1))
      const record = await test.answerer.cancel(BERT.id, askId(1))
      assert.deepEqual(record.final, final)
      assert.equal(record.state, 'done')
    })

    it('with all others of an asker that is not served any more', async () => {
      const carol = askerOf('carol')
      await test.ask(1)
      await test.ask(2)
      await test.ask(3, {}, carol)
      test.standing = (id) => (id === BERT.id ? undefined : allowed(carol))
      await test.answerer.review()
      assert.deepEqual([await test.finalOf(1), await test.finalOf(2)], ['cancelled', 'cancelled'])
      test.agent.release()
      assert.equal(await test.finalOf(3, carol), 'done')
    })
  })

  describe('waits while its grant changes', () => {
    const denied = (rule: string) => ({ outcome: 'failed', code: 'denied', details: { rule } })

    it('and never runs when it may not be asked any more at its turn', async () => {
      await test.ask(1)
      const reading = readAnswer(await test.ask(2))
      test.standing = () => ({ asker: BERT, deniedBy: 'until' })
      test.agent.release()
      assert.deepEqual((await reading).final, denied('until'))
      assert.equal(await test.finalOf(1), 'done')
      assert.equal(test.agent.runs.length, 1)
      assert.deepEqual(await test.home.steps(askId(2)), ['queued', 'refused'])
      assert.deepEqual(test.answerer.counts, { running: 0, queued: 0 })
    })

    it('and runs under the grant in force at its turn', async () => {
      const before = askerOf('bert', { preset: 'full', approve: [] })
      await test.ask(1, {}, before)
      const reading = readAnswer(await test.ask(2, {}, before))
      test.standing = () => allowed(askerOf('bert', { preset: 'read-only', approve: ['write'] }))
      test.agent.release()
      assert.equal(codeOf((await reading).final), 'done')
      assert.deepEqual(
        test.agent.runs.map(({ approve, presets }) => [...presets, approve]),
        [
          ['full', []],
          ['read-only', ['write']],
        ],
      )
    })

    it('and ends as soon as the pins say so, while what runs goes on', async () => {
      await test.ask(1)
      const reading = readAnswer(await test.ask(2))
      await test.ask(3, {}, askerOf('carol'))
      const before = test.standing
      test.standing = (id) => (id === BERT.id ? { asker: BERT, deniedBy: 'allow' } : before(id))
      await test.answerer.review()
      assert.deepEqual((await reading).final, denied('allow'))
      assert.equal(test.answerer.find(BERT.id, askId(1))?.final, undefined)
      assert.deepEqual(test.answerer.counts, { running: 1, queued: 1 })
      test.agent.release()
      assert.deepEqual(
        [await test.finalOf(1), await test.finalOf(3, askerOf('carol'))],
        ['done', 'done'],
      )
    })

    it('and stays where it is when nothing is taken from it', async () => {
      await test.ask(1)
      await test.ask(2)
      await test.answerer.review()
      assert.deepEqual(test.answerer.counts, { running: 1, queued: 1 })
      test.agent.release()
      assert.deepEqual([await test.finalOf(1), await test.finalOf(2)], ['done', 'done'])
    })

    it('over a restart, and never runs when it may not be asked any more', async () => {
      await test.ask(1)
      await test.ask(2)
      test.standing = () => ({ asker: BERT, deniedBy: 'hours' })
      await test.restart()
      assert.equal(await test.finalOf(2), 'denied')
      assert.equal(test.agent.runs.length, 0)
    })
  })

  describe('takes too long', () => {
    it('while it runs, by its own deadline', async () => {
      const reading = readAnswer(await test.ask(1, { timeoutMs: 5_000 }))
      await settle()
      test.home.clock.advance(4_999)
      await settle()
      assert.equal(test.answerer.find(BERT.id, askId(1))?.final, undefined)
      test.home.clock.advance(1)
      assert.equal(codeOf((await reading).final), 'deadline')
      assert.equal(test.answerer.find(BERT.id, askId(1))?.state, 'expired')
    })

    it('while it waits, and never runs', async () => {
      await test.ask(1)
      const reading = readAnswer(await test.ask(2, { timeoutMs: 5_000 }))
      test.home.clock.advance(5_000)
      assert.equal(codeOf((await reading).final), 'deadline')
      test.agent.release()
      await test.finalOf(1)
      assert.equal(test.agent.runs.length, 1)
    })

    it('when its grant says so, which may cut what was asked for and not add to it', async () => {
      const asker = askerOf('bert', { maxSeconds: 3 })
      const { record } = await test.ask(1, { timeoutMs: 60_000 }, asker)
      assert.equal(record.deadlineAt - record.receivedAt, 3_000)
      const short = await test.ask(2, { timeoutMs: 2_000 }, asker)
      assert.equal(short.record.deadlineAt - short.record.receivedAt, 2_000)
    })

    it('from being received to its end, the time that it waited included', async () => {
      await test.ask(1, { timeoutMs: 60_000 })
      const reading = readAnswer(await test.ask(2, { timeoutMs: 10_000 }))
      test.home.clock.advance(6_000)
      await test.answerer.cancel(BERT.id, askId(1))
      await settle()
      test.home.clock.advance(4_000)
      assert.equal(codeOf((await reading).final), 'deadline')
      assert.equal(test.agent.runs.length, 2)
    })
  })
})
