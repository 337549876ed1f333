import assert from 'node:assert/strict'
import { pino } from 'pino'
import { Answerer } from '../../../src/node/asks/answerer.ts'
import type { AskHandle, AskerInfo } from '../../../src/node/asks/handle.ts'
import type { AskCall } from '../../../src/protocol/verbs.ts'
import { askCallOf, askId, askerPeer } from '../../helpers/ask-calls.ts'
import { askHomes, codeOf, readAnswer } from '../../helpers/ask-home.ts'
import type { AskHome } from '../../helpers/ask-home.ts'
import { settle } from '../../helpers/memory-channel.ts'
import { StubAgent } from '../../helpers/stub-agent.ts'

function askerOf(name: string, grant: Partial<AskerInfo['grant']> = {}): AskerInfo {
  const { id, pin } = askerPeer(name)
  return { name, id, grant: { ...pin.ask, ...grant } }
}

const BERT = askerOf('bert')

describe('an ask that is answered here', () => {
  const homes = askHomes()
  let home: AskHome
  let agent: StubAgent
  let answerer: Answerer

  beforeEach(() => {
    home = homes()
    agent = new StubAgent()
    agent.hold()
    start()
  })
  afterEach(async () => {
    agent.release()
    await answerer.stop(0)
    assert.equal(home.clock.timers, 0)
  })

  function start(): void {
    const { clock, store } = home
    const log = pino({ level: 'silent' })
    answerer = new Answerer({ store, agent, clock, log }, { parallel: 1, queue: 8 })
  }

  /** As after a crash: nothing of the first one runs on, and a second one takes up what it left. */
  async function restart(find: (id: string) => AskerInfo | undefined = () => BERT): Promise<void> {
    agent = new StubAgent()
    await home.crash()
    start()
    await answerer.recover(find)
    await settle()
  }

  async function ask(
    nth: number,
    changes: Partial<AskCall> = {},
    asker = BERT,
  ): Promise<AskHandle> {
    const call = askCallOf(asker.name, { ask: askId(nth), text: `ask ${nth}`, ...changes })
    return await answerer.submit(asker, call)
  }

  async function finalOf(nth: number, asker = BERT): Promise<string> {
    return codeOf((await readAnswer(answerer.attach(asker.id, askId(nth)))).final)
  }

  describe('is cancelled', () => {
    it('while it runs, and the agent hears of it', async () => {
      const reading = readAnswer(await ask(1))
      await settle()
      const record = await answerer.cancel(BERT.id, askId(1))
      assert.equal(record.state, 'cancelled')
      assert.deepEqual(record.final, { outcome: 'failed', code: 'cancelled', details: {} })
      assert.deepEqual((await reading).final, record.final)
    })

    it('while it waits, and never runs', async () => {
      await ask(1)
      const reading = readAnswer(await ask(2))
      assert.equal((await answerer.cancel(BERT.id, askId(2))).state, 'cancelled')
      assert.equal(codeOf((await reading).final), 'cancelled')
      agent.release()
      await finalOf(1)
      assert.equal(agent.runs.length, 1)
      assert.deepEqual(await home.steps(askId(2)), ['queued', 'cancelled'])
    })

    it('once, however often that is asked at once', async () => {
      await ask(1)
      await ask(2)
      const cancel = (nth: number): Promise<unknown> => answerer.cancel(BERT.id, askId(nth))
      await Promise.all([cancel(1), cancel(2), cancel(1), cancel(2)])
      assert.deepEqual([await finalOf(1), await finalOf(2)], ['cancelled', 'cancelled'])
      assert.deepEqual(await home.steps(askId(2)), ['queued', 'cancelled'])
      assert.deepEqual((await home.steps(askId(1))).at(-1), 'cancelled')
    })

    it('and can be read, and asked again, while its final is written', async () => {
      await ask(1)
      await ask(2)
      const cancelling = answerer.cancel(BERT.id, askId(2))
      const readers = [answerer.attach(BERT.id, askId(2)), await ask(2)]
      for (const reader of readers) {
        assert.equal(codeOf((await readAnswer(reader)).final), 'cancelled')
      }
      await cancelling
    })

    it('to no effect when it has ended', async () => {
      agent.release()
      const { final } = await readAnswer(await ask(1))
      const record = await answerer.cancel(BERT.id, askId(1))
      assert.deepEqual(record.final, final)
      assert.equal(record.state, 'done')
    })

    it('with all others of an asker that is not served any more', async () => {
      const carol = askerOf('carol')
      await ask(1)
      await ask(2)
      await ask(3, {}, carol)
      await answerer.dropAsksOf((id) => id === BERT.id)
      assert.deepEqual([await finalOf(1), await finalOf(2)], ['cancelled', 'cancelled'])
      agent.release()
      assert.equal(await finalOf(3, carol), 'done')
    })
  })

  describe('takes too long', () => {
    it('while it runs, by its own deadline', async () => {
      const reading = readAnswer(await ask(1, { timeoutMs: 5_000 }))
      await settle()
      home.clock.advance(4_999)
      await settle()
      assert.equal(answerer.find(BERT.id, askId(1))?.final, undefined)
      home.clock.advance(1)
      assert.equal(codeOf((await reading).final), 'deadline')
      assert.equal(answerer.find(BERT.id, askId(1))?.state, 'expired')
    })

    it('while it waits, and never runs', async () => {
      await ask(1)
      const reading = readAnswer(await ask(2, { timeoutMs: 5_000 }))
      home.clock.advance(5_000)
      assert.equal(codeOf((await reading).final), 'deadline')
      agent.release()
      await finalOf(1)
      assert.equal(agent.runs.length, 1)
    })

    it('when its grant says so, which may cut what was asked for and not add to it', async () => {
      const asker = askerOf('bert', { maxSeconds: 3 })
      const { record } = await ask(1, { timeoutMs: 60_000 }, asker)
      assert.equal(record.deadlineAt - record.receivedAt, 3_000)
      const short = await ask(2, { timeoutMs: 2_000 }, asker)
      assert.equal(short.record.deadlineAt - short.record.receivedAt, 2_000)
    })

    it('from being received to its end, the time that it waited included', async () => {
      await ask(1, { timeoutMs: 60_000 })
      const reading = readAnswer(await ask(2, { timeoutMs: 10_000 }))
      home.clock.advance(6_000)
      await answerer.cancel(BERT.id, askId(1))
      await settle()
      home.clock.advance(4_000)
      assert.equal(codeOf((await reading).final), 'deadline')
      assert.equal(agent.runs.length, 2)
    })
  })

  describe('when the node stops', () => {
    it('has its time to end by itself', async () => {
      const reading = readAnswer(await ask(1))
      await settle()
      const stopping = answerer.stop(10_000)
      home.clock.advance(9_999)
      agent.release()
      await stopping
      assert.equal(codeOf((await reading).final), 'done')
    })

    it('is interrupted when that is over', async () => {
      const reading = readAnswer(await ask(1))
      await settle()
      const stopping = answerer.stop(10_000)
      home.clock.advance(10_000)
      await stopping
      assert.equal(codeOf((await reading).final), 'interrupted')
    })

    it('stays in its queue, and is not begun by the end of another', async () => {
      await ask(1)
      await ask(2)
      agent.release()
      await answerer.stop(10_000)
      assert.equal(agent.runs.length, 1)
      assert.equal(home.store.get('in', BERT.id, askId(2))?.state, 'queued')
    })

    it('is not begun: the node is busy', async () => {
      await answerer.stop(0)
      await assert.rejects(ask(1), { code: 'busy' })
      assert.throws(() => {
        answerer.assertRoom(BERT)
      })
    })
  })

  describe('after a crash', () => {
    it('is interrupted when it was claimed, and does not run again', async () => {
      const { record } = await ask(1)
      await settle()
      await restart()
      assert.equal(await finalOf(1), 'interrupted')
      assert.equal(agent.runs.length, 0)
      const again = await readAnswer(
        await answerer.submit(
          BERT,
          askCallOf('bert', {
            ask: record.ask,
            text: 'ask 1',
          }),
        ),
      )
      assert.equal(codeOf(again.final), 'interrupted')
      assert.deepEqual(again.seqs, [1])
      assert.equal(agent.runs.length, 0)
    })

    it('runs when it had waited, with what was asked', async () => {
      await ask(1)
      await ask(2, { session: 's' })
      await restart()
      assert.equal(await finalOf(2), 'done')
      assert.deepEqual(
        agent.runs.map(({ session, text }) => [text, session]),
        [['ask 2', 's']],
      )
      assert.deepEqual(await home.steps(askId(2)), ['queued', 'claimed', 'event', 'event', 'done'])
    })

    it('has expired when its time was over meanwhile, and the rest of its time if not', async () => {
      await ask(1)
      await ask(2, { timeoutMs: 5_000 })
      await ask(3, { timeoutMs: 6_000 })
      agent = new StubAgent()
      agent.hold()
      await home.crash(5_000)
      start()
      await answerer.recover(() => BERT)
      assert.equal(await finalOf(2), 'deadline')
      home.clock.advance(1_000)
      assert.equal(await finalOf(3), 'deadline')
    })

    it('is cancelled when its asker is not pinned any more', async () => {
      await ask(1)
      await ask(2)
      await restart(() => undefined)
      assert.deepEqual([await finalOf(1), await finalOf(2)], ['interrupted', 'cancelled'])
      assert.equal(agent.runs.length, 0)
    })

    it('keeps the final that it had', async () => {
      agent.release()
      const { final } = await readAnswer(await ask(1))
      await restart()
      assert.deepEqual((await readAnswer(await ask(1))).final, final)
      assert.equal(agent.runs.length, 0)
    })

    it('counts for the places of its asker', async () => {
      const asker = askerOf('bert', { parallel: 1, queue: 1 })
      await ask(1, {}, asker)
      await ask(2, {}, asker)
      await home.crash()
      agent = new StubAgent()
      agent.hold()
      start()
      await answerer.recover(() => asker)
      assert.deepEqual(answerer.counts, { running: 1, queued: 0 })
      await ask(3, {}, asker)
      await assert.rejects(ask(4, {}, asker), { code: 'busy' })
    })
  })
})
