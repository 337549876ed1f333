import assert from 'node:assert/strict'
import { encode as dagEncode } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { z } from 'zod'
import { WIRE_CODES, isFailure } from '../../src/protocol/errors.ts'
import type { WireCode } from '../../src/protocol/errors.ts'
import { decodeMessage, encodeMessage } from '../../src/protocol/message.ts'
import type { Body, Message } from '../../src/protocol/message.ts'
import { mutate, mutation } from '../helpers/mutation.ts'
import { fromJson } from '../vectors/cbor-cases.ts'
import { frameVectors, messageVectors } from '../vectors/message-cases.ts'
import { readVectors } from '../vectors/read.ts'
import { fromHex, hex } from '../vectors/seeds.ts'

const vectors = readVectors(
  'messages.json',
  z.strictObject({
    valid: z.array(z.strictObject({ name: z.string(), message: z.unknown(), hex: z.string() })),
    unknownCodes: z.array(z.strictObject({ name: z.string(), code: z.string(), hex: z.string() })),
    refused: z.array(z.strictObject({ name: z.string(), what: z.string(), hex: z.string() })),
  }),
)

const KINDS = ['hello', 'call', 'event', 'end', 'fail', 'cancel']

describe('message', () => {
  for (const vector of vectors.valid) {
    it(`is written as its vector says: ${vector.name}`, () => {
      const message = fromJson(vector.message) as Message
      assert.equal(hex(encodeMessage(message)), vector.hex)
    })

    it(`is read as its vector says: ${vector.name}`, () => {
      assert.deepEqual(decodeMessage(fromHex(vector.hex)), fromJson(vector.message))
    })
  }

  for (const { name, code, hex: bytes } of vectors.unknownCodes) {
    it(`fails as internal for a code ${name}, which becomes the incident`, () => {
      const details = { incident: code }
      assert.deepEqual(decodeMessage(fromHex(bytes)), {
        t: 'fail',
        id: 7,
        code: 'internal',
        details,
      })
    })
  }

  for (const { name, what, hex: bytes } of vectors.refused) {
    it(`is refused: ${name}`, () => {
      assert.throws(() => decodeMessage(fromHex(bytes)), { code: 'malformed', details: { what } })
    })
  }

  it('has vectors of every kind, taken and refused', () => {
    const kinds = vectors.valid.map(({ message }) => (message as Message).t)
    assert.deepEqual([...new Set(kinds)], KINDS)
    for (const kind of KINDS) {
      assert.ok(vectors.refused.some(({ name }) => name === `${kind} with a key too many`))
    }
  })

  it('has vectors that are what their generator makes', () => {
    const read = (name: string): unknown => readVectors(name, z.unknown())
    assert.deepEqual(read('messages.json'), messageVectors())
    assert.deepEqual(read('frames.json'), frameVectors())
  })

  const cancel = 'a261746663616e63656c62696407'
  const uncanonical = [
    ['keys out of order', 'a262696407617466' + '63616e63656c'],
    ['cut short', cancel.slice(0, -2)],
    ['a byte after it', `${cancel}00`],
    ['an id in two bytes', 'a261746663616e63656c626964' + '1807'],
    ['an id that is a float', 'a261746663616e63656c626964' + 'f94700'],
    ['one key twice', 'a361746663616e63656c61746663616e63656c62696407'],
  ] as const
  for (const [name, bytes] of uncanonical) {
    it(`is refused in another encoding than the one it has: ${name}`, () => {
      assert.equal(hex(encodeMessage({ t: 'cancel', id: 7 })), cancel)
      assert.throws(() => decodeMessage(fromHex(bytes)), { code: 'malformed' })
    })
  }

  it('has a code for each failure that may cross the wire', () => {
    for (const code of Object.keys(WIRE_CODES) as WireCode[]) {
      const message = { t: 'fail', id: 1, code, details: {} } as const
      assert.deepEqual(decodeMessage(encodeMessage(message)), message)
    }
  })

  it('is read back as it was written, and its keys are in canonical order', () => {
    fc.assert(
      fc.property(anyMessage(), (message) => {
        const bytes = encodeMessage(message)
        assert.deepEqual(decodeMessage(bytes), message)
        assert.equal(hex(dagEncode(message)), hex(bytes))
      }),
      { numRuns: 2_000 },
    )
  })

  it('is a message or malformed, and nothing else, when its bytes are chance', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 96 }), (bytes) => {
        checkDecoded(bytes)
      }),
      { numRuns: 10_000 },
    )
  })

  it('is a message or malformed, and nothing else, when its bytes were changed on the way', () => {
    const changes = fc.array(mutation(), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(anyMessage(), changes, (message, all) => {
        checkDecoded(mutate(encodeMessage(message), all))
      }),
      { numRuns: 10_000 },
    )
  })
})

/** These bytes read as a message that has no other encoding, save for a code that nobody knows, or are malformed. */
function checkDecoded(bytes: Uint8Array): void {
  let message: Message
  try {
    message = decodeMessage(bytes)
  } catch (err) {
    assert.ok(isFailure(err, 'malformed'), String(err))
    return
  }
  assert.ok(KINDS.includes(message.t))
  if (message.t !== 'fail') assert.equal(hex(encodeMessage(message)), hex(bytes))
}

function anyMessage(): fc.Arbitrary<Message> {
  const plain = { noNullPrototype: true }
  const uint = fc.maxSafeNat()
  const name = fc.string({ unit: 'binary', maxLength: 64 }).filter((text) => text.length <= 64)
  const key = fc.string({ maxLength: 12 }).filter((text) => text !== '__proto__')
  const { body } = fc.letrec<{ body: Body }>((tie) => ({
    body: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<Body>(null, true, false),
      uint,
      fc.string({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 40 }),
      fc.array(tie('body'), { maxLength: 4 }),
      fc.dictionary(key, tie('body'), { maxKeys: 4, ...plain }),
    ),
  }))
  const details = fc.dictionary(key, body, { maxKeys: 3, ...plain })
  const code = fc.constantFrom(...(Object.keys(WIRE_CODES) as WireCode[]))
  const versions = fc
    .tuple(uint, uint)
    .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)])
  const of = <T extends Message['t']>(t: T) => fc.constant(t)
  return fc.oneof(
    fc.record({ t: of('hello'), at: uint, sn: uint, epoch: uint, software: name, versions }, plain),
    fc.record({ t: of('call'), id: uint, body, verb: name, deadlineMs: uint }, plain),
    fc.record({ t: of('event'), id: uint, seq: uint, body }, plain),
    fc.record({ t: of('end'), id: uint, body }, plain),
    fc.record({ t: of('fail'), id: uint, code, details }, plain),
    fc.record({ t: of('cancel'), id: uint }, plain),
  )
}
