import assert from 'node:assert/strict'
import { WireFailure } from '../../../src/node/answer.ts'
import type { AskFinal } from '../../../src/protocol/verbs.ts'
import { codeOf, readAnswer } from '../../helpers/ask-home.ts'
import type { AskHome } from '../../helpers/ask-home.ts'
import { askId } from '../../helpers/ask-calls.ts'
import { BERT, CAROL, LOST, askPairs, endOf } from '../../helpers/ask-pair.ts'
import type { AskPair } from '../../helpers/ask-pair.ts'
import type { Serve, StubCaller } from '../../helpers/stub-caller.ts'

const BREAKER = 'peer bert'

/** The end of whatever ask this is. */
const answer: Serve = (body) => ({ ...endOf(0), ask: (body as { ask: string }).ask })

describe('the breaker of a peer', () => {
  const pairs = askPairs()
  let home: AskHome
  let pair: AskPair
  let peer: StubCaller
  let asks: number

  beforeEach(() => {
    pair = pairs()
    ;({ home, peer } = pair)
    asks = 0
  })

  /** What becomes of the next ask. */
  async function final(init: Parameters<AskPair['ask']>[1] = {}): Promise<AskFinal> {
    return (await readAnswer(await pair.ask(++asks, init))).final
  }

  async function finals(count: number): Promise<string[]> {
    const codes: string[] = []
    for (let nth = 0; nth < count; nth++) codes.push(codeOf(await final()))
    return codes
  }

  function state(): string | undefined {
    return home.breakers.list().find(({ name }) => name === BREAKER)?.state
  }

  function fail(code: 'internal' | 'denied' | 'busy'): Serve {
    return () => {
      throw new WireFailure(code, {})
    }
  }

  /** Opens it: five asks in a row come to nothing. */
  async function trip(): Promise<void> {
    peer.serve.set('ask', fail('internal'))
    await finals(5)
    peer.verbs()
  }

  it('opens when five asks come to nothing, says so, and sends no more', async () => {
    peer.serve.set('ask', fail('internal'))
    assert.deepEqual(
      await finals(5),
      Array.from({ length: 5 }, () => 'internal'),
    )
    assert.deepEqual(await final(), {
      outcome: 'failed',
      code: 'breaker-open',
      details: { nextProbeAt: home.clock.now() + 30_000, by: 'here' },
    })
    assert.equal(peer.verbs().length, 5)
  })

  it('opens when the peer cannot be reached, five times in a row', async () => {
    peer.reachable = false
    const codes = await finals(6)
    assert.deepEqual(codes.slice(-2), ['unreachable', 'breaker-open'])
  })

  it('opens when the link is lost, or no end comes in time, five times in a row', async () => {
    peer.serve.set('ask', () => {
      throw LOST
    })
    const reading = final()
    for (let second = 0; second < 5; second++) await home.pass(1_000)
    assert.equal(state(), 'open')
    peer.serve.set('ask', answer)
    pair.links.up(BERT)
    await home.pass(0)
    assert.equal(codeOf(await reading), 'done')
  })

  it('stays closed after four, and for a peer that refuses or is busy', async () => {
    peer.serve.set('ask', fail('internal'))
    await finals(4)
    peer.serve.set('ask', answer)
    await finals(1)
    for (const code of ['denied', 'busy'] as const) {
      peer.serve.set('ask', fail(code))
      assert.deepEqual(
        await finals(6),
        Array.from({ length: 6 }, () => code),
      )
    }
    assert.equal(state(), 'closed')
  })

  it('takes no word from asks that are cancelled here', async () => {
    for (let nth = 0; nth < 6; nth++) {
      peer.reachable = new Promise<boolean>(() => undefined)
      const handle = await pair.ask(++asks)
      await home.pass(0)
      await pair.asker.cancel(handle.record)
    }
    assert.equal(state(), 'closed')
  })

  it('is that peer’s own', async () => {
    await trip()
    peer.serve.set('ask', answer)
    assert.equal(codeOf(await final({ to: CAROL })), 'done')
  })

  it('lets one of 50 callers through when it is time for a probe', async () => {
    await trip()
    home.clock.advance(30_000)
    const said = Promise.withResolvers<undefined>()
    peer.serve.set('ask', async (body, say) => {
      await said.promise
      return await answer(body, say)
    })
    const readings = Array.from({ length: 50 }, () => final())
    await home.pass(0)
    assert.deepEqual(peer.verbs(), ['ask'])
    said.resolve(undefined)
    const codes = (await Promise.all(readings)).map(codeOf)
    assert.deepEqual(codes.toSorted(), [
      ...Array.from({ length: 49 }, () => 'breaker-open'),
      'done',
    ])
  })

  it('is closed by two probes, of which the answers need not be whole', async () => {
    await trip()
    home.clock.advance(30_000)
    // Both are still being answered when the third is let through.
    peer.serve.set('ask', async (_, say) => {
      say(0, { kind: 'accepted', position: 0 })
      return await new Promise<never>(() => undefined)
    })
    for (let probe = 0; probe < 2; probe++) {
      await pair.ask(++asks)
      await home.pass(0)
    }
    assert.equal(state(), 'closed')
    peer.serve.set('ask', answer)
    assert.equal(codeOf(await final()), 'done')
  })

  it('lets a probe through at once when the peer links with us, and closes by nothing but probes', async () => {
    await trip()
    pair.links.up(CAROL)
    assert.equal(codeOf(await final()), 'breaker-open')
    pair.links.up(BERT)
    assert.equal(state(), 'open')
    peer.serve.set('ask', answer)
    assert.deepEqual(await finals(3), ['done', 'done', 'done'])
    assert.equal(state(), 'closed')
  })

  it('holds an ask that may wait, and lets it go by a probe of its own', async () => {
    await trip()
    peer.serve.set('ask', answer)
    const reading = final({ wait: true })
    for (let second = 0; second < 29; second++) await home.pass(1_000)
    assert.deepEqual(peer.verbs(), [])
    await home.pass(1_000)
    assert.equal(codeOf(await reading), 'done')
  })

  it('holds an ask that may wait no longer than to its deadline', async () => {
    await trip()
    const reading = final({ wait: true, timeoutMs: 3_000 })
    for (let second = 0; second < 3; second++) await home.pass(1_000)
    assert.equal(codeOf(await reading), 'deadline')
  })

  it('does not hold a cancel', async () => {
    peer.serve.set('ask', () => {
      throw LOST
    })
    const { record } = await pair.ask(++asks)
    for (let second = 0; second < 5; second++) await home.pass(1_000)
    assert.equal(state(), 'open')
    peer.verbs()
    peer.serve.set('ask.cancel', () => ({ ask: askId(asks), state: 'cancelled', lastSeq: 0 }))
    await pair.asker.cancel(record)
    assert.deepEqual(peer.verbs(), ['ask.cancel'])
    peer.serve.set('ask.attach', fail('denied'))
    await home.pass(1_000)
    assert.deepEqual(peer.verbs(), ['ask.cancel', 'ask.attach'])
  })

  it('is open after a restart as before it', async () => {
    await trip()
    await home.quiet()
    await pair.restart()
    await pair.asker.start()
    assert.equal(codeOf(await final()), 'breaker-open')
  })
})
