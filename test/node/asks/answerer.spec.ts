import assert from 'node:assert/strict'
import { pino } from 'pino'
import { Answerer } from '../../../src/node/asks/answerer.ts'
import type { AskerStanding } from '../../../src/node/asks/handle.ts'
import type { AskHandle, AskerInfo } from '../../../src/node/asks/handle.ts'
import { encode } from '../../../src/protocol/cbor.ts'
import { MAX_ANSWER_BYTES, MAX_EVENT_TEXT_BYTES } from '../../../src/protocol/limits.ts'
import type { AskCall, AskFinal } from '../../../src/protocol/verbs.ts'
import { failed } from '../../../src/agent/failure.ts'
import { askCallOf, askId, askerPeer, idOf } from '../../helpers/ask-calls.ts'
import { askHomes, codeOf, readAnswer } from '../../helpers/ask-home.ts'
import type { AskHome } from '../../helpers/ask-home.ts'
import { settle } from '../../helpers/memory-channel.ts'
import { StubAgent } from '../../helpers/stub-agent.ts'
import { hex } from '../../vectors/seeds.ts'

/** Who asks here, two at once and two more that wait, unless a test says otherwise. */
function askerOf(name: string, grant: Partial<AskerInfo['grant']> = {}): AskerInfo {
  const { id, pin } = askerPeer(name)
  return { name, id, grant: { ...pin.ask, parallel: 2, queue: 2, ...grant } }
}

const BERT = askerOf('bert')

