import assert from 'node:assert/strict'
import { WireFailure } from '../../../src/node/answer.ts'
import type { AskHandle } from '../../../src/node/asks/handle.ts'
import { askId } from '../../helpers/ask-calls.ts'
import { codeOf, readAnswer } from '../../helpers/ask-home.ts'
import type { AskHome } from '../../helpers/ask-home.ts'
import { BERT, CAROL, LOST, askPairs, endOf, sayTexts } from '../../helpers/ask-pair.ts'
import type { AskPair } from '../../helpers/ask-pair.ts'
import { settle } from '../../helpers/memory-channel.ts'
import type { StubCaller } from '../../helpers/stub-caller.ts'

describe('an asker whose peer comes and goes', () => {
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
      for (let second = 0; second < 3; second++) await home.pass(1_000)
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
      pair.links.up(BERT)
      await home.pass(0)
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
})
