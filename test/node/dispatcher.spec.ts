import assert from 'node:assert/strict'
import { pino } from 'pino'
import { WireFailure } from '../../src/node/answer.ts'
import { Dispatcher } from '../../src/node/dispatcher.ts'
import { Guard } from '../../src/node/guard.ts'
import { keyLogVerb } from '../../src/node/verbs/key-log.ts'
import { pingVerb } from '../../src/node/verbs/ping.ts'
import { statusVerb } from '../../src/node/verbs/status.ts'
import { defineVerb } from '../../src/node/verbs/verb.ts'
import { KithError, isWireCode } from '../../src/protocol/errors.ts'
import type { FailureCode } from '../../src/protocol/errors.ts'
import type { Body } from '../../src/protocol/message.ts'
import { statusEnd } from '../../src/protocol/status.ts'
import { emptyCall, parseBody, pingEnd } from '../../src/protocol/verbs.ts'
import { NOW, answerTo, askerPeer } from '../helpers/ask-calls.ts'
import { keyLogComponents } from '../helpers/key-log-components.ts'
import { LogTap } from '../helpers/log-tap.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { StubPins } from '../helpers/stub-pins.ts'

const BERT = askerPeer('bert')
const STATUS = {
  asks: { running: 1, queued: 2 },
  engine: 'builtin',
  health: 'healthy',
  software: 'kith/test',
  uptimeMs: 5_000,
} as const
/** As pino numbers them. */
const DEBUG = 20
const ERROR = 50
const SECRET = 'the passphrase is swordfish'

