import assert from 'node:assert/strict'
import { WireFailure } from '../../../src/node/answer.ts'
import type { AskHandle } from '../../../src/node/asks/handle.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import type { Body } from '../../../src/protocol/message.ts'
import { askCallOf, askId } from '../../helpers/ask-calls.ts'
import { askHomes, codeOf, readAnswer } from '../../helpers/ask-home.ts'
import type { AskHome, ReadAnswer } from '../../helpers/ask-home.ts'
import { AskPair, BERT } from '../../helpers/ask-pair.ts'
import type { Say } from '../../helpers/stub-caller.ts'

const LOST = new KithError('connection-lost', 'lost', { peer: BERT.id })
const UNKNOWN = new WireFailure('bad-request', { what: 'ask: unknown' })
const SUMMARY = { ask: askId(1), state: 'cancelled', lastSeq: 0 }

/** Never ends by itself. */
function silence(): Promise<Body> {
  return new Promise(() => undefined)
}

function end(lastSeq: number): { ask: string; engine: string; lastSeq: number } {
  return { ask: askId(1), engine: 'stub', lastSeq }
}

function cancelledByPeer(): never {
  throw new WireFailure('cancelled', {})
}

describe('an ask of ours', () => {
  const homes = askHomes()
  let home: AskHome
  let pair: AskPair

  beforeEach(async () => {
    home = homes()
    pair = await AskPair.start(home)
  })
  afterEach(async () => {
    await pair.asker.stop()
    assert.equal(home.clock.timers, 0)
  })

  /** Asks, and waits until the call is on its way. */
  async function send(): Promise<{ handle: AskHandle; reading: Promise<ReadAnswer> }> {
    const handle = await pair.ask()
    await home.quiet()
    return { handle, reading: readAnswer(handle) }
  }

  async function stored(): Promise<string | undefined> {
    await home.quiet()
    const record = home.store.get('out', BERT.id, askId(1))
    return record?.final === undefined ? record?.state : codeOf(record.final)
  }

  describe('that is cancelled before it was sent', () => {
    it('ends here, and the peer never hears of it', async () => {
      pair.peer.reachable = false
      const handle = await pair.ask(1, { wait: true })
      await home.quiet()
      await pair.asker.cancel(handle.record)
      assert.equal(codeOf((await readAnswer(handle)).final), 'cancelled')
      pair.peer.reachable = true
      await home.pass(60_000)
      assert.deepEqual(pair.peer.verbs(), [])
      assert.equal(await stored(), 'cancelled')
    })

    it('while its peer is dialled, ends at once and is not sent when the dial comes to an end', async () => {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      pair.peer.reachable = promise
      const { handle, reading } = await send()
      await pair.asker.cancel(handle.record)
      assert.equal(codeOf((await reading).final), 'cancelled')
      resolve(true)
      await home.pass(60_000)
      assert.deepEqual(pair.peer.verbs(), [])
    })
  })

  describe('that is cancelled after it was sent', () => {
    it('is ended by the peer, whose final counts', async () => {
      const { promise, reject } = Promise.withResolvers<Body>()
      pair.peer.serve.set('ask', () => promise)
      pair.peer.serve.set('ask.cancel', (body) => {
        assert.deepEqual(body, { ask: askId(1) })
        reject(new WireFailure('cancelled', {}))
        return SUMMARY
      })
      const { handle, reading } = await send()
      await pair.asker.cancel(handle.record)
      assert.equal(codeOf((await reading).final), 'cancelled')
      assert.deepEqual(pair.peer.verbs(), ['ask', 'ask.cancel'])
      assert.deepEqual(await home.steps(askId(1)), ['received', 'cancel', 'cancelled'])
    })

    it('is done when the peer was done before it heard', async () => {
      const { promise, resolve } = Promise.withResolvers<Body>()
      pair.peer.serve.set('ask', () => promise)
      pair.peer.serve.set('ask.cancel', () => {
        resolve(end(0))
        return { ...SUMMARY, state: 'done' }
      })
      const { handle, reading } = await send()
      await pair.asker.cancel(handle.record)
      assert.equal(codeOf((await reading).final), 'done')
      assert.equal(await stored(), 'done')
    })

    it('is cancelled there first when the peer is back, and never sent again', async () => {
      pair.peer.serve.set('ask', () => {
        throw LOST
      })
      const { handle, reading } = await send()
      pair.peer.reachable = false
      await pair.asker.cancel(handle.record)
      await home.pass(5_000)
      pair.peer.serve.set('ask.cancel', () => SUMMARY)
      pair.peer.serve.set('ask.attach', cancelledByPeer)
      pair.peer.reachable = true
      pair.peer.verbs()
      await home.pass(1_000)
      assert.equal(codeOf((await reading).final), 'cancelled')
      assert.deepEqual(pair.peer.verbs(), ['ask.cancel', 'ask.attach'])
    })

    it('is cancelled when it never got there: the peer does not know it', async () => {
      pair.peer.serve.set('ask', () => {
        throw LOST
      })
      const { handle, reading } = await send()
      for (const verb of ['ask.cancel', 'ask.attach']) {
        pair.peer.serve.set(verb, () => {
          throw UNKNOWN
        })
      }
      await pair.asker.cancel(handle.record)
      pair.peer.verbs()
      await home.pass(1_000)
      assert.equal(codeOf((await reading).final), 'cancelled')
      assert.deepEqual(pair.peer.verbs(), ['ask.cancel', 'ask.attach'])
    })

    it('keeps the final that was on its way to disk', async () => {
      pair.peer.serve.set('ask', () => end(0))
      const { handle } = await send()
      await Promise.all([pair.asker.cancel(handle.record), pair.asker.cancel(handle.record)])
      assert.equal(await stored(), 'done')
    })

    it('has one final, whenever that is', async () => {
      for (let turns = 0; turns < 12; turns++) {
        const { promise, resolve } = Promise.withResolvers<Body>()
        pair.peer.serve.set('ask', () => promise)
        pair.peer.serve.set('ask.cancel', () => SUMMARY)
        const handle = await pair.ask(100 + turns)
        await home.quiet()
        resolve({ ...end(0), ask: askId(100 + turns) })
        for (let turn = 0; turn < turns; turn++) await Promise.resolve()
        await pair.asker.cancel(handle.record)
        assert.equal(codeOf((await readAnswer(handle)).final), 'done')
        await home.quiet()
        const record = home.store.get('out', BERT.id, askId(100 + turns))
        assert.equal(record?.state, 'done', `after ${turns} turns`)
      }
    })
  })

  it('that has ended is not cancelled any more', async () => {
    pair.peer.serve.set('ask', () => end(0))
    const { handle } = await send()
    await readAnswer(handle)
    await home.quiet()
    await pair.asker.cancel(handle.record)
    assert.deepEqual(await home.steps(askId(1)), ['received', 'done'])
    assert.deepEqual(pair.peer.verbs(), ['ask'])
  })

  describe('when the node stops', () => {
    for (const [name, reachable] of [
      ['on its way', true],
      ['while its peer is dialled', silence() as Promise<never>],
      ['while it waits for its peer', false],
    ] as const) {
      it(`stays in the store: ${name}`, async () => {
        pair.peer.reachable = reachable
        await pair.ask(1, { wait: true })
        await home.quiet()
        await pair.asker.stop()
        assert.equal(await stored(), 'received')
        assert.deepEqual((await home.store.unfinished()).length, 1)
        await home.pass(60_000)
        assert.equal(pair.asker.pending, 0)
      })
    }
  })

  describe('after a restart', () => {
    /** What the peer did before it. */
    async function before(serve: (say: Say) => void): Promise<void> {
      pair.peer.serve.set('ask', (_, say) => {
        serve(say)
        return silence()
      })
      await send()
      await pair.restart(2_000)
    }

    async function resumed(): Promise<ReadAnswer> {
      await pair.asker.start()
      const record = home.store.get('out', BERT.id, askId(1))
      assert.ok(record !== undefined)
      return await readAnswer(pair.asker.attach(record))
    }

    it('is sent again when nothing of its answer had come', async () => {
      await before(() => undefined)
      pair.peer.serve.set('ask', () => end(0))
      assert.equal(codeOf((await resumed()).final), 'done')
    })

    it('is read on after the last event that was on disk', async () => {
      await before((say) => {
        for (const seq of [1, 2]) say(seq, { kind: 'text', text: `${seq} ` })
      })
      pair.peer.serve.set('ask.attach', (body, say) => {
        assert.deepEqual(body, { ask: askId(1), after: 2 })
        say(3, { kind: 'text', text: '3 ' })
        return end(3)
      })
      const { seqs, text } = await resumed()
      assert.deepEqual(seqs, [1, 2, 3])
      assert.equal(text, '1 2 3 ')
      assert.deepEqual(pair.peer.verbs(), ['ask.attach'])
    })

    it('waits for its peer, as it may have been sent', async () => {
      await before(() => undefined)
      pair.peer.reachable = false
      await pair.asker.start()
      await home.pass(5_000)
      assert.equal(pair.asker.pending, 1)
      assert.equal(await stored(), 'received')
    })

    it('that was made for an ask to us is cancelled, since that has ended with the process', async () => {
      pair.peer.serve.set('ask', () => silence())
      await pair.asker.ask(BERT, askCallOf('node', { ask: askId(1) }), false, askId(9))
      await home.quiet()
      await pair.restart(2_000)
      pair.peer.serve.set('ask.cancel', () => SUMMARY)
      pair.peer.serve.set('ask.attach', cancelledByPeer)
      assert.equal(codeOf((await resumed()).final), 'cancelled')
      assert.deepEqual(pair.peer.verbs(), ['ask.cancel', 'ask.attach'])
    })

    it('that was cancelled is cancelled there first', async () => {
      pair.peer.serve.set('ask', () => silence())
      const { handle } = await send()
      pair.peer.reachable = false
      await pair.asker.cancel(handle.record)
      await pair.restart()
      pair.peer.serve.set('ask.cancel', () => SUMMARY)
      pair.peer.serve.set('ask.attach', cancelledByPeer)
      assert.equal(codeOf((await resumed()).final), 'cancelled')
      assert.deepEqual(pair.peer.verbs(), ['ask.cancel', 'ask.attach'])
    })

    it('has expired when its time was over meanwhile', async () => {
      pair.peer.serve.set('ask', () => silence())
      await send()
      await pair.restart(60_000 + 5_000)
      assert.equal(codeOf((await resumed()).final), 'deadline')
      assert.deepEqual(pair.peer.verbs(), [])
    })

    it('keeps the final that it had', async () => {
      pair.peer.serve.set('ask', () => end(0))
      await send()
      await home.quiet()
      await pair.restart()
      const { final } = await resumed()
      assert.deepEqual(final, { outcome: 'done', end: end(0) })
      assert.deepEqual(pair.peer.verbs(), [])
    })
  })
})
