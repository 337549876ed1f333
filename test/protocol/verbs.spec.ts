import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { z } from 'zod'
import { decode, encode } from '../../src/protocol/cbor.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import {
  MAX_ASK_SECONDS,
  MAX_ASK_TEXT_BYTES,
  MAX_CHAIN,
  MAX_EVENT_TEXT_BYTES,
} from '../../src/protocol/limits.ts'
import type { Body } from '../../src/protocol/message.ts'
import * as verbs from '../../src/protocol/verbs.ts'
import { parseBody } from '../../src/protocol/verbs.ts'
import { statusEnd } from '../../src/protocol/status.ts'

type Fields = Record<string, unknown>

const ID = '019aa000-0000-7000-8000-000000000001'
const NODE = `kith1${'a'.repeat(52)}`
const NONCE = new Uint8Array(16)

const PING = { nonce: NONCE }
const PING_END = { at: 1, nonce: NONCE, software: 'kith/1', uptimeMs: 1, versions: [1, 1] }
const ASK = { ask: ID, text: 'hi', chain: [NODE], timeoutMs: 1_000 }
const END = { ask: ID, engine: 'builtin', lastSeq: 3 }
const STATUS = {
  asks: { running: 0, queued: 0 },
  engine: 'builtin',
  health: 'healthy',
  software: 'kith/1',
  uptimeMs: 1,
}

const LISTED = {
  ...{ approval: ID, ask: ID, asker: NODE, tool: 'shell', class: 'exec' },
  ...{ chain: [NODE], what: 'ls', openedAt: 1, expiresAt: 2 },
}

interface Case {
  name: string
  schema: z.ZodType
  /** A body with no more than it needs. */
  least: Fields
  /** What may be there besides, or instead. */
  takes: Fields[]
  /** One wrong value each, with the key whose name the refusal gives. */
  refuses: Fields[]
  /** Keys that it does not name are left alone. @default it refuses them */
  open?: true
}

