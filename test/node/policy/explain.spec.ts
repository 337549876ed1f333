import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { pino } from 'pino'
import { Turns } from '../../../src/node/asks/turns.ts'
import { Dispatcher } from '../../../src/node/dispatcher.ts'
import { Guard } from '../../../src/node/guard.ts'
import { homeOf } from '../../../src/node/home.ts'
import type { Home } from '../../../src/node/home.ts'
import { explainOffline, peerKeysOffline } from '../../../src/node/offline-peers.ts'
import type { KnownPeer } from '../../../src/node/pins.ts'
import { explain } from '../../../src/node/policy/explain.ts'
import { PolicyTelemetry } from '../../../src/node/policy/telemetry.ts'
import { askVerb } from '../../../src/node/verbs/ask.ts'
import { KithError, WIRE_CODES, isFailure } from '../../../src/protocol/errors.ts'
import type { WireCode } from '../../../src/protocol/errors.ts'
import { MAX_ASK_TEXT_BYTES } from '../../../src/protocol/limits.ts'
import type { Body } from '../../../src/protocol/message.ts'
import type { Pin } from '../../../src/protocol/pin.ts'
import { readPeers } from '../../../src/store/peers-file.ts'
import { Database } from '../../../src/store/database.ts'
import { answerTo, askCallOf, askId, idOf } from '../../helpers/ask-calls.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { StubPins, peerOf } from '../../helpers/stub-pins.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

/** What each test's peers.yaml begins with: the entry of bert is that from line 3 on. */
const HEAD = ['version: 1', 'peers:', '  - name: bert', `    id: ${idOf('bert')}`]

interface Case {
  /** What follows in bert's entry, from line 5 on. */
  entry?: string[]
  /** Bert as he is to the gate. */
  peer?: Partial<KnownPeer>
  verb?: string
  /** Makes the call that is refused. @default an ask that is as it should be */
  body?: Body
  /** So many calls come before it. */
  before?: number
  /** What the answerer says to an ask that the guard let in. */
  answers?: KithError
  /** What decides. */
  rule: string
  /** Line of peers.yaml, or the file alone. */
  where?: number | 'config.yaml' | 'jobs.yaml'
}

const MAY_ASK = '    allow: [ping, ask]'
const ASK = askCallOf('bert')

