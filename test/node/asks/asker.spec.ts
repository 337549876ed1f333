import assert from 'node:assert/strict'
import { WireFailure } from '../../../src/node/answer.ts'
import type { AskHandle } from '../../../src/node/asks/handle.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { askCallOf, askId } from '../../helpers/ask-calls.ts'
import { askHomes, codeOf, readAnswer } from '../../helpers/ask-home.ts'
import type { AskHome } from '../../helpers/ask-home.ts'
import { AskPair, BERT, CAROL } from '../../helpers/ask-pair.ts'
import { settle } from '../../helpers/memory-channel.ts'
import type { Say, StubCaller } from '../../helpers/stub-caller.ts'

const LOST = new KithError('connection-lost', 'lost', { peer: BERT.id })

function endOf(lastSeq: number, nth = 1): { ask: string; engine: string; lastSeq: number } {
  return { ask: askId(nth), engine: 'stub', lastSeq }
}

function sayTexts(say: Say, from: number, to: number): void {
  for (let seq = from; seq <= to; seq++) say(seq, { kind: 'text', text: `${seq} ` })
}

describe('asker', () => {
  const homes = askHomes()
  let home: AskHome
  let pair: AskPair
  let peer: StubCaller

  beforeEach(async () => {
    home = homes()
    pair = await AskPair.start(home)
    ;({ peer } = pair)
  })
  afterEach(async () => {
    await pair.asker.stop()
    assert.equal(pair.asker.pending, 0)
    assert.equal(home.clock.timers, 0)
    assert.equal(pair.links.listeners, 0)
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

  describe('of a peer that is not there', () => {
    beforeEach(() => {
      peer.reachable = false
    })

    it('fails at once, without a second try', async () => {
      const { final } = await readAnswer(await ask())
      const details = { peer: 'bert', reason: 'nobody is there' }
      assert.deepEqual(final, { outcome: 'failed', code: 'unreachable', details })
      assert.equal(home.clock.timers, 0)
    })

    it('waits if it may, tries each second, and is delivered once', async () => {
      peer.serve.set('ask', () => endOf(0))
      const reading = readAnswer(await ask(1, { wait: true }))
      await home.pass(0)
      for (let second = 0; second < 5; second++) await home.pass(1_000)
      assert.equal(pair.asker.pending, 1)
      peer.reachable = true
      await home.pass(1_000)
      assert.equal(codeOf((await reading).final), 'done')
      await home.pass(60_000)
      assert.deepEqual(peer.verbs(), ['ask'])
    })

    it('tries at once when a link to it comes up, and not for another peer', async () => {
      peer.serve.set('ask', () => endOf(0))
      const reading = readAnswer(await ask(1, { wait: true }))
      await home.pass(0)
      peer.reachable = true
      pair.links.up(CAROL)
      await settle()
      assert.deepEqual(peer.verbs(), [])
      pair.links.up(BERT)
      assert.equal(codeOf((await reading).final), 'done')
    })

    it('waits no longer than to its deadline', async () => {
      const reading = readAnswer(await ask(1, { wait: true, timeoutMs: 3_000 }))
      for (let second = 1; second <= 2; second++) await home.pass(1_000)
      assert.equal(pair.asker.pending, 1)
      await home.pass(1_000)
      assert.equal(codeOf((await reading).final), 'deadline')
      assert.equal(home.store.get('out', BERT.id, askId(1))?.state, 'expired')
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

  describe('when the link is lost', () => {
    it('sends the ask again as long as the peer has not said that it has it', async () => {
      peer.serve.set('ask', () => {
        throw LOST
      })
      const reading = readAnswer(await ask())
      await home.pass(1_000)
      peer.serve.set('ask', () => endOf(0))
      await home.pass(1_000)
      assert.equal(codeOf((await reading).final), 'done')
      assert.deepEqual(peer.verbs(), ['ask', 'ask', 'ask'])
    })

    it('attaches after the last event once it has, and misses none', async () => {
      peer.serve.set('ask', (_, say) => {
        say(0, { kind: 'accepted', position: 0 })
        sayTexts(say, 1, 4)
        throw LOST
      })
      peer.serve.set('ask.attach', (body, say) => {
        assert.deepEqual(body, { ask: askId(1), after: 4 })
        sayTexts(say, 5, 9)
        return endOf(9)
      })
      const reading = readAnswer(await ask())
      await home.pass(1_000)
      const { seqs } = await reading
      assert.deepEqual(seqs, [1, 2, 3, 4, 5, 6, 7, 8, 9])
      assert.deepEqual(peer.verbs(), ['ask', 'ask.attach'])
    })

    it('does not fail though the peer cannot be reached for a while', async () => {
      peer.serve.set('ask', () => {
        throw LOST
      })
      const reading = readAnswer(await ask())
      peer.reachable = false
      for (let second = 0; second < 10; second++) await home.pass(1_000)
      assert.equal(pair.asker.pending, 1)
      peer.reachable = true
      peer.serve.set('ask', () => endOf(0))
      await home.pass(1_000)
      assert.equal(codeOf((await reading).final), 'done')
    })

    it('does not take a refusal of the second try for one of the ask', async () => {
      peer.serve.set('ask', () => {
        throw LOST
      })
      const reading = readAnswer(await ask())
      await home.pass(0)
      peer.serve.set('ask', () => {
        throw new WireFailure('rate-limited', { retryAfterMs: 5 })
      })
      await home.pass(1_000)
      peer.serve.set('ask', () => endOf(0))
      await home.pass(1_000)
      assert.equal(codeOf((await reading).final), 'done')
    })
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