const CASES: Case[] = [
  {
    name: 'ping',
    schema: verbs.pingCall,
    least: PING,
    takes: [
      { size: 0 },
      { size: 1_024 },
      { nonce: new Uint8Array(0) },
      { nonce: new Uint8Array(1_024) },
    ],
    refuses: [
      { nonce: new Uint8Array(1_025) },
      { nonce: 'text' },
      { nonce: [1] },
      { size: 1_025 },
      { size: -1 },
      { size: 1.5 },
      { size: null },
    ],
  },
  {
    name: "ping's end",
    schema: verbs.pingEnd,
    least: PING_END,
    takes: [{ pad: new Uint8Array(8) }],
    refuses: [
      { at: -1 },
      { nonce: null },
      { pad: 'x' },
      { software: 's'.repeat(65) },
      { uptimeMs: -1 },
      { versions: [1] },
      { versions: [1, 1, 1] },
    ],
  },
  {
    name: 'ask',
    schema: verbs.askCall,
    least: ASK,
    takes: [
      { session: 'a.b:c-d_9' },
      { retryOf: ID },
      { text: 'x'.repeat(MAX_ASK_TEXT_BYTES) },
      { text: 'ü'.repeat(MAX_ASK_TEXT_BYTES / 2) },
      { chain: new Array<string>(MAX_CHAIN).fill(NODE) },
      { timeoutMs: 1 },
      { timeoutMs: MAX_ASK_SECONDS * 1_000 },
    ],
    refuses: [
      { ask: ID.replace('7', '4') },
      { ask: ID.toUpperCase() },
      { ask: 1 },
      { text: '' },
      { text: 'x'.repeat(MAX_ASK_TEXT_BYTES + 1) },
      { text: `${'ü'.repeat(MAX_ASK_TEXT_BYTES / 2)}x` },
      { text: null },
      { chain: [] },
      { chain: new Array<string>(MAX_CHAIN + 1).fill(NODE) },
      { chain: ['nas'] },
      { chain: [NODE, `${NODE}\n`] },
      { chain: NODE },
      { session: '' },
      { session: 's'.repeat(65) },
      { session: 'a/b' },
      { timeoutMs: 0 },
      { timeoutMs: MAX_ASK_SECONDS * 1_000 + 1 },
      { retryOf: 'x' },
    ],
  },
  {
    name: "ask's event, accepted",
    schema: verbs.askEvent,
    least: { kind: 'accepted', position: 0 },
    takes: [{ position: 7 }],
    refuses: [{ position: -1 }, { kind: 'thought' }],
  },
  {
    name: "ask's event, text",
    schema: verbs.askEvent,
    least: { kind: 'text', text: '' },
    takes: [{ text: 'x'.repeat(MAX_EVENT_TEXT_BYTES) }],
    refuses: [{ text: 'x'.repeat(MAX_EVENT_TEXT_BYTES + 1) }, { text: 1 }],
  },
  {
    name: "ask's event, progress",
    schema: verbs.askEvent,
    least: { kind: 'progress', note: 'reading' },
    takes: [{ note: 'x'.repeat(1_024) }],
    refuses: [{ note: 'x'.repeat(1_025) }, { note: null }],
  },
  {
    name: "ask's end",
    schema: verbs.askEnd,
    least: END,
    takes: [{ lastSeq: 0 }],
    refuses: [{ ask: '' }, { engine: 'e'.repeat(65) }, { lastSeq: -1 }],
  },
  {
    name: 'a good final',
    schema: verbs.askFinal,
    least: { outcome: 'done', end: END },
    takes: [],
    refuses: [{ outcome: 'perhaps' }, { end: {} }],
  },
  {
    name: 'a bad final',
    schema: verbs.askFinal,
    least: { outcome: 'failed', code: 'busy', details: {} },
    takes: [{ details: { position: 3, why: 'text' } }, { code: 'unreachable' }],
    refuses: [{ code: 'c'.repeat(65) }, { details: { deep: {} } }, { details: null }],
  },
  {
    name: 'ask.attach',
    schema: verbs.attachCall,
    least: { ask: ID, after: 0 },
    takes: [{ after: 1_000_000 }],
    refuses: [{ ask: 'x' }, { after: -1 }, { after: '0' }],
  },
  {
    name: 'ask.cancel',
    schema: verbs.cancelCall,
    least: { ask: ID },
    takes: [],
    refuses: [{ ask: 1 }],
  },
  { name: 'ask.get', schema: verbs.getCall, least: { ask: ID }, takes: [], refuses: [{ ask: '' }] },
  {
    name: "ask.get's end",
    schema: verbs.askSummary,
    least: { ask: ID, state: 'running', lastSeq: 0 },
    takes: verbs.ASK_STATES.map((state) => ({ state })),
    refuses: [{ state: 'lost' }, { lastSeq: 0.5 }],
  },
  { name: 'status', schema: verbs.emptyCall, least: {}, takes: [], refuses: [] },
  {
    name: "status' end",
    schema: statusEnd,
    least: STATUS,
    takes: [
      { health: 'degraded' },
      { health: 'unhealthy' },
      { versions: [1, 2], at: 3, backupAgeMs: 4 },
      { notReady: Array.from({ length: 32 }, () => 'n'.repeat(64)) },
      { audit: { state: 'green', at: 5 } },
      { audit: { state: 'incident', at: 6, findings: ['key-files'] } },
      { audit: { state: 'not-audited' } },
    ],
    refuses: [
      { health: 'fine' },
      { asks: { running: 0 } },
      { asks: null },
      { uptimeMs: -1 },
      { versions: [1] },
      { notReady: Array.from({ length: 33 }, () => 'n') },
      { notReady: ['n'.repeat(65)] },
      { audit: { state: 'fine' } },
      { audit: { state: 'green', path: '/etc' } },
      { backupAgeMs: -1 },
    ],
    open: true,
  },
  {
    name: "approval.list's end",
    schema: verbs.approvalListEnd,
    least: { approvals: [] },
    takes: [
      { approvals: [{ ...LISTED, session: 's' }] },
      { approvals: [{ ...LISTED, chain: [] }] },
      { approvals: Array.from({ length: 64 }, () => LISTED) },
    ],
    refuses: [
      { approvals: Array.from({ length: 65 }, () => LISTED) },
      { approvals: [{ ...LISTED, asker: 'bert' }] },
      { approvals: [{ ...LISTED, chain: Array.from({ length: 9 }, () => NODE) }] },
      { approvals: [{ ...LISTED, what: 'w'.repeat(1_025) }] },
      { approvals: [{ ...LISTED, key: 'ls' }] },
    ],
  },
  {
    name: 'approval.answer',
    schema: verbs.approvalAnswerCall,
    least: { approval: ID, answer: 'once' },
    takes: [{ answer: 'session' }, { answer: 'always' }, { answer: 'deny' }],
    refuses: [{ approval: 'x' }, { answer: 'grant' }, { answer: null }],
  },
  {
    name: "approval.answer's end",
    schema: verbs.approvalAnswerEnd,
    least: { approval: ID, state: 'granted' },
    takes: [{ state: 'denied' }],
    refuses: [{ approval: 'x' }, { state: 'expired' }],
  },
  {
    name: 'job.run',
    schema: verbs.jobRunCall,
    least: { job: 'digest' },
    takes: [{ job: 'j'.repeat(64) }],
    refuses: [{ job: '' }, { job: 'j'.repeat(65) }, { job: 1 }],
  },
  {
    name: "job.run's end",
    schema: verbs.jobRunEnd,
    least: { run: ID },
    takes: [],
    refuses: [{ run: 'x' }, { run: null }],
  },
  {
    name: "key.log's end",
    schema: verbs.keyLogEnd,
    least: { log: [NONCE] },
    takes: [{ log: new Array<Uint8Array>(64).fill(NONCE) }],
    refuses: [{ log: [] }, { log: new Array<Uint8Array>(65).fill(NONCE) }, { log: ['x'] }],
  },
]

