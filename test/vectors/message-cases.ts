import { encode } from '@ipld/dag-cbor'
import { MAX_FRAME_BYTES } from '../../src/protocol/limits.ts'
import { fromJson } from './cbor-cases.ts'
import { hex, seedOf } from './seeds.ts'

type Fields = Record<string, unknown>

/** One message of each kind, as JSON has it: bytes are `{"bytes": "<hex>"}`. */
const HELLO = {
  t: 'hello',
  at: 1_767_225_600_000,
  sn: 0,
  epoch: 3,
  software: 'kith/0.1.0',
  versions: [1, 1],
}
const CALL = {
  t: 'call',
  id: 7,
  body: { nonce: { bytes: hex(seedOf('ping').subarray(0, 16)) } },
  verb: 'ping',
  deadlineMs: 10_000,
}
const EVENT = { t: 'event', id: 7, seq: 1, body: { kind: 'text', text: 'The answer is ' } }
const END = { t: 'end', id: 7, body: {} }
const FAIL = { t: 'fail', id: 7, code: 'rate-limited', details: { retryAfterMs: 1_500 } }
const CANCEL = { t: 'cancel', id: 7 }

const ASK = {
  ask: '019aa000-0000-7000-8000-000000000001',
  text: 'What time is it?',
  chain: [`kith1${'a'.repeat(52)}`],
  timeoutMs: 600_000,
}

const STATUS = {
  asks: { running: 1, queued: 0 },
  engine: 'builtin',
  health: 'degraded',
  software: 'kith/0.1.0',
  uptimeMs: 60_000,
}
const FULL_STATUS = {
  ...STATUS,
  at: 1_767_225_600_000,
  audit: { state: 'incident', at: 1_767_225_590_000, findings: ['key-files'] },
  backupAgeMs: 86_400_000,
  notReady: ['provider lab'],
  versions: [1, 1],
}

const BUDGET = { microUsd: 1_500_000, tokens: 0 }
const TOOL = { kind: 'tool', call: '1', name: 'write_file', state: 'begun' }
const APPROVAL = { kind: 'approval', approval: ASK.ask, state: 'waiting', what: 'write notes.md' }

const VALID: [name: string, message: Fields][] = [
  ['hello', HELLO],
  ['hello of several versions', { ...HELLO, sn: 63, epoch: 0, versions: [0, 300] }],
  ['call of ping', CALL],
  ['call of ask', { ...CALL, id: 8, verb: 'ask', body: ASK }],
  [
    'call of ask with all its limits',
    { ...CALL, id: 9, verb: 'ask', body: { ...ASK, preset: 'read-only', budget: BUDGET } },
  ],
  ['call without a deadline to speak of', { ...CALL, deadlineMs: Number.MAX_SAFE_INTEGER }],
  ['call with null for a body', { ...CALL, body: null }],
  ['call of the longest verb', { ...CALL, verb: 'v'.repeat(64) }],
  ['event', EVENT],
  ['event of a tool', { ...EVENT, body: TOOL }],
  ['event of an approval', { ...EVENT, body: APPROVAL }],
  ['event with a list for a body', { ...EVENT, seq: 0, body: [1, 'two', { bytes: '03' }] }],
  ['end', END],
  ['end of call 0', { ...END, id: 0, body: true }],
  ['end of status, as the first version had it', { ...END, body: STATUS }],
  ['end of status with all that may be in it', { ...END, body: FULL_STATUS }],
  ['fail', FAIL],
  ['fail without details', { ...FAIL, code: 'cancelled', details: {} }],
  ['cancel', CANCEL],
]

const UNKNOWN_CODES: [name: string, code: string][] = [
  ['of a later version', 'too-hot'],
  ['of nobody', ''],
  ['that objects inherit', 'constructor'],
  ['that stays at home', 'unreachable'],
]

/** What is wrong, the message, and which word of the refusal names it. */
const REFUSED: [name: string, message: unknown, what: string][] = [
  ['null', null, 'not a map'],
  ['an integer', 7, 'not a map'],
  ['a text', 'hello', 'not a map'],
  ['bytes', { bytes: '00' }, 'not a map'],
  ['a list', [CANCEL], 'not a map'],
  ['no kind', without(CANCEL, 't'), 'unknown kind'],
  ['an unknown kind', { ...CANCEL, t: 'abort' }, 'unknown kind'],
  ['a kind that objects inherit', { ...CANCEL, t: 'constructor' }, 'unknown kind'],
  ['a kind that is a number', { ...CANCEL, t: 1 }, 'unknown kind'],
  ...[HELLO, CALL, EVENT, END, FAIL, CANCEL].flatMap(keysChanged),
  ...wrong(HELLO, 'at', [-1, '0', null, { bytes: '' }]),
  ...wrong(HELLO, 'sn', [-1, '0']),
  ...wrong(HELLO, 'epoch', [-1, true]),
  ...wrong(HELLO, 'software', [1, null, 's'.repeat(65)]),
  ...wrong(HELLO, 'versions', [1, [], [1], [1, 1, 1], [2, 1], [-1, 1], ['1', 1], [1, '1'], {}]),
  ...wrong(CALL, 'id', [-1, '7', null, [7]]),
  ...wrong(CALL, 'verb', [1, null, 'v'.repeat(65)]),
  ...wrong(CALL, 'deadlineMs', [-1, '10', false]),
  ...wrong(EVENT, 'id', [-1, '7']),
  ...wrong(EVENT, 'seq', [-1, '1', null]),
  ...wrong(END, 'id', [-1, '7']),
  ...wrong(FAIL, 'id', [-1, '7']),
  ...wrong(FAIL, 'code', [1, null, 'c'.repeat(65)]),
  ...wrong(FAIL, 'details', [null, [], 'none', { bytes: '' }, 1]),
  ...wrong(CANCEL, 'id', [-1, '7', null]),
]

