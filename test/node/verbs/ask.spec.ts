import assert from 'node:assert/strict'
import { pino } from 'pino'
import { WireFailure } from '../../../src/node/answer.ts'
import type { Answer } from '../../../src/node/answer.ts'
import { Answerer } from '../../../src/node/asks/answerer.ts'
import type { AskerStanding } from '../../../src/node/asks/handle.ts'
import { askVerb, askerOf, attachVerb, cancelVerb, getVerb } from '../../../src/node/verbs/ask.ts'
import type { AnyVerb } from '../../../src/node/verbs/verb.ts'
import { failed } from '../../../src/agent/failure.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import type { Body } from '../../../src/protocol/message.ts'
import { askEnd, askEvent, askSummary, parseBody } from '../../../src/protocol/verbs.ts'
import { answerTo, askCallOf, askId, askerPeer, idOf } from '../../helpers/ask-calls.ts'
import { askHomes } from '../../helpers/ask-home.ts'
import type { AskHome } from '../../helpers/ask-home.ts'
import { settle } from '../../helpers/memory-channel.ts'
import { StubAgent } from '../../helpers/stub-agent.ts'

const BERT = askerPeer('bert')

type Sent = [seq: number, body: Body]

describe('the verbs of asks', () => {
  const homes = askHomes()
  let home: AskHome
  let agent: StubAgent
  let answerer: Answerer
  let verbs: Map<string, AnyVerb>

  beforeEach(() => {
    home = homes()
    agent = new StubAgent()
    const { bytes, clock, store } = home
    const log = pino({ level: 'silent' })
    const standing = (): AskerStanding => ({ asker: askerOf(BERT), deniedBy: undefined })
    const parked = async (): Promise<undefined> => undefined
    const components = { store, bytes, agent, standing, parked, clock, log }
    answerer = new Answerer(components, { parallel: 1, queue: 8 })
    const all = [
      askVerb({ answerer, bytes }, { ownId: idOf('node') }),
      attachVerb({ answerer }),
      cancelVerb({ answerer }),
      getVerb({ answerer }),
    ]
    verbs = new Map(all.map((verb) => [verb.name, verb]))
  })
  afterEach(async () => {
    agent.release()
    await answerer.stop(0)
  })

  /** A call that the guard let in: what it sends, and its end. */
  function call(
    name: string,
    body: Body,
    drained?: () => Promise<void> | undefined,
  ): { sent: Sent[]; end: Promise<Body>; answer: Answer } {
    const sent: Sent[] = []
    const answer = answerTo(BERT, name, body, (seq, event) => {
      sent.push([seq, event])
      return drained?.()
    })
    const verb = verbs.get(name)
    assert.ok(verb !== undefined)
    const end = Promise.resolve(verb.run({ peer: BERT, body, answer, now: home.clock.now() }))
    end.catch(() => undefined)
    return { sent, end, answer }
  }

  function ask(nth = 1): ReturnType<typeof call> {
    return call('ask', askCallOf('bert', { ask: askId(nth), text: `ask ${nth}` }))
  }

  it('ask says that it is accepted, sends the events as they come, and ends with the last number', async () => {
    const { end, sent } = ask()
    assert.deepEqual(await end, { ask: askId(1), engine: 'stub', lastSeq: 2 })
    assert.deepEqual(sent, [
      [0, { kind: 'accepted', position: 0 }],
      [1, { kind: 'progress', note: 'thinking' }],
      [2, { kind: 'text', text: 'ask 1' }],
    ])
    for (const [, body] of sent) parseBody(askEvent, body)
    parseBody(askEnd, await end)
  })

  it('ask says how many of its asker stand before', async () => {
    agent.hold()
    const calls = [ask(1), ask(2), ask(3)]
    await home.quiet()
    assert.deepEqual(
      calls.map(({ sent }) => sent[0]),
      [0, 1, 2].map((position) => [0, { kind: 'accepted', position }]),
    )
  })

  it('ask is on disk before it says that it is accepted', async () => {
    const states: (string | undefined)[] = []
    const { end } = call('ask', askCallOf('bert', { ask: askId(1) }), () => {
      states.push(home.store.get('in', BERT.id, askId(1))?.state)
      return undefined
    })
    await end
    assert.equal(states[0], 'claimed')
  })

  it('ask ends as the agent ended', async () => {
    agent.script = async function* () {
      yield failed('breaker-open', { nextProbeAt: 7 }, 'not for others')
    }
    const err = await ask().end.catch((caught: unknown) => caught)
    assert.ok(err instanceof WireFailure)
    assert.deepEqual([err.code, err.details], ['breaker-open', { nextProbeAt: 7 }])
  })

  it('ask sends no event before the one before it was taken', async () => {
    const taken = Array.from({ length: 3 }, () => Promise.withResolvers<void>())
    const waits = taken.map(({ promise }) => promise)
    const body = askCallOf('bert', { ask: askId(1) })
    const { end, sent } = call('ask', body, () => waits.shift())
    for (const [before, { resolve }] of taken.entries()) {
      await home.quiet()
      assert.equal(sent.length, before + 1)
      resolve()
    }
    await end
    assert.equal(sent.length, 3)
  })

  it('ask again joins, and gets all from the first event', async () => {
    agent.hold()
    const first = ask()
    await home.quiet()
    const second = ask()
    await home.quiet()
    agent.release()
    assert.deepEqual(await second.end, await first.end)
    assert.deepEqual(second.sent, first.sent)
    assert.equal(agent.runs.length, 1)
  })

  describe('ask, after the clock jumped ahead, answers were forgotten, and it jumped back', () => {
    const DAY_MS = 86_400_000

    /** Whether an ask is admitted by rules of the verb. */
    function admit(nth: number, at: number): void {
      const body = askCallOf('bert', { ask: askId(nth, at) })
      const answer = answerTo(BERT, 'ask', body)
      verbs.get('ask')?.admit?.({ peer: BERT, body, answer, now: home.clock.now() })
    }

    it('is refused under an id that may have run, and taken under a newer one', async () => {
      const now = home.clock.now()
      await ask(1).end
      await home.quiet()
      admit(2, now)
      await home.store.prune(now + 2 * DAY_MS)
      assert.throws(
        () => {
          admit(1, now)
        },
        { code: 'bad-request', details: { what: 'ask: the id is too old' } },
      )
      admit(3, now + 1)
    })

    it('is not refused by what was forgotten of another asker', async () => {
      const carol = askerPeer('carol')
      await answerer.submit(askerOf(carol), askCallOf('carol', { ask: askId(1) }))
      await home.quiet()
      await home.store.prune(home.clock.now() + 2 * DAY_MS)
      assert.notEqual(answerer.newestForgotten(carol.id), undefined)
      admit(1, home.clock.now())
    })
  })

  it('goes on when whoever asked has gone', async () => {
    agent.hold()
    const { answer, end } = ask()
    await home.quiet()
    answer.abort(new KithError('connection-lost', 'gone', { peer: BERT.id }))
    await assert.rejects(end, { code: 'connection-lost' })
    agent.release()
    const attached = call('ask.attach', { ask: askId(1), after: 0 })
    assert.equal(parseBody(askEnd, await attached.end).lastSeq, 2)
  })

  for (const after of [0, 1, 2, 99]) {
    it(`ask.attach sends what comes after event ${after}, and the end`, async () => {
      await ask().end
      const { end, sent } = call('ask.attach', { ask: askId(1), after })
      assert.equal(parseBody(askEnd, await end).lastSeq, 2)
      assert.deepEqual(
        sent.map(([seq]) => seq),
        [1, 2].filter((seq) => seq > after),
      )
    })
  }

  it('ask.get tells how it stands, without a word of it', async () => {
    agent.hold()
    const { end } = ask()
    ask(2)
    await home.quiet()
    const get = async (nth: number): Promise<unknown> =>
      parseBody(askSummary, await call('ask.get', { ask: askId(nth) }).end)
    assert.deepEqual(await get(1), { ask: askId(1), state: 'running', lastSeq: 1 })
    assert.deepEqual(await get(2), { ask: askId(2), state: 'queued', lastSeq: 0 })
    agent.release()
    await end
    await settle()
    assert.deepEqual(await get(1), { ask: askId(1), state: 'done', lastSeq: 2 })
  })

  it('ask.cancel ends it, and tells how it stands then', async () => {
    agent.hold()
    const { end } = ask()
    await home.quiet()
    const cancelled = parseBody(askSummary, await call('ask.cancel', { ask: askId(1) }).end)
    assert.deepEqual(cancelled, { ask: askId(1), state: 'cancelled', lastSeq: 1 })
    const err = await end.catch((caught: unknown) => caught)
    assert.ok(err instanceof WireFailure && err.code === 'cancelled')
  })

  for (const name of ['ask.attach', 'ask.cancel', 'ask.get']) {
    it(`${name} knows no ask of another asker`, async () => {
      await answerer.submit(askerOf(askerPeer('carol')), askCallOf('carol', { ask: askId(5) }))
      const end = call(name, { ask: askId(5), ...(name === 'ask.attach' ? { after: 0 } : {}) }).end
      await assert.rejects(end, { code: 'bad-request', details: { what: 'ask: unknown' } })
    })
  }

  it('serves an asker under our name for it, with its grant', () => {
    const peer = askerPeer('bert', { preset: 'write', parallel: 5 })
    assert.deepEqual(askerOf(peer), { name: 'bert', id: idOf('bert'), grant: peer.pin.ask })
  })
})