/** Every refusal that the wire knows, by a real one where this node makes it: the compiler holds that none is left out. */
const CASES: Record<WireCode, Record<string, Case>> = {
  'not-pinned': { 'a stranger': { peer: { key: 'another' }, rule: 'id', where: 4 } },
  frozen: { 'a frozen peer': { peer: { frozen: true }, rule: 'frozen' } },
  rotated: { 'a key of before': { peer: { superseded: true }, rule: 'rotated' } },
  'bad-request': { 'a body without text': { body: { ask: askId() }, rule: 'shape' } },
  'too-large': {
    'a text too long': {
      body: { ...ASK, text: 'x'.repeat(MAX_ASK_TEXT_BYTES + 1) },
      rule: 'size',
    },
  },
  'unsupported-verb': { 'a verb of tomorrow': { verb: 'dance', body: {}, rule: 'verb' } },
  denied: {
    'no grant, at its default': { rule: 'allow', where: 3 },
    'no grant': { entry: ['    allow:', '      - ping'], rule: 'allow', where: 5 },
    'too late': {
      entry: [MAY_ASK, '    ask:', '      until: 2026-11-20'],
      rule: 'ask.until',
      where: 7,
    },
    'the wrong hour': {
      entry: [MAY_ASK, '    ask:', '      preset: none', '      hours: "22-23 Europe/Madrid"'],
      rule: 'ask.hours',
      where: 8,
    },
    'too long a chain': {
      entry: [MAY_ASK, '    ask: { depth: 0 }'],
      body: { ...ASK, chain: [idOf('cid'), idOf('bert')] },
      rule: 'ask.depth',
      where: 6,
    },
    'a preset that does not cover it': {
      entry: [MAY_ASK, '    ask:', '      preset: read-only'],
      answers: new KithError('denied', 'no', { rule: 'preset' }),
      rule: 'ask.preset',
      where: 7,
    },
    'what it has a part in': {
      entry: [MAY_ASK],
      answers: new KithError('denied', 'no', { rule: 'asker' }),
      rule: 'asker',
    },
    'a job that is not for it': {
      entry: [MAY_ASK],
      answers: new KithError('denied', 'bert is not in run_by', { rule: 'run_by' }),
      rule: 'run_by',
      where: 'jobs.yaml',
    },
  },
  'rate-limited': {
    'too many calls': {
      entry: [MAY_ASK, '    calls_per_minute: 1'],
      before: 2,
      rule: 'calls_per_minute',
      where: 6,
    },
    'too many asks': {
      entry: [MAY_ASK, '    ask:', '      per_minute: 1'],
      before: 2,
      rule: 'ask.per_minute',
      where: 7,
    },
  },
  busy: {
    'too many asks at once': {
      entry: [MAY_ASK, '    ask:', '      parallel: 1', '      queue: 0'],
      answers: new KithError('busy', '1 asks of this peer are waiting or running', { position: 1 }),
      rule: 'ask.queue',
      where: 8,
    },
    'too many asks of all': {
      entry: [MAY_ASK],
      answers: new KithError('busy', '0 asks of this peer are waiting or running', { position: 0 }),
      rule: 'agent.queue',
      where: 'config.yaml',
    },
    'a node that stops': {
      entry: [MAY_ASK],
      answers: new KithError('busy', 'this node is stopping', { position: 0 }),
      rule: 'stop',
    },
  },
  cycle: {
    'an ask that came back': {
      entry: [MAY_ASK, '    ask: { depth: 3 }'],
      body: { ...ASK, chain: [idOf('me'), idOf('bert')] },
      rule: 'chain',
    },
  },
  'budget-exhausted': {
    'its room on disk': {
      entry: [MAY_ASK, '    ask:', '      daily_bytes: 10'],
      answers: full('peer-bytes'),
      rule: 'ask.daily_bytes',
      where: 7,
    },
    'its money': {
      entry: [MAY_ASK, '    ask:', '      daily_usd: 1'],
      answers: full('peer-day'),
      rule: 'ask.daily_usd',
      where: 7,
    },
    'the money of the day': {
      entry: [MAY_ASK],
      answers: full('day'),
      rule: 'agent.budget.daily_usd',
      where: 'config.yaml',
    },
    'the money of one ask': {
      entry: [MAY_ASK],
      answers: full('ask'),
      rule: 'agent.budget.ask_usd',
      where: 'config.yaml',
    },
  },
  'breaker-open': {
    'a model that fails': {
      entry: [MAY_ASK],
      answers: new KithError('breaker-open', 'it fails', { nextProbeAt: 1 }),
      rule: 'breaker',
    },
  },
  'approval-needed': {
    'a tool that waits': {
      entry: [MAY_ASK, '    ask:', '      approve: [exec]'],
      answers: new KithError('approval-needed', 'waits', { task: 'x' }),
      rule: 'ask.approve',
      where: 7,
    },
  },
  deadline: {
    'an ask that takes too long': {
      entry: [MAY_ASK, '    ask:', '      max_seconds: 5'],
      answers: new KithError('deadline', 'the ask took too long', {}),
      rule: 'ask.max_seconds',
      where: 7,
    },
  },
  cancelled: {
    'an ask that was ended': {
      entry: [MAY_ASK],
      answers: new KithError('cancelled', 'the asker cancelled the ask', {}),
      rule: 'cancel',
    },
  },
  interrupted: {
    'an ask that a stop cut off': {
      entry: [MAY_ASK],
      answers: new KithError('interrupted', 'the node stops', {}),
      rule: 'stop',
    },
  },
  conflict: {
    'an id that is taken': {
      entry: [MAY_ASK],
      answers: new KithError('conflict', 'another ask', { activeId: askId() }),
      rule: 'ask id',
    },
  },
  internal: {
    'a fault of ours': {
      entry: [MAY_ASK],
      answers: new TypeError('x is not a function') as never,
      rule: 'fault',
    },
  },
}

