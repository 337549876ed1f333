import assert from 'node:assert/strict'
import { z } from 'zod'
import { readBye } from './bye.ts'
import { Refused } from './refused.ts'
import { bytes, named, text, vectors } from './vectors.ts'

describe('conformance', () => {
  describe('of byes', () => {
    const { key, refused, valid } = vectors('byes.json', {
      seed: bytes,
      key: bytes,
      valid: z.array(
        z.strictObject({
          ...named,
          bye: bytes,
          says: z.strictObject({ from: text, to: text, at: z.int() }),
        }),
      ),
      refused: z.array(z.strictObject({ ...named, what: text, bye: bytes, key: bytes.optional() })),
    })

    it(`takes ${valid.length}, and says what they say`, () => {
      for (const { bye, name, says } of valid) assert.deepEqual(readBye(bye, key), says, name)
    })

    it(`refuses ${refused.length}`, () => {
      for (const { bye, key: other, name, what } of refused) {
        assert.throws(() => readBye(bye, other ?? key), new Refused(what), name)
      }
    })
  })
})
