import assert from 'node:assert/strict'
import { z } from 'zod'
import { isFailure } from '../../src/protocol/errors.ts'
import { completeRotation, endorseRotation } from '../../src/protocol/key-log-create.ts'
import type { RotationDraft } from '../../src/protocol/key-log-create.ts'
import {
  createRotationRequest,
  endorsementText,
  parseEndorsementText,
  parseRequestText,
  readRotationRequest,
  requesterOf,
  requestText,
  rotationWords,
} from '../../src/protocol/rotation-request.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { readVectors } from '../vectors/read.ts'
import { fromHex, hex, seedOf } from '../vectors/seeds.ts'

const bytes = z.string().transform(fromHex)
const says = z.strictObject({
  id: z.string(),
  sn: z.int(),
  p: bytes,
  k: bytes,
  why: z.enum(['routine', 'compromise']),
  grace: z.int(),
  at: z.int(),
  lastGood: z.exactOptional(z.int()),
})

const vectors = readVectors(
  'rotation-requests.json',
  z.strictObject({
    seed: bytes,
    key: bytes,
    valid: z.array(
      z.strictObject({
        name: z.string(),
        request: bytes,
        text: z.string(),
        words: z.array(z.string()),
        says,
      }),
    ),
    refused: z.array(
      z.strictObject({
        what: z.string(),
        name: z.string(),
        request: bytes,
        key: bytes.optional(),
      }),
    ),
    endorsed: z.array(
      z.strictObject({ name: z.string(), bytes, signature: bytes, text: z.string() }),
    ),
  }),
)

const { key, seed } = vectors

describe('rotation request', () => {
  for (const { name, request, says: draft, text, words } of vectors.valid) {
    it(`is made as its vector says, and read: ${name}`, () => {
      assert.equal(hex(createRotationRequest(draft, seed)), hex(request))
      assert.deepEqual(readRotationRequest(request, key), draft)
      assert.equal(requesterOf(request), draft.id)
      assert.deepEqual(rotationWords(draft), words)
    })

    it(`is written as text, and read again: ${name}`, () => {
      assert.equal(requestText(request), text)
      assert.equal(hex(parseRequestText(text)), hex(request))
      assert.equal(hex(parseRequestText(` ${text}\n`)), hex(request))
    })
  }

  for (const { what, name, request, key: other } of vectors.refused) {
    it(`is refused for: ${what}: ${name}`, () => {
      assert.throws(
        () => readRotationRequest(request, other ?? key),
        (err) => isFailure(err, 'malformed') && err.details.what === what,
      )
    })
  }

  const [valid] = vectors.valid
  assert.ok(valid)
  const { says: draft, text } = valid

  it('has other words for another key, and for another time', () => {
    const others: RotationDraft[] = [
      { ...draft, k: publicKeyOf(seedOf('another')) },
      { ...draft, at: draft.at + 1 },
    ]
    for (const other of others) assert.notDeepEqual(rotationWords(other), rotationWords(draft))
  })

  it('has eight words: 88 bits, so that no draft with the same ones can be searched for', () => {
    assert.equal(rotationWords(draft).length, 8)
  })

  it('is endorsed and completed without a secret that moves', () => {
    const nextRotationKey = publicKeyOf(seedOf('rotation key 1'))
    const endorsed = endorseRotation(draft, { rotationSeed: seedOf('next key'), nextRotationKey })
    const carried = parseEndorsementText(endorsementText(endorsed))
    assert.deepEqual(carried, endorsed)
    const event = completeRotation(draft, carried, { seed: seedOf('key 1'), seedBefore: seed })
    assert.ok(event.byteLength > 0)
    assert.equal(hex(endorsed.bytes), hex(vectors.endorsed[0]?.bytes ?? new Uint8Array()))
  })

  for (const { name, text: written, ...endorsed } of vectors.endorsed) {
    it(`has its endorsement as text: ${name}`, () => {
      const { bytes: event, signature } = endorsed
      assert.equal(endorsementText({ bytes: event, signature }), written)
      assert.deepEqual(parseEndorsementText(written), { bytes: event, signature })
    })
  }

  const endorsement = vectors.endorsed[0]?.text ?? ''
  const texts: [what: string, text: string, endorsement: string][] = [
    ['nothing', '', ''],
    ['its head alone', 'kith://r/1/', 'kith://e/1/'],
    ['the other of the two', endorsement, text],
    ['another version', text.replace('/1/', '/2/'), endorsement.replace('/1/', '/2/')],
    ['a character that is none of base64url', `${text}!`, `${endorsement}!`],
    ['blanks within', text.replace(/.{9}$/, ' $&'), endorsement.replace(/.{9}$/, ' $&')],
    ['so little', 'kith://r/1/AAAA', `kith://e/1/${'A'.repeat(84)}`],
    ['so much', `kith://r/1/${'A'.repeat(2732)}`, `kith://e/1/${'A'.repeat(2732)}`],
  ]
  for (const [what, request, endorsed] of texts) {
    it(`is not read from ${what}, nor is its endorsement`, () => {
      assert.throws(() => parseRequestText(request), { code: 'usage', hint: 'kith key request' })
      assert.throws(() => parseEndorsementText(endorsed), { code: 'usage', hint: 'kith key sign' })
    })
  }
})