describe('answerer', () => {
  const homes = askHomes()
  let home: AskHome
  let agent: StubAgent
  let answerer: Answerer
  const askers = new Map<string, AskerInfo>()

  beforeEach(() => {
    home = homes()
    agent = new StubAgent()
    answerer = answererOf()
  })
  afterEach(async () => {
    agent.release()
    await answerer.stop(0)
    assert.equal(home.clock.timers, 0)
  })

  function answererOf(init: { parallel?: number; queue?: number } = {}): Answerer {
    const { bytes, clock, store } = home
    const log = pino({ level: 'silent' })
    const standing = (id: string): AskerStanding | undefined => {
      const asker = askers.get(id)
      return asker === undefined ? undefined : { asker, deniedBy: undefined }
    }
    const parked = async (): Promise<undefined> => undefined
    return new Answerer(
      { store, bytes, agent, standing, parked, clock, log },
      { parallel: 4, queue: 8, ...init },
    )
  }

  async function ask(
    nth: number,
    changes: Partial<AskCall> = {},
    asker = BERT,
  ): Promise<AskHandle> {
    askers.set(asker.id, asker)
    const call = askCallOf(asker.name, { ask: askId(nth), text: `ask ${nth}`, ...changes })
    return await answerer.submit(asker, call)
  }

  function stateOf(nth: number, asker = BERT): string | undefined {
    return answerer.find(asker.id, askId(nth))?.state
  }

  it('gives the agent what was asked, by whom and with which grant', async () => {
    const asker = askerOf('bert', { preset: 'read-only', approve: ['write'] })
    const handle = await ask(1, { text: 'why?', session: 's1', timeoutMs: 5_000 }, asker)
    assert.equal(codeOf((await readAnswer(handle)).final), 'done')
    assert.deepEqual(agent.runs, [
      {
        id: askId(1),
        asker: { name: 'bert', id: idOf('bert') },
        text: 'why?',
        presets: ['read-only'],
        approve: ['write'],
        deadlineAt: home.clock.now() + 5_000,
        session: 's1',
        chain: [idOf('bert')],
      },
    ])
    assert.equal(answerer.engine, 'stub')
  })

  it('numbers the events from 1, and ends with the last of them', async () => {
    const answer = await readAnswer(await ask(1))
    const end = { ask: askId(1), engine: 'stub', lastSeq: 2 }
    assert.deepEqual(answer, { seqs: [1, 2], text: 'ask 1', final: { outcome: 'done', end } })
    const record = answerer.find(BERT.id, askId(1))
    assert.equal(record?.state, 'done')
    assert.deepEqual(await home.steps(askId(1)), ['claimed', 'event', 'event', 'done'])
    assert.equal(await answerer.lastSeq(record), 2)
  })

  it('has the claim on disk before the agent begins', async () => {
    const states: (string | undefined)[] = []
    answerer = answererOf({ parallel: 1 })
    agent.script = async function* (run) {
      states.push(home.store.get('in', BERT.id, run.id)?.state)
      yield { kind: 'done' }
    }
    const handles = [await ask(1), await ask(2)]
    for (const handle of handles) await readAnswer(handle)
    assert.deepEqual(states, ['claimed', 'claimed'])
    assert.deepEqual(await home.steps(askId(1)), ['claimed', 'done'])
  })

  it('has an event on disk before anybody sees it', async () => {
    const reader = (await ask(1)).read(0)
    for (;;) {
      const { done, value } = await reader.next()
      if (done === true) break
      assert.ok((await home.store.lastSeq((await ask(1)).record)) >= value.seq)
    }
  })

  it('hands on why the agent failed, without its message', async () => {
    agent.script = async function* () {
      yield { kind: 'text', text: 'well …' }
      yield failed('budget-exhausted', { scope: 'day', resetAt: 5 }, 'the secret of the owner')
    }
    const { final, text } = await readAnswer(await ask(1))
    const details = { scope: 'day', resetAt: 5 }
    assert.deepEqual(final, { outcome: 'failed', code: 'budget-exhausted', details })
    assert.equal(text, 'well …')
    assert.equal(stateOf(1), 'failed')
  })

  describe('an answer', () => {
    async function answerOf(bytes: number): Promise<{ final: AskFinal; text: string }> {
      agent.script = async function* () {
        for (let left = bytes; left > 0; left -= MAX_EVENT_TEXT_BYTES) {
          yield { kind: 'text', text: 'x'.repeat(Math.min(left, MAX_EVENT_TEXT_BYTES)) }
        }
        yield { kind: 'done' }
      }
      return await readAnswer(await ask(1))
    }

    it('as long as may be is taken', async () => {
      const { final, text } = await answerOf(MAX_ANSWER_BYTES)
      assert.equal(codeOf(final), 'done')
      assert.equal(text.length, MAX_ANSWER_BYTES)
    })

    it('one byte longer ends as too large', async () => {
      const { final, text } = await answerOf(MAX_ANSWER_BYTES + 1)
      const details = { bytes: MAX_ANSWER_BYTES + 1, limitBytes: MAX_ANSWER_BYTES }
      assert.deepEqual(final, { outcome: 'failed', code: 'too-large', details })
      assert.equal(text.length, MAX_ANSWER_BYTES)
    })
  })

  describe('asked the same again', () => {
    it('joins: before, at and after the end, all get the same, byte for byte', async () => {
      agent.hold()
      const handles = [await ask(1), await ask(1)]
      const early = handles.map((handle) => readAnswer(handle))
      await settle()
      const late = readAnswer(await ask(1), 1)
      agent.release()
      const answers = await Promise.all([...early, late])
      answers.push(await readAnswer(await ask(1)))
      answers.push(await readAnswer(answerer.attach(BERT.id, askId(1))))
      const finals = answers.map(({ final }) => hex(encode(final)))
      assert.equal(new Set(finals).size, 1)
      assert.deepEqual(
        answers.map(({ seqs }) => seqs),
        [[1, 2], [1, 2], [2], [1, 2], [1, 2]],
      )
      assert.equal(agent.runs.length, 1)
    })

    it('twice at once, joins', async () => {
      const handles = await Promise.all([ask(1), ask(1), ask(1)])
      for (const handle of handles) assert.equal((await readAnswer(handle)).text, 'ask 1')
      assert.equal(agent.runs.length, 1)
    })

    it('but with another text says that the id is taken', async () => {
      await ask(1)
      const conflict = { code: 'conflict', details: { activeId: askId(1) } }
      await assert.rejects(ask(1, { text: 'something else' }), conflict)
      await readAnswer(await ask(1))
      await assert.rejects(ask(1, { timeoutMs: 1 }), conflict)
      assert.equal(agent.runs.length, 1)
    })

    it('by another asker is another ask', async () => {
      const answers = await Promise.all([ask(1), ask(1, {}, askerOf('carol'))])
      for (const handle of answers) await readAnswer(handle)
      assert.equal(agent.runs.length, 2)
    })
  })

  describe('with more asks than may run', () => {
    beforeEach(() => {
      agent.hold()
      answerer = answererOf({ parallel: 1, queue: 3 })
    })

    it('lets them wait their turn, on disk, and says how many stand before', async () => {
      const handles = [await ask(1), await ask(2), await ask(3)]
      assert.deepEqual(
        handles.map(({ position }) => position),
        [0, 1, 2],
      )
      assert.deepEqual([stateOf(1), stateOf(2), stateOf(3)], ['running', 'queued', 'queued'])
      assert.deepEqual(answerer.counts, { running: 1, queued: 2 })
      assert.deepEqual(await home.steps(askId(2)), ['queued'])
      agent.release()
      for (const handle of handles) assert.equal(codeOf((await readAnswer(handle)).final), 'done')
      assert.deepEqual(
        agent.runs.map(({ text }) => text),
        ['ask 1', 'ask 2', 'ask 3'],
      )
      assert.deepEqual(answerer.counts, { running: 0, queued: 0 })
    })

    it('is busy when an asker has no place left, and has room for others', async () => {
      const asker = askerOf('bert', { parallel: 1, queue: 1 })
      await ask(1, {}, asker)
      await ask(2, {}, asker)
      await assert.rejects(ask(3, {}, asker), { code: 'busy', details: { position: 2 } })
      assert.equal(stateOf(3), undefined)
      assert.equal((await ask(4, {}, askerOf('carol'))).position, 0)
    })

    it('is busy when there is no place left at all', async () => {
      const names = ['anna', 'bert', 'carol', 'dora']
      for (const [nth, name] of names.entries()) await ask(nth, {}, askerOf(name))
      await assert.rejects(ask(9, {}, askerOf('emma')), { code: 'busy', details: { position: 0 } })
      agent.release()
      await readAnswer(await ask(3, {}, askerOf('dora')))
      assert.equal((await ask(9, {}, askerOf('emma'))).position, 0)
    })

    it('takes a duplicate though it has no room', async () => {
      const asker = askerOf('bert', { parallel: 1, queue: 0 })
      const first = await ask(1, {}, asker)
      await assert.rejects(ask(2, {}, asker), { code: 'busy' })
      assert.equal((await ask(1, {}, asker)).record.ask, first.record.ask)
    })

    it('goes round between askers', async () => {
      const [bert, carol] = [askerOf('bert', { parallel: 1 }), askerOf('carol', { parallel: 1 })]
      const order: [number, AskerInfo][] = [
        [1, bert],
        [2, bert],
        [3, bert],
        [4, carol],
      ]
      const handles: AskHandle[] = []
      for (const [nth, asker] of order) handles.push(await ask(nth, {}, asker))
      agent.release()
      for (const handle of handles) await readAnswer(handle)
      assert.deepEqual(
        agent.runs.map(({ text }) => text),
        ['ask 1', 'ask 2', 'ask 4', 'ask 3'],
      )
    })
  })

  it('ends nothing else when its store is lost: whoever reads hears that it is', async () => {
    agent.hold()
    const handle = await ask(1)
    const reading = readAnswer(handle)
    reading.catch(() => undefined)
    await home.database.close()
    agent.release()
    await assert.rejects(reading, /lost its store/)
    await home.open()
  })

  it('knows no ask of another asker, and tells it apart from none in no way', async () => {
    await ask(1)
    const expected = { code: 'bad-request', details: { what: 'ask: unknown' } }
    const { id } = askerOf('carol')
    for (const nth of [1, 2]) {
      assert.throws(() => answerer.attach(id, askId(nth)), expected)
      await assert.rejects(answerer.cancel(id, askId(nth)), expected)
    }
  })
})
