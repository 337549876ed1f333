import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { AskRecord } from '../../src/node/asks/ask-store.ts'
import { Guard } from '../../src/node/guard.ts'
import type { KnownPeer } from '../../src/node/pins.ts'
import { bytesOfAsk } from '../../src/node/asks/daily-bytes.ts'
import type { DailyBytes } from '../../src/node/asks/daily-bytes.ts'
import { askVerb, attachVerb, cancelVerb, getVerb } from '../../src/node/verbs/ask.ts'
import type { AskVerbComponents } from '../../src/node/verbs/ask.ts'
import { keyAnnounceVerb, keyLogVerb } from '../../src/node/verbs/key-log.ts'
import { pingVerb } from '../../src/node/verbs/ping.ts'
import { statusVerb } from '../../src/node/verbs/status.ts'
import { KithError, isFailure } from '../../src/protocol/errors.ts'
import { MAX_ASK_TEXT_BYTES } from '../../src/protocol/limits.ts'
import type { Body } from '../../src/protocol/message.ts'
import type { GrantName } from '../../src/protocol/pin.ts'
import { NOW, answerTo, askCallOf, askId, askerPeer, idOf } from '../helpers/ask-calls.ts'
import { keyLogComponents } from '../helpers/key-log-components.ts'

const OWN_ID = idOf('node')
const PING = { nonce: new Uint8Array(4) }
const ASK = askCallOf('bert')

/** An answerer with no asks and room for as many as it is told. */
class StubAnswerer {
  room = Infinity
  /** Bytes that asks may store, and those that they have. */
  bytes = Infinity
  stored = 0
  readonly known = new Set<string>()

  find(_asker: string, ask: string): AskRecord | undefined {
    return this.known.has(ask) ? ({} as AskRecord) : undefined
  }

  newestForgotten(): undefined {
    return undefined
  }

  assertRoom(): void {
    if (this.room <= 0) throw new KithError('busy', 'no room', { position: 9 })
  }
}

function guardOf(answerer: StubAnswerer): Guard {
  const components = { answerer } as unknown as AskVerbComponents
  const bytes: Pick<DailyBytes, 'excess' | 'add'> = {
    excess: (_asker, more) =>
      answerer.stored + more > answerer.bytes ? { scope: 'peer-bytes', resetAt: 8 } : undefined,
    add: (_asker, more) => {
      answerer.stored += more
    },
  }
  return new Guard([
    pingVerb({ software: 'kith/test', startedAt: NOW - 5_000 }),
    askVerb({ ...components, bytes }, { ownId: OWN_ID }),
    attachVerb(components),
    cancelVerb(components),
    getVerb(components),
    statusVerb(() => {
      throw new TypeError('not run here')
    }),
    keyLogVerb(keyLogComponents([Uint8Array.of(1)])),
    keyAnnounceVerb(keyLogComponents([])),
  ])
}