describe('explain', () => {
  const folder = tempFolder()
  let home: Home
  let database: Database
  let telemetry: PolicyTelemetry
  let pins: StubPins
  let clock: ManualClock
  const log = pino({ level: 'silent' })

  beforeEach(async () => {
    home = homeOf({ KITH_HOME: folder() }, undefined)
    await mkdir(folder(), { recursive: true, mode: 0o700 })
    clock = new ManualClock()
    pins = new StubPins()
    database = await Database.open(home.store)
    telemetry = new PolicyTelemetry({ database, pins, clock, log })
    await telemetry.start()
  })
  afterEach(() => database.close())

  /** Writes peers.yaml, and puts what it says in force. */
  async function pinned(entry: readonly string[], change: Partial<KnownPeer> = {}): Promise<Pin> {
    await writeFile(home.peers, `${[...HEAD, ...entry].join('\n')}\n`, { mode: 0o600 })
    const [pin] = await readPeers(home.peers)
    assert.ok(pin !== undefined)
    pins.set([{ ...peerOf('bert'), id: idOf('bert'), ...change, pin }])
    return pin
  }

  function dispatcher(answers: Error | undefined): Dispatcher {
    const turns = new Turns({ parallel: 4, queue: 64 })
    const ask = askVerb(
      {
        answerer: {
          assertRoom: ({ grant, id }) => {
            turns.assertRoom({ owner: id, parallel: grant.parallel, queue: grant.queue })
          },
          attach: unexpected,
          cancel: unexpected,
          find: () => undefined,
          lastSeq: unexpected,
          newestForgotten: () => undefined,
          submit: () => Promise.reject(answers ?? new KithError('cancelled', 'over', {})),
        },
        bytes: { add: () => undefined, excess: () => undefined },
      },
      { ownId: idOf('me') },
    )
    const guard = new Guard([ask])
    return new Dispatcher({ pins, guard, clock, log, incidentId: () => 'id-1', policy: telemetry })
  }

  for (const [code, cases] of Object.entries(CASES)) {
    for (const [title, one] of Object.entries(cases)) {
      it(`N11: names the rule behind ${code}: ${title}`, async () => {
        const { answers, before = 0, body = ASK, entry = [], peer, rule, where } = one
        const { verb = 'ask' } = one
        const pin = await pinned(entry, peer)
        const called = dispatcher(answers)
        const caller = { ...peerOf('bert'), id: idOf('bert') }
        const call = async (at: Body): Promise<void> => {
          await (async () => await called.dispatch(answerTo(caller, verb, at)))().catch(
            () => undefined,
          )
        }
        for (let nth = 1; nth <= before; nth++) await call({ ...ASK, ask: askId(nth) })
        await call(body)
        const record = telemetry.of(idOf('bert'))
        if (code !== 'not-pinned') assert.equal(record?.last[code]?.code, code)

        const known = { pin, frozen: false, record, home, now: clock.now() }
        const report = await explain(known, { verb, code })
        assert.deepEqual([report.code, report.rule], [code, rule])
        assert.ok(report.why.length > 10, report.why)
        assert.deepEqual(report.where, placeOf(where))
        // Of a call that this node would let in now, what happened last is told.
        if (code === 'not-pinned') return
        const now = await explain({ ...known, frozen: peer?.frozen === true }, { verb })
        assert.equal(now.last?.code, code)
        assert.equal(now.last.rule, rule)
      })
    }
  }

  function placeOf(where: Case['where']): object | undefined {
    if (where === undefined) return undefined
    if (typeof where === 'number') return { file: home.peers, line: where }
    return { file: where === 'jobs.yaml' ? home.jobs : home.config }
  }

  it('N11: has a case for every code of the wire', () => {
    assert.deepEqual(Object.keys(CASES).toSorted(), Object.keys(WIRE_CODES).toSorted())
  })

  for (const code of Object.keys(WIRE_CODES)) {
    it(`N11: says what may be behind ${code} when none was seen, also without a running node`, async () => {
      await pinned([MAY_ASK])
      await database.close()
      const report = await explainOffline(home, 'bert', { verb: 'ask', code })
      assert.equal(report.code, code)
      assert.ok(report.why.length > 10, report.why)
      database = await Database.open(home.store)
    })
  }

  it('N11: tells of the last refusal also without a running node', async () => {
    await pinned(['    allow: [ping]'])
    await (async () => {
      await dispatcher(undefined).dispatch(
        answerTo({ ...peerOf('bert'), id: idOf('bert') }, 'ask', ASK),
      )
    })().catch(() => undefined)
    await telemetry.stop()
    await database.close()
    const report = await explainOffline(home, 'bert', { verb: 'ask' })
    assert.equal(report.allowed, false)
    assert.deepEqual([report.last?.code, report.last?.rule], ['denied', 'allow'])
    assert.deepEqual(report.where, { file: home.peers, line: 5 })
    database = await Database.open(home.store)
  })

  it('N11: says what is known of a key also without a running node', async () => {
    await pinned([MAY_ASK])
    await database.close()
    const none = { id: idOf('bert'), state: 'waiting', log: [], conflict: [] }
    assert.deepEqual(await peerKeysOffline(home, 'bert'), { peer: 'bert', ...none })
    await assert.rejects(peerKeysOffline(home, 'cid'), (err) => isFailure(err, 'unknown-peer'))
    database = await Database.open(home.store)
  })

  it('N11: leaves the store of a node that does not run as it is', async () => {
    await pinned([MAY_ASK])
    await database.close()
    const before = await readdir(home.store)
    await explainOffline(home, 'bert', { verb: 'ask' })
    await peerKeysOffline(home, 'bert')
    assert.deepEqual((await readdir(home.store)).toSorted(), before.toSorted())
    database = await Database.open(home.store)
  })

  it('says yes to what is granted, and where that is written', async () => {
    const pin = await pinned([MAY_ASK])
    const known = { pin, frozen: false, record: undefined, home, now: clock.now() }
    const report = await explain(known, { verb: 'ask' })
    assert.deepEqual(report, {
      ...{ peer: 'bert', verb: 'ask', allowed: true, rule: 'allow', why: 'granted' },
      where: { file: home.peers, line: 5 },
    })
  })

  it('refuses a code that no peer can be told', async () => {
    const pin = await pinned([MAY_ASK])
    const known = { pin, frozen: false, record: undefined, home, now: clock.now() }
    await assert.rejects(explain(known, { verb: 'ask', code: 'unreachable' }), (err) =>
      isFailure(err, 'usage'),
    )
  })
})

function full(scope: string): KithError {
  return new KithError('budget-exhausted', 'it is used up', { scope, resetAt: 1 })
}

function unexpected(): never {
  throw new TypeError('not expected')
}