/** Messages with their bytes, codes that read as `internal`, and bytes that are no message. */
export function messageVectors(): unknown {
  return {
    valid: VALID.map(([name, message]) => ({ name, message, hex: bytesOf(message) })),
    unknownCodes: UNKNOWN_CODES.map(([name, code]) => ({
      name,
      code,
      hex: bytesOf({ ...FAIL, code }),
    })),
    refused: REFUSED.map(([name, message, what]) => ({ name, what, hex: bytesOf(message) })),
  }
}

/** Frames with their bodies, the prefix of bodies of some lengths, and bytes that begin no frame. */
export function frameVectors(): unknown {
  const bodies = (...all: string[]): { bodies: string[]; hex: string } => ({
    bodies: all,
    hex: all.map((body) => varint(body.length / 2) + body).join(''),
  })
  const message = bytesOf(CALL)
  return {
    valid: [
      { name: 'none', ...bodies() },
      { name: 'one byte', ...bodies('00') },
      { name: 'two frames', ...bodies('01', '0203') },
      { name: 'a message', ...bodies(message) },
      { name: '127 bytes', ...bodies('7f'.repeat(127)) },
      { name: '128 bytes', ...bodies('80'.repeat(128)) },
      { name: 'a short one between two long ones', ...bodies('aa'.repeat(200), 'bb', message) },
    ],
    lengths: [1, 127, 128, 16_383, 16_384, MAX_FRAME_BYTES - 1, MAX_FRAME_BYTES].map((bytes) => ({
      bytes,
      prefix: varint(bytes),
    })),
    refused: [
      ['no body', '00', 'malformed'],
      ['no body after a good one', '01ff00', 'malformed'],
      ['0 in two bytes', '8000', 'malformed'],
      ['1 in two bytes', '8100', 'malformed'],
      ['127 in two bytes', 'ff00', 'malformed'],
      ['127 in three bytes', 'ff8000', 'malformed'],
      ['16,383 in three bytes', 'ffff00', 'malformed'],
      ['a length of four bytes', '80808001', 'malformed'],
      ['three bytes that promise a fourth', '808080', 'malformed'],
      ['one byte over the limit', varint(MAX_FRAME_BYTES + 1), 'too-large'],
      ['the greatest length of three bytes', 'ffff7f', 'too-large'],
      ['a great length of more bytes', 'ffffffffff7f', 'too-large'],
    ].map(([name, bytes, code]) => ({ name, hex: bytes, code })),
  }
}

function bytesOf(json: unknown): string {
  return hex(encode(fromJson(json)))
}

/** The same message without each of its keys but `t`, and with one more. */
function keysChanged(message: Fields): (typeof REFUSED)[number][] {
  const kind = String(message['t'])
  const missing = Object.keys(message)
    .filter((key) => key !== 't')
    .map((key): (typeof REFUSED)[number] => [
      `${kind} without ${key}`,
      without(message, key),
      'missing or unknown keys',
    ])
  const one = Object.keys(message).at(-1) ?? ''
  return [
    ...missing,
    [`${kind} with a key too many`, { ...message, x: 0 }, 'missing or unknown keys'],
    [`${kind} with another key for ${one}`, { ...without(message, one), x: message[one] }, one],
  ]
}

function wrong(message: Fields, key: string, values: unknown[]): (typeof REFUSED)[number][] {
  const kind = String(message['t'])
  return values.map((value) => {
    const shown = JSON.stringify(value)
    return [`${kind} with ${shown.slice(0, 24)} for ${key}`, { ...message, [key]: value }, key]
  })
}

function without(message: Fields, key: string): Fields {
  return Object.fromEntries(Object.entries(message).filter(([name]) => name !== key))
}

/** multiformats' unsigned-varint, by bits as text: nothing like the code it checks. */
function varint(value: number): string {
  const bits = value.toString(2)
  const groups = bits.padStart(Math.ceil(bits.length / 7) * 7, '0').match(/.{7}/g) ?? []
  return groups
    .toReversed()
    .map((group, at) => (at < groups.length - 1 ? '1' : '0') + group)
    .map((byte) => Number.parseInt(byte, 2).toString(16).padStart(2, '0'))
    .join('')
}