describe('dispatcher', () => {
  let log: LogTap
  let pins: StubPins
  /** What `status` does in this test. */
  let run: () => Body | Promise<Body>
  let dispatcher: Dispatcher

  beforeEach(() => {
    log = new LogTap()
    pins = new StubPins([BERT])
    run = () => STATUS
    let incidents = 0
    dispatcher = new Dispatcher({
      pins,
      guard: new Guard([
        pingVerb({ software: 'kith/test', startedAt: NOW - 5_000 }),
        keyLogVerb(keyLogComponents([Uint8Array.of(1), Uint8Array.of(2)])),
        defineVerb({ name: 'status', body: emptyCall, run: () => run() }),
      ]),
      clock: new ManualClock(),
      log: pino({ base: null, level: 'debug' }, log),
      incidentId: () => `incident-${++incidents}`,
    })
  })

  /** What the peer is told: the end's body, or the failure. */
  async function told(verb: string, body: Body = {}): Promise<unknown> {
    try {
      return { end: await dispatcher.dispatch(answerTo(BERT, verb, body)) }
    } catch (err) {
      assert.ok(err instanceof WireFailure, String(err))
      return { code: err.code, details: err.details }
    }
  }

  it('answers a ping with its nonce, padded as wanted, and with our clock, version and uptime', async () => {
    const nonce = Uint8Array.of(1, 2, 3)
    const end = { at: NOW, nonce, software: 'kith/test', uptimeMs: 5_000, versions: [1, 1] }
    assert.deepEqual(await told('ping', { nonce }), { end })
    const padded = await told('ping', { nonce, size: 7 })
    assert.deepEqual(padded, { end: { ...end, pad: new Uint8Array(7) } })
    parseBody(pingEnd, end)
  })

  it('answers at once where it can: no promise for a ping', () => {
    const end = dispatcher.dispatch(answerTo(BERT, 'ping', { nonce: new Uint8Array(1) }))
    assert.equal(end instanceof Promise, false)
  })

  it('answers key.log with our key log', async () => {
    assert.deepEqual(await told('key.log'), {
      end: { log: [Uint8Array.of(1), Uint8Array.of(2)] },
    })
  })

  it('answers status with the summary, which its schema takes', async () => {
    const verb = statusVerb(() => STATUS)
    const call = { peer: BERT, body: {}, answer: answerTo(BERT, 'status', {}), now: NOW }
    assert.deepEqual(parseBody(statusEnd, await verb.run(call)), STATUS)
  })

  it('tells a refusal of the guard with code and details', async () => {
    assert.deepEqual(await told('nonsense'), {
      code: 'unsupported-verb',
      details: { verb: 'nonsense' },
    })
    pins.set([{ ...BERT, pin: { ...BERT.pin, allow: [] } }])
    assert.deepEqual(await told('status'), { code: 'denied', details: { rule: 'allow' } })
  })

  it('tells a failure of a verb with code and details, at once or later', async () => {
    const err = new KithError('busy', SECRET, { position: 3 }, { hint: SECRET })
    run = () => {
      throw err
    }
    assert.deepEqual(await told('status'), { code: 'busy', details: { position: 3 } })
    run = () => Promise.reject(err)
    assert.deepEqual(await told('status'), { code: 'busy', details: { position: 3 } })
  })

  it('hands on a wire failure as it is', async () => {
    run = () => Promise.reject(new WireFailure('cycle', { node: 'kith1x' }))
    assert.deepEqual(await told('status'), { code: 'cycle', details: { node: 'kith1x' } })
  })

  const own: [name: string, err: unknown][] = [
    ['a slip of ours', new TypeError(SECRET)],
    ['what is no error', SECRET],
    ['undefined', undefined],
    ...(['corrupt', 'store-failed', 'unreachable', 'malformed', 'stopping'] as FailureCode[]).map(
      (code): [string, unknown] => [
        `${code}, which stays at home`,
        new KithError(code, SECRET, { what: SECRET }, { cause: new Error(SECRET) }),
      ],
    ),
  ]
  for (const [name, err] of own) {
    it(`tells no more than an incident of ${name}, and logs the rest under it`, async () => {
      for (const throwIt of [
        (): never => {
          throw err
        },
        async (): Promise<never> => {
          throw err
        },
      ]) {
        run = throwIt
        const failure = (await told('status')) as { code: string; details: { incident: string } }
        assert.equal(failure.code, 'internal')
        assert.deepEqual(Object.keys(failure.details), ['incident'])
        const { incident } = failure.details
        assert.match(incident, /^incident-\d$/)
        const line = await log.line((candidate) => candidate['incident'] === incident)
        assert.equal(line.msg, 'call failed')
        assert.equal(JSON.stringify(failure).includes('swordfish'), false)
      }
    })
  }

  it('makes no error of a caller that went away before its end, and one of any other lost link', async () => {
    const lost = new KithError('connection-lost', 'lost', { peer: BERT.id })
    run = () => Promise.reject(lost)
    const gone = answerTo(BERT, 'status', {})
    gone.abort(lost)
    await assert.rejects(async () => dispatcher.dispatch(gone), { code: 'internal' })
    assert.deepEqual(
      log.lines.map(({ level, msg, err }) => [level, msg, err]),
      [[DEBUG, 'caller went away', undefined]],
    )
    await told('status')
    const [, line] = log.lines
    assert.deepEqual([line?.level, line?.msg], [ERROR, 'call failed'])
  })

  it('tells nothing but codes that may cross the wire', async () => {
    for (const code of ['denied', 'exists', 'passphrase', 'deadline'] as FailureCode[]) {
      run = () => Promise.reject(new KithError(code, '', {}))
      const failure = (await told('status')) as { code: string }
      assert.ok(isWireCode(failure.code))
    }
  })

  it('throws what ends the link when the peer is pinned no more, from the next call on', async () => {
    await told('status')
    pins.set([])
    assert.throws(() => dispatcher.dispatch(answerTo(BERT, 'status', {})), {
      name: 'KithError',
      code: 'not-pinned',
    })
  })

  it('goes by the pins of the moment', async () => {
    assert.deepEqual(await told('status'), { end: STATUS })
    pins.set([{ ...BERT, frozen: true }])
    assert.deepEqual(await told('status'), { code: 'frozen', details: {} })
  })
})