describe('the body of', () => {
  for (const { name, schema, least, open, takes, refuses } of CASES) {
    it(`${name} is taken with no more than it needs, and comes out as it was`, () => {
      const read = decode(encode(least as Body))
      assert.deepEqual(parseBody(schema, read), read)
    })

    for (const change of takes) {
      it(`${name} is taken with ${show(change)}`, () => {
        assert.deepEqual(parseBody(schema, { ...least, ...change }), { ...least, ...change })
      })
    }

    for (const change of refuses) {
      it(`${name} is refused with ${show(change)}`, () => {
        const [key = ''] = Object.keys(change)
        assert.ok(whatOf(schema, { ...least, ...change })?.startsWith(key))
      })
    }

    for (const key of Object.keys(least)) {
      it(`${name} is refused without ${key}`, () => {
        const rest = Object.fromEntries(Object.entries(least).filter(([other]) => other !== key))
        assert.ok(whatOf(schema, rest)?.startsWith(key))
      })
    }

    if (open === true) {
      it(`${name} is taken with a key of a later version, which is left alone`, () => {
        assert.deepEqual(parseBody(schema, { ...least, extra: 1 }), least)
      })
    } else {
      it(`${name} is refused with a key too many, which is named`, () => {
        assert.match(whatOf(schema, { ...least, extra: 1 }) ?? '', /extra/)
      })
    }

    for (const value of [null, undefined, 1, 'text', [], [least], NONCE, new Uint8Array(0)]) {
      it(`${name} is refused when it is ${show(value)}`, () => {
        assert.notEqual(whatOf(schema, value), undefined)
      })
    }
  }

  it('any verb is refused with details that can be sent, whatever keys it had', () => {
    const key = fc.array(fc.constantFrom('😀', 'a', 'ü'), { maxLength: 300, size: 'max' })
    fc.assert(
      fc.property(key, (characters) => {
        const what = whatOf(verbs.pingCall, { ...PING, [`x${characters.join('')}`]: 1 })
        assert.ok(what !== undefined && what.length <= 200)
        assert.equal(decode(encode(what)), what)
      }),
    )
  })
})

/** What is wrong with this body, or undefined when it is taken. */
function whatOf(schema: z.ZodType, body: unknown): string | undefined {
  try {
    parseBody(schema, body)
    return undefined
  } catch (err) {
    assert.ok(isFailure(err, 'bad-request'), String(err))
    return err.details.what
  }
}

function show(value: unknown): string {
  if (value === undefined) return 'undefined'
  const text = JSON.stringify(value, (_, item: unknown) =>
    item instanceof Uint8Array ? `${item.byteLength} bytes` : item,
  )
  return text.length <= 60 ? text : `${text.slice(0, 40)}… (${text.length})`
}
