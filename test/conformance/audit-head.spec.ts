import assert from 'node:assert/strict'
import { z } from 'zod'
import { readAuditHead } from './audit-head.ts'
import { Refused } from './refused.ts'
import { bytes, named, text, vectors } from './vectors.ts'

describe('conformance', () => {
  describe('of heads of audit logs', () => {
    const { key, refused, valid } = vectors('audit-heads.json', {
      seed: bytes,
      key: bytes,
      valid: z.array(
        z.strictObject({
          ...named,
          head: bytes,
          says: z.strictObject({
            id: text,
            sn: z.int(),
            seq: z.int(),
            hash: text,
            first: z.int(),
            at: z.int(),
          }),
        }),
      ),
      refused: z.array(
        z.strictObject({ ...named, what: text, head: bytes, key: bytes.optional() }),
      ),
    })

    it(`takes ${valid.length}, and says what they say`, () => {
      for (const { head, name, says } of valid) {
        assert.deepEqual(readAuditHead(head, key), says, name)
      }
    })

    it(`refuses ${refused.length}`, () => {
      for (const { head, key: other, name, what } of refused) {
        assert.throws(() => readAuditHead(head, other ?? key), new Refused(what), name)
      }
    })
  })
})
