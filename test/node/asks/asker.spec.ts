import assert from 'node:assert/strict'
import { WireFailure } from '../../../src/node/answer.ts'
import type { AskHandle } from '../../../src/node/asks/handle.ts'
import { MAX_ANSWER_BYTES, MAX_EVENT_TEXT_BYTES } from '../../../src/protocol/limits.ts'
import { askCallOf, askId } from '../../helpers/ask-calls.ts'
import { codeOf, readAnswer } from '../../helpers/ask-home.ts'
import type { AskHome } from '../../helpers/ask-home.ts'
import { BERT, CAROL, LOST, askPairs, endOf, sayTexts } from '../../helpers/ask-pair.ts'
import type { AskPair } from '../../helpers/ask-pair.ts'
import { settle } from '../../helpers/memory-channel.ts'
import type { Say, StubCaller } from '../../helpers/stub-caller.ts'

describe('asker', () => {
  const pairs = askPairs()
  let home: AskHome
  let pair: AskPair
  let peer: StubCaller

  beforeEach(() => {
    pair = pairs()
    ;({ home, peer } = pair)
  })

  async function ask(...args: Parameters<AskPair['ask']>): Promise<AskHandle> {
    return await pair.ask(...args)
  }

  it('has the ask on disk before anything goes out', async () => {
    peer.serve.set('ask', (body) => {
      const stored = home.store.get('out', BERT.id, askId(1))
      assert.equal(stored?.state, 'received')
      assert.deepEqual(body, askCallOf('node', { ask: askId(1) }))
      return endOf(0)
    })
    assert.equal(codeOf((await readAnswer(await ask())).final), 'done')
  })

  it('gives events as they come, each on disk first, and the final', async () => {
    peer.serve.set('ask', (_, say) => {
      say(0, { kind: 'accepted', position: 0 })
      sayTexts(say, 1, 3)
      return endOf(3)
    })
    const handle = await ask()
    const final = { outcome: 'done', end: endOf(3) }
    assert.deepEqual(await readAnswer(handle), { seqs: [1, 2, 3], text: '1 2 3 ', final })
    await settle()
    const record = home.store.get('out', BERT.id, askId(1))
    assert.deepEqual(record?.final, final)
    assert.deepEqual(await readAnswer(pair.asker.attach(record)), {
      seqs: [1, 2, 3],
      text: '1 2 3 ',
      final,
    })
    assert.deepEqual(peer.verbs(), ['ask'])
  })

  describe('asked the same again', () => {
    it('joins, at once or later, and sends nothing more', async () => {
      peer.serve.set('ask', (_, say) => {
        sayTexts(say, 1, 2)
        return endOf(2)
      })
      const handles = await Promise.all([ask(), ask(), ask()])
      const answers = await Promise.all(handles.map((handle) => readAnswer(handle)))
      answers.push(await readAnswer(await ask()))
      for (const answer of answers) assert.deepEqual(answer, answers[0])
      assert.deepEqual(peer.verbs(), ['ask'])
      assert.deepEqual(await home.steps(askId(1)), ['received', 'event', 'event', 'done'])
    })

    it('but with another text, or of another peer, says that the id is taken', async () => {
      const conflict = { code: 'conflict', details: { activeId: askId(1) } }
      await ask()
      await assert.rejects(ask(1, { text: 'something else' }), conflict)
      await assert.rejects(ask(1, { to: CAROL }), conflict)
    })
  })

  it('ends when its peer is pinned no more', async () => {
    peer.reachable = false
    const reading = readAnswer(await ask(1, { wait: true }))
    await home.pass(0)
    pair.pinned = [CAROL]
    await home.pass(1_000)
    const details = { peer: BERT.id }
    assert.deepEqual((await reading).final, { outcome: 'failed', code: 'not-pinned', details })
  })

  it('ends with what the peer refuses it for', async () => {
    peer.serve.set('ask', () => {
      throw new WireFailure('denied', { rule: 'hours' })
    })
    const final = { outcome: 'failed', code: 'denied', details: { rule: 'hours' } }
    assert.deepEqual((await readAnswer(await ask())).final, final)
    assert.deepEqual(peer.verbs(), ['ask'])
  })

  it('ends on disk with a refusal of more details than a record holds', async () => {
    peer.serve.set('ask', () => {
      const details = Object.fromEntries(Array.from({ length: 32_763 }, (_, i) => [`k${i}`, 0]))
      throw new WireFailure('denied', details)
    })
    assert.equal(codeOf((await readAnswer(await ask())).final), 'denied')
    await settle()
    assert.equal(home.store.get('out', BERT.id, askId(1))?.state, 'failed')
  })

  it('tries again for as long as the peer is busy, when it may wait', async () => {
    let busy = 3
    peer.serve.set('ask', () => {
      if (busy-- > 0) throw new WireFailure('busy', { position: 1 })
      return endOf(0)
    })
    const reading = readAnswer(await ask(1, { wait: true }))
    for (let second = 0; second < 4; second++) await home.pass(1_000)
    assert.equal(codeOf((await reading).final), 'done')
    assert.equal(peer.verbs().length, 4)
  })

  it('waits a little longer once it was sent, for an end that is on its way', async () => {
    peer.serve.set('ask', () => {
      throw LOST
    })
    const reading = readAnswer(await ask(1, { timeoutMs: 3_000 }))
    for (let second = 1; second <= 7; second++) await home.pass(1_000)
    assert.equal(pair.asker.pending, 1)
    await home.pass(1_000)
    assert.equal(codeOf((await reading).final), 'deadline')
  })

  it('tells the peer how long it waits: to its deadline and that little more', async () => {
    const waits: number[] = []
    const call = peer.call
    peer.call = (to, verb, body, schema, options) => {
      waits.push(options.deadlineMs)
      return call(to, verb, body, schema, options)
    }
    peer.serve.set('ask', () => {
      throw LOST
    })
    await ask(1, { timeoutMs: 10_000 })
    await home.pass(1_000)
    assert.deepEqual(waits, [15_000, 14_000])
  })

  describe('takes of the events', () => {
    it('each once and in order, whatever comes', async () => {
      peer.serve.set('ask', (_, say) => {
        for (const seq of [1, 1, 3, 2, 2, 1, 5, 3]) sayTexts(say, seq, seq)
        return endOf(3)
      })
      assert.deepEqual((await readAnswer(await ask())).seqs, [1, 2, 3])
    })

    it('the rest by number, when the end speaks of more than came', async () => {
      peer.serve.set('ask', (_, say) => {
        say(0, { kind: 'accepted', position: 0 })
        sayTexts(say, 1, 2)
        sayTexts(say, 4, 5)
        return endOf(5)
      })
      peer.serve.set('ask.attach', (body, say) => {
        assert.deepEqual(body, { ask: askId(1), after: 2 })
        sayTexts(say, 3, 5)
        return endOf(5)
      })
      const reading = readAnswer(await ask())
      await home.pass(1_000)
      assert.deepEqual((await reading).seqs, [1, 2, 3, 4, 5])
    })

    it('and of the ends none that is of another ask', async () => {
      let strange = 2
      peer.serve.set('ask', () => endOf(0, strange-- > 0 ? 2 : 1))
      const reading = readAnswer(await ask())
      for (let second = 0; second < 2; second++) await home.pass(1_000)
      assert.deepEqual((await reading).final, { outcome: 'done', end: endOf(0) })
      assert.deepEqual(peer.verbs(), ['ask', 'ask', 'ask'])
    })

    for (const body of [{ kind: 'tool', name: 'rm' }, 'text', { kind: 'text' }]) {
      it(`none that does not fit, and ends: ${JSON.stringify(body)}`, async () => {
        peer.serve.set('ask', (_, say) => {
          sayTexts(say, 1, 1)
          say(2, body)
          return new Promise(() => undefined)
        })
        const answer = await readAnswer(await ask())
        assert.equal(codeOf(answer.final), 'bad-request')
        assert.deepEqual(answer.seqs, [1])
        assert.deepEqual(peer.verbs(), ['ask'])
      })
    }
  })

  describe('sent a long answer', () => {
    /** As many bytes as `bytes`, in full events and one that is not; the last event's number. */
    function sayBytes(say: Say, bytes: number): number {
      let seq = 0
      for (let left = bytes; left > 0; left -= MAX_EVENT_TEXT_BYTES) {
        say(++seq, { kind: 'text', text: 'x'.repeat(Math.min(left, MAX_EVENT_TEXT_BYTES)) })
      }
      return seq
    }

    it('takes one that is as long as may be, though a part of it comes twice', async () => {
      peer.serve.set('ask', (_, say) => {
        sayBytes(say, MAX_ANSWER_BYTES / 2)
        return endOf(sayBytes(say, MAX_ANSWER_BYTES))
      })
      const { final, text } = await readAnswer(await ask())
      assert.equal(codeOf(final), 'done')
      assert.equal(text.length, MAX_ANSWER_BYTES)
      assert.deepEqual(peer.verbs(), ['ask'])
    })

    it('keeps nothing beyond that, and tells the peer to end', async () => {
      peer.serve.set('ask', (_, say) => {
        const last = sayBytes(say, MAX_ANSWER_BYTES)
        for (let more = 1; more <= 100; more++) say(last + more, { kind: 'text', text: 'y' })
        return new Promise(() => undefined)
      })
      peer.serve.set('ask.cancel', (body) => ({ ...(body as object), state: 'done', lastSeq: 0 }))
      const { final, text } = await readAnswer(await ask())
      const details = { bytes: MAX_ANSWER_BYTES + 1, limitBytes: MAX_ANSWER_BYTES }
      assert.deepEqual(final, { outcome: 'failed', code: 'too-large', details })
      assert.equal(text.length, MAX_ANSWER_BYTES)
      assert.deepEqual(peer.verbs(), ['ask', 'ask.cancel'])
    })

    it('counts what it had before a restart', async () => {
      peer.serve.set('ask', (_, say) => {
        sayBytes(say, MAX_EVENT_TEXT_BYTES)
        return new Promise(() => undefined)
      })
      await ask()
      await home.quiet()
      await pair.restart()
      ;({ peer } = pair)
      peer.serve.set('ask.attach', (_, say) => {
        for (let seq = 2; seq <= MAX_ANSWER_BYTES / MAX_EVENT_TEXT_BYTES + 1; seq++) {
          say(seq, { kind: 'text', text: 'x'.repeat(MAX_EVENT_TEXT_BYTES) })
        }
        return new Promise(() => undefined)
      })
      peer.serve.set('ask.cancel', (body) => ({ ...(body as object), state: 'done', lastSeq: 0 }))
      await pair.asker.start()
      const record = home.store.get('out', BERT.id, askId(1))
      assert.ok(record !== undefined)
      const { final, text } = await readAnswer(pair.asker.attach(record))
      assert.equal(codeOf(final), 'too-large')
      assert.equal(text.length, MAX_ANSWER_BYTES)
    })
  })

  it('tells whoever reads when its store is lost', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    peer.serve.set('ask', async (_, say) => {
      await promise
      sayTexts(say, 1, 1)
      return endOf(1)
    })
    const reading = readAnswer(await ask())
    reading.catch(() => undefined)
    await home.database.close()
    resolve(undefined)
    await assert.rejects(reading, /could not be delivered/)
    await home.open()
  })
})
