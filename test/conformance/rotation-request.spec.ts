import assert from 'node:assert/strict'
import { z } from 'zod'
import { Refused } from './refused.ts'
import { readRotationRequest, readText } from './rotation-request.ts'
import { bytes, named, text, vectors } from './vectors.ts'

describe('conformance', () => {
  describe('of rotation requests', () => {
    const { endorsed, key, refused, valid } = vectors('rotation-requests.json', {
      seed: bytes,
      key: bytes,
      valid: z.array(
        z.strictObject({
          ...named,
          request: bytes,
          text,
          words: z.array(text),
          says: z.record(text, z.union([text, z.int()])),
        }),
      ),
      refused: z.array(
        z.strictObject({ ...named, what: text, request: bytes, key: bytes.optional() }),
      ),
      endorsed: z.array(z.strictObject({ ...named, bytes, signature: bytes, text })),
    })

    it(`takes ${valid.length}, with their words, and as text`, () => {
      for (const { name, request, says, text: written, words } of valid) {
        assert.deepEqual(readRotationRequest(request, key), { says, words }, name)
        assert.deepEqual(readText(written, 'r'), request, name)
      }
    })

    it(`refuses ${refused.length}`, () => {
      for (const { key: other, name, request, what } of refused) {
        assert.throws(() => readRotationRequest(request, other ?? key), new Refused(what), name)
      }
    })

    it('reads an endorsement: the signature, then what it is of', () => {
      for (const { bytes: event, name, signature, text: written } of endorsed) {
        const read = readText(written, 'e')
        assert.deepEqual([read.slice(0, 64), read.slice(64)], [signature, event], name)
      }
    })
  })
})
