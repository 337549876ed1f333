import assert from 'node:assert/strict'
import { askCallOf, askId } from '../../helpers/ask-calls.ts'
import { codeOf, readAnswer } from '../../helpers/ask-home.ts'
import { settle } from '../../helpers/memory-channel.ts'
import { BERT, allowed, askerOf, testAnswerers } from '../../helpers/test-answerer.ts'
import type { TestAnswerer } from '../../helpers/test-answerer.ts'

describe('an ask that was taken', () => {
  const all = testAnswerers()
  let test: TestAnswerer

  beforeEach(() => {
    test = all()
  })

  describe('when the node stops', () => {
    it('has its time to end by itself', async () => {
      const reading = readAnswer(await test.ask(1))
      await settle()
      const stopping = test.answerer.stop(10_000)
      test.home.clock.advance(9_999)
      test.agent.release()
      await stopping
      assert.equal(codeOf((await reading).final), 'done')
    })

    it('is interrupted when that is over', async () => {
      const reading = readAnswer(await test.ask(1))
      await settle()
      const stopping = test.answerer.stop(10_000)
      test.home.clock.advance(10_000)
      await stopping
      assert.equal(codeOf((await reading).final), 'interrupted')
    })

    it('stays in its queue, and is not begun by the end of another', async () => {
      await test.ask(1)
      await test.ask(2)
      test.agent.release()
      await test.answerer.stop(10_000)
      await test.home.quiet()
      assert.equal(test.agent.runs.length, 1)
      assert.equal(test.home.store.get('in', BERT.id, askId(2))?.state, 'queued')
    })

    it('is not begun: the node is busy', async () => {
      await test.answerer.stop(0)
      await assert.rejects(test.ask(1), { code: 'busy' })
      assert.throws(() => {
        test.answerer.assertRoom(BERT)
      })
    })
  })

  describe('after a crash', () => {
    it('is interrupted when it was claimed, and does not run again', async () => {
      await test.ask(1)
      await settle()
      await test.restart()
      assert.equal(await test.finalOf(1), 'interrupted')
      assert.equal(test.agent.runs.length, 0)
      const again = await readAnswer(await test.ask(1))
      assert.equal(codeOf(again.final), 'interrupted')
      assert.deepEqual(again.seqs, [1])
      assert.equal(test.agent.runs.length, 0)
    })

    it('runs when it had waited, with what was asked', async () => {
      await test.ask(1)
      await test.ask(2, { session: 's' })
      await test.restart()
      assert.equal(await test.finalOf(2), 'done')
      assert.deepEqual(
        test.agent.runs.map(({ session, text }) => [text, session]),
        [['ask 2', 's']],
      )
      assert.deepEqual(await test.home.steps(askId(2)), [
        'queued',
        'claimed',
        'event',
        'event',
        'done',
      ])
    })

    it('is of the job of which it was', async () => {
      const job = { name: 'nightly', cap: { microUsd: 5 } }
      const call = askCallOf('bert', { ask: askId(2) })
      await test.ask(1)
      await test.answerer.submit(BERT, call, job)
      await test.restart()
      assert.equal(await test.finalOf(2), 'done')
      assert.deepEqual(test.agent.runs[0]?.job, job)
      assert.equal((await test.answerer.submit(BERT, call, job)).record.state, 'done')
      const other = { name: 'weekly', cap: job.cap }
      for (const wrong of [undefined, other, { ...job, cap: {} }]) {
        await assert.rejects(test.answerer.submit(BERT, call, wrong), { code: 'conflict' })
      }
    })

    it('has expired when its time was over meanwhile, and the rest of its time if not', async () => {
      await test.ask(1)
      await test.ask(2, { timeoutMs: 5_000 })
      await test.ask(3, { timeoutMs: 6_000 })
      await test.restart({ laterMs: 5_000, held: true })
      assert.equal(await test.finalOf(2), 'deadline')
      test.home.clock.advance(1_000)
      assert.equal(await test.finalOf(3), 'deadline')
    })

    it('has no more time than at first under a clock that was set back', async () => {
      await test.ask(1)
      await test.ask(2, { timeoutMs: 5_000 })
      await test.restart({ laterMs: -3_600_000, held: true })
      test.home.clock.advance(5_000)
      assert.equal(await test.finalOf(2), 'deadline')
    })

    it('is cancelled when its asker is not pinned any more', async () => {
      await test.ask(1)
      await test.ask(2)
      test.standing = () => undefined
      await test.restart()
      assert.deepEqual([await test.finalOf(1), await test.finalOf(2)], ['interrupted', 'cancelled'])
      assert.equal(test.agent.runs.length, 0)
    })

    it('keeps the final that it had', async () => {
      test.agent.release()
      const { final } = await readAnswer(await test.ask(1))
      await test.restart()
      assert.deepEqual((await readAnswer(await test.ask(1))).final, final)
      assert.equal(test.agent.runs.length, 0)
    })

    it('counts for the places of its asker', async () => {
      const asker = askerOf('bert', { parallel: 1, queue: 1 })
      await test.ask(1, {}, asker)
      await test.ask(2, {}, asker)
      test.standing = () => allowed(asker)
      await test.restart({ held: true })
      assert.deepEqual(test.answerer.counts, { running: 1, queued: 0 })
      await test.ask(3, {}, asker)
      await assert.rejects(test.ask(4, {}, asker), { code: 'busy' })
    })
  })
})
