import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { EngineAsk, EngineEvent, SpendLimit, Usage } from '../../../src/agent/ports.ts'
import type { PeerAsk } from '../../../src/agent/tools/ask-peer.ts'
import { AgentPeers } from '../../../src/node/agent/peer-caller.ts'
import type { AskRecord } from '../../../src/node/asks/ask-store.ts'
import { Feed } from '../../../src/node/asks/feed.ts'
import type { AskHandle } from '../../../src/node/asks/handle.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import type { AskCall, AskFinal } from '../../../src/protocol/verbs.ts'
import { askOf } from '../../agent/asks.ts'
import { NOW, askerPeer, idOf } from '../../helpers/ask-calls.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { StubPins } from '../../helpers/stub-pins.ts'

const OWN_ID = idOf('own')
const BERT = idOf('bert')
const DONE: AskFinal = { outcome: 'done', end: { ask: 'a', engine: 'model', lastSeq: 1 } }

describe('the peers that an agent asks', () => {
  /** What was asked of peers, what was cancelled there, and what was reserved and settled. */
  let asked: AskCall[]
  let cancelled: string[]
  let money: Usage[]
  /** What the peer says, and what is left of the ask's own budget. */
  let feed: Feed
  let left: SpendLimit | undefined
  let mayReserve: boolean

  beforeEach(() => {
    asked = []
    cancelled = []
    money = []
    feed = new Feed()
    left = undefined
    mayReserve = true
  })

  function peers(depth = 1): AgentPeers {
    const pins = new StubPins([askerPeer('bert', { depth }), askerPeer('carol')])
    return new AgentPeers({
      ...{ pins, clock: new ManualClock(), randomBytes, ownId: OWN_ID, left: () => left },
      budget: {
        left: () => assert.fail('only what is left of the ask itself is shared'),
        reserve: async (_ask, most) => {
          if (!mayReserve) {
            throw new KithError('budget-exhausted', 'none left', { scope: 'ask', resetAt: NOW })
          }
          money.push(most)
          return {
            exhausted: new AbortController().signal,
            settle: async (used) => {
              money.push(used)
            },
          }
        },
      },
      asker: {
        ask: async (_peer, call, wait, onBehalfOf): Promise<AskHandle> => {
          assert.deepEqual([wait, onBehalfOf], [false, askOfBert().id])
          asked.push(call)
          const record = { ask: call.ask } as AskRecord
          return { record, position: 0, read: (after, signal) => feed.read(after, signal) }
        },
        cancel: async ({ ask }) => {
          cancelled.push(ask)
        },
      },
    })
  }

  function askOfBert(changes: Partial<EngineAsk> = {}): EngineAsk {
    return askOf('hi', { asker: { name: 'bert', id: BERT }, chain: [BERT], ...changes })
  }

  function onward(ask: EngineAsk, peer = 'carol'): PeerAsk {
    return {
      ...{ peer, text: 'and you?', chain: [...ask.chain, OWN_ID] },
      ...{ deadlineAt: NOW + 5_000, preset: 'full' },
    }
  }

  async function events(
    ask = askOfBert(),
    peer = 'carol',
    { signal } = new AbortController(),
    depth = 1,
  ): Promise<EngineEvent[]> {
    return await Array.fromAsync(peers(depth).ask(onward(ask, peer), ask, signal))
  }

  function says(final: AskFinal): void {
    feed.push({ seq: 1, body: { kind: 'text', text: 'hello' } })
    feed.end(final)
  }

  it('get the text with its chain, its preset and the time that is left', async () => {
    says(DONE)
    assert.deepEqual(await events(), [{ kind: 'text', text: 'hello' }, { kind: 'done' }])
    const [{ ask, ...call } = { ask: '' }, ...more] = asked
    assert.match(ask, /^[\da-f-]{36}$/)
    assert.deepEqual(
      [call, more],
      [{ text: 'and you?', chain: [BERT, OWN_ID], timeoutMs: 5_000, preset: 'full' }, []],
    )
    assert.deepEqual([money, cancelled], [[], []])
  })

  for (const [chain, depth, refused] of [
    [1, 0, true],
    [1, 1, false],
    [2, 1, true],
    [2, 2, false],
  ] as const) {
    it(`are ${refused ? 'not ' : ''}asked for one that came over ${chain} nodes at depth ${depth}`, async () => {
      says(DONE)
      const through = [idOf('alice'), BERT].slice(-chain)
      const asking = events(askOfBert({ chain: through }), 'carol', undefined, depth)
      if (!refused) await asking
      else await assert.rejects(asking, { code: 'denied', details: { rule: 'depth' } })
      assert.equal(asked.length, refused ? 0 : 1)
    })
  }

  it('are asked for the owner at any depth, and for nobody who is no longer pinned', async () => {
    says(DONE)
    await events(
      askOf('hi', { asker: { name: 'self', id: OWN_ID }, chain: [] }),
      'carol',
      undefined,
      0,
    )
    assert.deepEqual(asked[0]?.chain, [OWN_ID])
    const gone = askOfBert({ asker: { name: 'dora', id: idOf('dora') }, chain: [idOf('dora')] })
    await assert.rejects(events(gone), { code: 'denied' })
  })

  it('are not asked by a name that nobody has, nor those that it has come through', async () => {
    await assert.rejects(events(askOfBert(), 'nobody'), { code: 'unknown-peer' })
    await assert.rejects(events(askOfBert(), 'bert'), { code: 'cycle', details: { node: BERT } })
    assert.deepEqual(asked, [])
  })

  const HALF = { model: 'peer/carol', estimated: true, outputTokens: 0 }
  for (const [what, of, share, reserved] of [
    ['money', { microUsd: 101 }, { microUsd: 50 }, { microUsd: 50, inputTokens: 0 }],
    ['tokens', { tokens: 9 }, { tokens: 4 }, { microUsd: 0, inputTokens: 4 }],
    [
      'both',
      { microUsd: 8, tokens: 6 },
      { microUsd: 4, tokens: 3 },
      { microUsd: 4, inputTokens: 3 },
    ],
  ] as const) {
    it(`get half of what is left in ${what}, which counts as spent`, async () => {
      left = of
      says(DONE)
      await events()
      assert.deepEqual(asked[0]?.budget, share)
      assert.deepEqual(money, [
        { ...HALF, ...reserved },
        { ...HALF, ...reserved },
      ])
    })
  }

  it('are not asked where that cannot be reserved', async () => {
    left = { microUsd: 100 }
    mayReserve = false
    await assert.rejects(events(), { code: 'budget-exhausted' })
    assert.deepEqual(asked, [])
  })

  for (const [code, spent] of [
    ['denied', 0],
    ['busy', 0],
    ['rate-limited', 0],
    ['cycle', 0],
    ['breaker-open', 0],
    ['internal', 50],
    ['deadline', 50],
    ['budget-exhausted', 50],
  ] as const) {
    it(`have cost ${spent} of 50 when they say ${code}`, async () => {
      left = { microUsd: 100 }
      feed.end({ outcome: 'failed', code, details: {} })
      const end = (await events()).at(-1)
      assert.ok(end?.kind === 'failed' && end.code === code)
      assert.equal(money[1]?.microUsd, spent)
    })
  }

  it('have cost all of it when they are busy in the midst of an answer', async () => {
    left = { microUsd: 100 }
    says({ outcome: 'failed', code: 'busy', details: {} })
    await events()
    assert.equal(money[1]?.microUsd, 50)
  })

  it('that cannot be reached have cost nothing, and that is said', async () => {
    left = { microUsd: 100 }
    const details = { peer: 'carol', reason: 'nobody answers' }
    feed.end({ outcome: 'failed', code: 'unreachable', details })
    await assert.rejects(events(), {
      code: 'unreachable',
      message: 'carol cannot be reached',
      details,
    })
    assert.equal(money[1]?.microUsd, 0)
  })

  it('say internal where their word is none that the wire knows', async () => {
    feed.end({ outcome: 'failed', code: 'sulking', details: {} })
    const end = (await events()).at(-1)
    assert.ok(end?.kind === 'failed' && end.code === 'internal')
  })

  it('hear of it when the ask ends before they do, and their share is spent', async () => {
    left = { microUsd: 100 }
    const stop = new AbortController()
    const asking = events(askOfBert(), 'carol', stop)
    const reason = new KithError('cancelled', 'the asker cancelled the ask', {})
    stop.abort(reason)
    await assert.rejects(asking, reason)
    assert.deepEqual(cancelled, [asked[0]?.ask])
    assert.equal(money[1]?.microUsd, 50)
  })

  it('hear of it when nobody reads on', async () => {
    feed.push({ seq: 1, body: { kind: 'text', text: 'a long story' } })
    const ask = askOfBert()
    const reading = peers().ask(onward(ask), ask, new AbortController().signal)
    await reading.next()
    await reading.return()
    assert.deepEqual(cancelled, [asked[0]?.ask])
  })
})