describe('guard', () => {
  let answerer: StubAnswerer
  let guard: Guard

  beforeEach(() => {
    answerer = new StubAnswerer()
    guard = guardOf(answerer)
  })

  /** The code of the refusal, or undefined when the call is let in. */
  function refusal(peer: KnownPeer, verb: string, body: Body, now = NOW): string | undefined {
    return refusalBy(guard, peer, verb, body, now)
  }

  /** Each rule in its order: what breaks it, and how its refusal reads. */
  const RULES: [name: string, refused: string][] = [
    ['frozen', 'frozen'],
    ['verb', 'unsupported-verb nonsense'],
    ['size', `too-large ${MAX_ASK_TEXT_BYTES + 1}`],
    ['shape', 'bad-request : Unrecognized key'],
    ['grant', 'denied allow'],
    ['rate of calls', 'rate-limited 60000'],
    ['sender of the chain', 'bad-request chain'],
    ['cycle', `cycle ${OWN_ID}`],
    ['rate of asks', 'rate-limited 30000'],
    ['id', 'bad-request ask: the id is too old'],
    ['room', 'busy 9'],
    ['bytes', 'budget-exhausted peer-bytes'],
  ]
  for (const [first, [name, refused]] of RULES.entries()) {
    it(`refuses for ${name} before all that comes after it`, () => {
      const breaks = (rule: string): boolean => RULES.findIndex(([it]) => it === rule) >= first
      const allow: GrantName[] = breaks('grant') ? [] : ['ask']
      const peer = askerPeer(
        'bert',
        { perMinute: breaks('rate of asks') ? 2 : 100 },
        { allow, callsPerMinute: breaks('rate of calls') ? 1 : 100 },
      )
      useUp(breaks('rate of calls'), breaks('rate of asks'))
      if (breaks('room')) answerer.room = 0
      if (breaks('bytes')) answerer.bytes = answerer.stored
      const others = breaks('cycle') ? [OWN_ID] : []
      const body = {
        ...askCallOf('bert', {
          ask: breaks('id') ? askId(0, 0) : askId(),
          chain: [...others, idOf(breaks('sender of the chain') ? 'carol' : 'bert')],
          text: 'x'.repeat(breaks('size') ? MAX_ASK_TEXT_BYTES + 1 : 1),
        }),
        ...(breaks('shape') ? { extra: 1 } : {}),
      }
      const granted = { ...peer.pin.ask, depth: 2 }
      const pinned = { ...peer, pin: { ...peer.pin, ask: granted }, frozen: breaks('frozen') }
      const found = refusal(pinned, breaks('verb') ? 'nonsense' : 'ask', body)
      assert.ok(found?.startsWith(refused), found)
    })
  }

  /** Lets good calls of bert's in until a rate of one call, and one of two asks a minute, is used up. */
  function useUp(calls: boolean, asks: boolean): void {
    const generous = askerPeer('bert', { perMinute: 2 }, { callsPerMinute: calls ? 1 : 100 })
    if (calls) assert.equal(refusal(generous, 'ping', PING), undefined)
    if (!asks) return
    // Those that the rate of calls would refuse too go to bert under a more generous pin.
    const pin = { ...generous.pin, callsPerMinute: 1_000_000_000 }
    for (let nth = 1; nth <= 2; nth++) {
      const body = askCallOf('bert', { ask: askId(nth) })
      assert.equal(refusal({ ...generous, pin }, 'ask', body), undefined)
    }
  }

  it('lets in a call that breaks no rule, with its body as the schema has it', () => {
    const { call, verb } = guard.admit(
      askerPeer('bert'),
      answerTo(askerPeer('bert'), 'ask', ASK),
      NOW,
    )
    assert.equal(verb.name, 'ask')
    assert.deepEqual(call.body, ASK)
    assert.equal(call.now, NOW)
  })

  const verbs: [verb: string, body: Body, grant: GrantName | 'pinned'][] = [
    ['ping', PING, 'ping'],
    ['ask', ASK, 'ask'],
    ['ask.attach', { ask: ASK.ask, after: 0 }, 'ask'],
    ['ask.cancel', { ask: ASK.ask }, 'ask'],
    ['ask.get', { ask: ASK.ask }, 'ask'],
    ['status', {}, 'status'],
    ['key.log', {}, 'pinned'],
    ['key.announce', { log: [Uint8Array.of(1)] }, 'pinned'],
  ]
  for (const [verb, body, grant] of verbs) {
    it(`lets ${verb} in for ${grant === 'pinned' ? 'any pinned peer' : `the grant ${grant}`}`, () => {
      for (const allow of [[], ['ping'], ['ask'], ['status']] as GrantName[][]) {
        const granted = grant === 'pinned' || allow.includes(grant)
        const found = refusal(askerPeer('bert', {}, { allow }), verb, body)
        assert.equal(found, granted ? undefined : 'denied allow')
      }
    })

    const ofKeys = verb.startsWith('key.')
    const harmless = verb === 'ping' || ofKeys
    it(`${harmless ? 'answers' : 'refuses'} ${verb} to a frozen peer`, () => {
      const found = refusal({ ...askerPeer('bert'), frozen: true }, verb, body)
      assert.equal(found, harmless ? undefined : 'frozen ')
    })

    it(`${ofKeys ? 'answers' : 'refuses'} ${verb} to a key that another has followed`, () => {
      const found = refusal({ ...askerPeer('bert'), superseded: true }, verb, body)
      assert.equal(found, ofKeys ? undefined : 'rotated ')
    })

    it(`refuses ${verb} with a body of another shape`, () => {
      const found = refusal(askerPeer('bert'), verb, { other: true })
      assert.match(found ?? '', /^bad-request /)
    })
  }

  const asks: [
    name: string,
    ask: Partial<KnownPeer['pin']['ask']>,
    nodes: number,
    rule?: string,
  ][] = [
    ['before its last day is over', { untilAt: NOW + 1 }, 1],
    ['after', { untilAt: NOW }, 1, 'until'],
    ['within its hours', { hours: { fromMinute: 539, toMinute: 541, zone: 'UTC' } }, 1],
    ['outside', { hours: { fromMinute: 541, toMinute: 539, zone: 'UTC' } }, 1, 'hours'],
    ['for itself', { depth: 0 }, 1],
    ['for another, which is not granted', { depth: 0 }, 2, 'depth'],
    ['for another, which is granted', { depth: 1 }, 2],
    ['for one more than is granted', { depth: 1 }, 3, 'depth'],
  ]
  for (const [name, ask, nodes, rule] of asks) {
    it(`${rule === undefined ? 'takes' : 'refuses'} an ask of a peer ${name}`, () => {
      const chain = Array.from({ length: nodes - 1 }, (_, at) => idOf(`hop ${at}`))
      const body = askCallOf('bert', { chain: [...chain, idOf('bert')] })
      const found = refusal(askerPeer('bert', ask), 'ask', body)
      assert.equal(found, rule === undefined ? undefined : `denied ${rule}`)
    })
  }

  const chains: [name: string, chain: string[], refused: string][] = [
    ['this node', ['node', 'bert'], `cycle ${OWN_ID}`],
    ['its sender twice', ['bert', 'carol', 'bert'], `cycle ${idOf('bert')}`],
    ['another node twice', ['dora', 'carol', 'dora', 'bert'], `cycle ${idOf('dora')}`],
    ['everybody but its sender', ['dora'], 'bad-request chain'],
  ]
  for (const [name, chain, refused] of chains) {
    it(`refuses an ask that has come through ${name}`, () => {
      const body = askCallOf('bert', { chain: chain.map(idOf) })
      assert.equal(refusal(askerPeer('bert', { depth: 7 }), 'ask', body), refused)
    })
  }

  it('counts calls and asks of each peer apart', () => {
    const pin = { callsPerMinute: 2 }
    for (const name of ['bert', 'carol']) {
      const peer = askerPeer(name, { perMinute: 1 }, pin)
      assert.equal(refusal(peer, 'ask', askCallOf(name)), undefined)
      assert.equal(refusal(peer, 'ping', PING), undefined)
      assert.equal(refusal(peer, 'ping', PING), 'rate-limited 30000')
    }
  })

  it('takes a duplicate that has no room, is as old as its ask and comes as often as it likes', () => {
    const peer = askerPeer('bert', { perMinute: 1 })
    const body = askCallOf('bert', { ask: askId(1, 0) })
    answerer.known.add(body.ask)
    Object.assign(answerer, { room: 0, bytes: 0 })
    for (let i = 0; i < 5; i++) assert.equal(refusal(peer, 'ask', body), undefined)
    assert.equal(answerer.stored, 0)
    Object.assign(answerer, { room: 1, bytes: Infinity })
    assert.equal(refusal(peer, 'ask', askCallOf('bert')), undefined)
  })

  it('counts what an ask stores when it is let in, and only then', () => {
    const peer = askerPeer('bert')
    answerer.bytes = bytesOfAsk(ASK)
    assert.equal(refusal(peer, 'ask', ASK), undefined)
    assert.equal(answerer.stored, bytesOfAsk(ASK))
    assert.equal(refusal(peer, 'ask', ASK), 'budget-exhausted peer-bytes')
    assert.equal(answerer.stored, bytesOfAsk(ASK))
  })

  it('takes nothing from a peer for a call that it refuses', () => {
    const peer = askerPeer('bert', { perMinute: 10 }, { callsPerMinute: 20 })
    const kinds: [verb: string, body: Body, change?: Partial<KnownPeer>][] = [
      ['ping', PING],
      ['ask', ASK],
      ['ping', { nonce: 1 }],
      ['nonsense', {}],
      ['ask', askCallOf('bert', { text: 'x'.repeat(MAX_ASK_TEXT_BYTES + 1) })],
      ['ask', askCallOf('bert', { chain: [idOf('carol')] })],
      ['ask', askCallOf('bert', { ask: askId(0, 0) })],
      ['ask', ASK, { frozen: true }],
      ['ask', ASK, { pin: { ...peer.pin, allow: [] } }],
    ]
    const step = fc.record({
      kind: fc.constantFrom(...kinds),
      waitMs: fc.nat({ max: 9_000 }),
      room: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const every = guardOf(answerer)
        const onlyGood = guardOf(answerer)
        let now = NOW
        for (const { kind, waitMs, room } of steps) {
          const [verb, body, change] = kind
          now += waitMs
          answerer.room = room ? 1 : 0
          const caller = { ...peer, ...change }
          if (refusalBy(every, caller, verb, body, now) !== undefined) continue
          assert.equal(refusalBy(onlyGood, caller, verb, body, now), undefined)
        }
        answerer.room = 1
        for (const [verb, body] of [['ask', ASK] as const, ['ping', PING] as const]) {
          const left = (tested: Guard): number => {
            let count = 0
            while (refusalBy(tested, peer, verb, body, now) === undefined) count++
            return count
          }
          assert.equal(left(every), left(onlyGood))
        }
      }),
      { numRuns: 200 },
    )
  })
})

/** The code and the telling detail of the refusal, or undefined when the call is let in. */
function refusalBy(
  guard: Guard,
  peer: KnownPeer,
  verb: string,
  body: Body,
  now: number,
): string | undefined {
  try {
    guard.admit(peer, answerTo(peer, verb, body), now)
    return undefined
  } catch (err) {
    assert.ok(isFailure(err), String(err))
    return `${err.code} ${String(Object.values(err.details)[0] ?? '')}`
  }
}
