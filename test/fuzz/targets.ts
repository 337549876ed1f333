import assert from 'node:assert/strict'
import { encode as dagEncode } from '@ipld/dag-cbor'
import { z } from 'zod'
import { readShow } from '../../src/node/key-trade.ts'
import { readLobbyMessage } from '../../src/node/lobby-talk.ts'
import { readBye } from '../../src/protocol/bye.ts'
import { decode, encode } from '../../src/protocol/cbor.ts'
import type { CborValue } from '../../src/protocol/cbor.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import type { FailureCode } from '../../src/protocol/errors.ts'
import { FrameDecoder, encodeFrame } from '../../src/protocol/frame.ts'
import { KEY_LOG_REFUSALS } from '../../src/protocol/key-log-refusal.ts'
import { validateKeyLog } from '../../src/protocol/key-log.ts'
import { decodeMessage, encodeMessage } from '../../src/protocol/message.ts'
import * as verbs from '../../src/protocol/verbs.ts'
import { readVectors } from '../vectors/read.ts'
import { fromHex, hex } from '../vectors/seeds.ts'
import type { Random } from './random.ts'

/** A decoder that strangers or peers can reach, with bytes that it takes. */
export interface Target {
  name: string
  corpus: readonly Uint8Array[]
  /** Throws when the decoder does anything but take these bytes rightly or refuse them as it says. */
  check(bytes: Uint8Array, random: Random): void | Promise<void>
}

const withHex = z.object({ valid: z.array(z.object({ hex: z.string() })) })
const withEvents = z.object({ valid: z.array(z.object({ events: z.array(z.string()) })) })

const LOGS = readVectors('key-logs.json', withEvents).valid.map(({ events }) => events)
const withBytes = z.string().transform(fromHex)
const BYES = readVectors(
  'byes.json',
  z.object({ key: withBytes, valid: z.array(z.object({ bye: withBytes })) }),
)
const BODIES = Object.entries(verbs).flatMap(([name, schema]): z.ZodType[] =>
  schema instanceof z.ZodType && name !== 'bytes' ? [schema] : [],
)
const ASK = '019aa000-0000-7000-8000-000000000001'

export const TARGETS: readonly Target[] = [
  { name: 'frames', corpus: hexOf('frames.json'), check: checkFrames },
  { name: 'messages', corpus: hexOf('messages.json'), check: checkMessage },
  { name: 'cbor', corpus: hexOf('cbor.json'), check: checkCbor },
  { name: 'key-logs', corpus: LOGS.map(listOf), check: checkKeyLog },
  {
    name: 'lobby',
    corpus: LOGS.map((events) => encode({ t: 'show', log: events.map(fromHex) })),
    check: checkShow,
  },
  { name: 'byes', corpus: BYES.valid.map(({ bye }) => bye), check: checkBye },
  { name: 'verbs', corpus: sampleBodies().map(encode), check: checkBody },
]

/** Bodies, however the bytes are cut, that are what was framed; or an error that says why not. */
function checkFrames(bytes: Uint8Array, random: Random): void {
  const decoder = new FrameDecoder()
  const bodies: Uint8Array[] = []
  let at = 0
  try {
    while (at < bytes.byteLength) {
      const end = at + 1 + random.below(bytes.byteLength)
      bodies.push(...decoder.push(bytes.subarray(at, end)))
      at = end
    }
  } catch (err) {
    assertFailure(err, 'malformed', 'too-large')
  }
  const framed = hex(Buffer.concat(bodies.map(encodeFrame)))
  assert.ok(hex(bytes).startsWith(framed), 'the bodies are not what came')
}

function checkMessage(bytes: Uint8Array): void {
  const message = tried(() => decodeMessage(bytes), 'malformed')
  // An unknown code reads as another one.
  if (message === undefined || message.t === 'fail') return
  assert.equal(hex(encodeMessage(message)), hex(bytes))
}

function checkCbor(bytes: Uint8Array): void {
  const value = tried(() => decode(bytes), 'malformed')
  if (value === undefined) return
  assert.equal(hex(encode(value)), hex(bytes))
  assert.equal(hex(dagEncode(value)), hex(bytes))
}

/** A log that is taken is one of those that were signed, or what one of them was before. */
function checkKeyLog(bytes: Uint8Array): void {
  const events = tried(() => decode(bytes), 'malformed')
  if (!Array.isArray(events) || !events.every((event) => event instanceof Uint8Array)) return
  try {
    validateKeyLog(events)
  } catch (err) {
    assert.ok(isFailure(err, 'malformed'), String(err))
    const { what } = err.details
    assert.ok(
      KEY_LOG_REFUSALS.some((reason) => reason === what),
      what,
    )
    return
  }
  const shown = events.map(hex).join()
  assert.ok(
    LOGS.some((log) => log.slice(0, events.length).join() === shown),
    'a log was taken that nobody signed',
  )
}

function checkShow(bytes: Uint8Array): void {
  let log: Uint8Array[]
  try {
    log = readShow(readLobbyMessage(bytes))
  } catch (err) {
    assert.ok(err instanceof z.ZodError || isFailure(err, 'malformed'), String(err))
    return
  }
  assert.equal(hex(encode({ t: 'show', log })), hex(bytes))
}

/** A bye that is taken is one of those that were signed. */
function checkBye(bytes: Uint8Array): void {
  if (tried(() => readBye(bytes, BYES.key), 'malformed') === undefined) return
  const signed = BYES.valid.some(({ bye }) => Buffer.compare(bye, bytes) === 0)
  assert.ok(signed, 'a bye was taken that nobody signed')
}

/** Every schema takes the body as it is, or says why not in details that can be sent. */
function checkBody(bytes: Uint8Array): void {
  const body = tried(() => decode(bytes), 'malformed')
  if (body === undefined) return
  for (const schema of BODIES) {
    try {
      assert.deepEqual(verbs.parseBody(schema, body), body)
    } catch (err) {
      assertFailure(err, 'bad-request')
      encode(err.details as unknown as CborValue)
    }
  }
}

/** What `run` returns, or undefined when it throws what it may. */
function tried<T>(run: () => T, ...codes: FailureCode[]): T | undefined {
  try {
    return run()
  } catch (err) {
    assertFailure(err, ...codes)
    return undefined
  }
}

function assertFailure(
  err: unknown,
  ...codes: FailureCode[]
): asserts err is Error & { details: object } {
  if (!isFailure(err) || !codes.includes(err.code)) throw err
}

function hexOf(name: string): Uint8Array[] {
  return readVectors(name, withHex).valid.map(({ hex: text }) => fromHex(text))
}

function listOf(events: readonly string[]): Uint8Array {
  return encode(events.map(fromHex))
}

function sampleBodies(): CborValue[] {
  const nonce = new Uint8Array(16)
  const chain = [`kith1${'a'.repeat(52)}`]
  const end = { ask: ASK, engine: 'builtin', lastSeq: 3 }
  return [
    { nonce, size: 64 },
    { at: 1, nonce, pad: nonce, software: 'kith/1', uptimeMs: 1, versions: [1, 1] },
    { ask: ASK, text: 'hi', chain, session: 's', timeoutMs: 1_000, retryOf: ASK },
    { kind: 'accepted', position: 0 },
    { kind: 'text', text: 'The answer' },
    { kind: 'progress', note: 'reading' },
    end,
    { outcome: 'done', end },
    { outcome: 'failed', code: 'busy', details: { position: 3 } },
    { ask: ASK, after: 0 },
    { ask: ASK },
    { ask: ASK, state: 'running', lastSeq: 0 },
    {},
    { log: [nonce] },
    { bye: nonce },
  ]
}
