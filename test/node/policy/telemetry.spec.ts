import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { EngineAsk, EngineEvent } from '../../../src/agent/ports.ts'
import { WireFailure } from '../../../src/node/answer.ts'
import { observed } from '../../../src/node/policy/observe.ts'
import { PolicyTelemetry } from '../../../src/node/policy/telemetry.ts'
import type { PolicyRecord } from '../../../src/node/policy/telemetry.ts'
import type { WireCode } from '../../../src/protocol/errors.ts'
import type { Body } from '../../../src/protocol/message.ts'
import { Database } from '../../../src/store/database.ts'
import { NOW, askId } from '../../helpers/ask-calls.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { StubPins, peerOf } from '../../helpers/stub-pins.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const BERT = peerOf('bert')
const CID = peerOf('cid')
const NONE = { allowed: 0, filtered: 0, review: 0, denied: 0, limited: 0 }

describe('policy telemetry', () => {
  const folder = tempFolder()
  let clock: ManualClock
  let pins: StubPins
  let database: Database
  let telemetry: PolicyTelemetry

  beforeEach(async () => {
    clock = new ManualClock()
    pins = new StubPins([BERT, CID])
    await open()
  })
  afterEach(async () => {
    await telemetry.stop()
    await database.close()
  })

  async function open(): Promise<void> {
    database = await Database.open(folder())
    telemetry = new PolicyTelemetry({ database, pins, clock, log: pino({ level: 'silent' }) })
    await telemetry.start()
  }

  async function restart(): Promise<void> {
    await telemetry.stop()
    await database.close()
    await open()
  }

  function admit(body: Body, verb = 'ask'): void {
    telemetry.admitted(BERT.id, { verb, body })
  }

  function refuse(code: WireCode, body: Body = {}, verb = 'ask'): void {
    const { details } = new WireFailure(code, { rule: 'allow' })
    telemetry.refused(BERT.id, { verb, body }, { code, details, why: `because of ${code}` })
  }

  function counts(): PolicyRecord['counts'] | undefined {
    return telemetry.of(BERT.id)?.counts
  }

  /** Runs an ask of bert that has these events. */
  async function run(ask: string, events: EngineEvent[], chain = [BERT.id]): Promise<void> {
    const agent = {
      name: 'test',
      run: async function* (): AsyncGenerator<EngineEvent> {
        yield* events
      },
    }
    const asked = { id: ask, asker: { name: 'bert', id: BERT.id }, chain } as unknown as EngineAsk
    const seen = observed(agent, telemetry).run(asked, new AbortController().signal)
    assert.deepEqual(await Array.fromAsync(seen), events)
  }

  it('F67: a scripted mix of calls gives exact counters', async () => {
    const [first, second, third] = [askId(1), askId(2), askId(3)]
    admit({ nonce: new Uint8Array(4) }, 'ping')
    admit({}, 'status')
    for (const ask of [first, second, third]) admit({ ask })
    await run(first, [
      { kind: 'tool', call: '1', name: 'shell', state: 'denied' },
      { kind: 'tool', call: '2', name: 'shell', state: 'denied' },
    ])
    await run(second, [
      { kind: 'approval', approval: askId(9), state: 'waiting', what: 'rm' },
      { kind: 'approval', approval: askId(9), state: 'granted', what: 'rm' },
      { kind: 'text', text: 'the key is [redacted: token]' },
    ])
    await run(third, [{ kind: 'text', text: 'nothing' }])
    refuse('denied', {}, 'approval.list')
    refuse('unsupported-verb', {}, 'dance')
    refuse('rate-limited', { ask: askId(4) })
    refuse('budget-exhausted', { ask: askId(5) })
    refuse('busy', { ask: askId(6) })
    refuse('internal', { ask: askId(7) })
    assert.deepEqual(counts(), { allowed: 5, filtered: 2, review: 1, denied: 2, limited: 3 })
    assert.deepEqual(telemetry.counters(), [{ peer: 'bert', ...counts() }])
  })

  it('F67: a retry of the same ask counts once, also after a restart', async () => {
    const ask = askId(1)
    for (const verb of ['ask', 'ask', 'ask.attach', 'ask.get']) admit({ ask }, verb)
    for (let times = 0; times < 3; times++) refuse('rate-limited', { ask: askId(2) })
    await restart()
    admit({ ask })
    refuse('rate-limited', { ask: askId(2) })
    assert.deepEqual(counts(), { ...NONE, allowed: 1, limited: 1 })
    // It was refused, and came through in the end: both are so.
    admit({ ask: askId(2) })
    assert.deepEqual(counts(), { ...NONE, allowed: 2, limited: 1 })
  })

  it('F67: calls without an id count each', () => {
    for (let times = 0; times < 3; times++) refuse('denied', {}, 'status')
    assert.deepEqual(counts(), { ...NONE, denied: 3 })
  })

  it('F67: remembers why it refused last, over a restart', async () => {
    refuse('denied', {}, 'status')
    clock.advance(1_000)
    refuse('rate-limited')
    refuse('internal')
    await restart()
    const known = telemetry.of(BERT.id)
    const limited = { code: 'rate-limited', verb: 'ask', why: 'because of rate-limited' }
    assert.deepEqual(known?.lastDenial, { ...limited, details: { rule: 'allow' }, at: NOW + 1_000 })
    assert.deepEqual(Object.keys(known.last).toSorted(), ['denied', 'internal', 'rate-limited'])
  })

  it('does not count the pings of a link', () => {
    admit({ nonce: new Uint8Array(0) }, 'ping')
    refuse('denied', { nonce: new Uint8Array(0) }, 'ping')
    assert.equal(telemetry.of(BERT.id), undefined)
  })

  it("does not count the owner's own asks", async () => {
    await run(askId(1), [{ kind: 'tool', call: '1', name: 'shell', state: 'denied' }], [])
    assert.equal(telemetry.of(BERT.id), undefined)
  })

  it('keeps what a peer sends to one short line', () => {
    const verb = `\u001B]0;x\u0007${'v'.repeat(100)}`
    const why = 'w'.repeat(500)
    const details = { what: `Unrecognized key: "a\n    try: rm"${'d'.repeat(500)}`, bytes: 7 }
    telemetry.refused(BERT.id, { verb, body: {} }, { code: 'denied', details, why })
    const last = telemetry.of(BERT.id)?.lastDenial
    assert.match(last?.verb ?? '', /^v{63}…$/)
    assert.match(last?.why ?? '', /^w{199}…$/)
    assert.match(String(last?.details['what']), /^Unrecognized key: "a try: rm"d{1,200}…$/)
    assert.equal(last?.details['bytes'], 7)
  })

  it('remembers a bounded number of asks', () => {
    for (let nth = 0; nth < 400; nth++) admit({ ask: askId(nth) })
    assert.deepEqual(counts(), { ...NONE, allowed: 400 })
    // The first is forgotten by now, and the last is not.
    admit({ ask: askId(399) })
    assert.equal(counts()?.allowed, 400)
    admit({ ask: askId(0) })
    assert.equal(counts()?.allowed, 401)
  })

  it('forgets a peer that is no longer pinned', async () => {
    admit({ ask: askId(1) })
    await restart()
    pins.set([CID])
    telemetry.admitted(CID.id, { verb: 'status', body: {} })
    await restart()
    assert.equal(telemetry.of(BERT.id), undefined)
    assert.deepEqual(telemetry.counters(), [{ peer: 'cid', ...NONE, allowed: 1 }])
  })

  it('is on disk within half a minute', async () => {
    admit({ ask: askId(1) })
    clock.advance(30_000)
    const other = new PolicyTelemetry({ database, pins, clock, log: pino({ level: 'silent' }) })
    await database.write([], { durable: false })
    await other.start()
    assert.deepEqual(other.of(BERT.id)?.counts, { ...NONE, allowed: 1 })
  })
})
