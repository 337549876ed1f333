import assert from 'node:assert/strict'
import { z } from 'zod'
import { readBackupStatement } from './backup-statement.ts'
import { Refused } from './refused.ts'
import { bytes, named, text, vectors } from './vectors.ts'

describe('conformance', () => {
  describe('of backup statements', () => {
    const says = z.strictObject({ id: text, sn: z.int(), manifest: text, at: z.int() })
    const { key, refused, valid } = vectors('backup-statements.json', {
      seed: bytes,
      key: bytes,
      valid: z.array(z.strictObject({ ...named, statement: bytes, says })),
      refused: z.array(
        z.strictObject({ ...named, what: text, statement: bytes, key: bytes.optional() }),
      ),
    })

    it(`takes ${valid.length}, and says what they say`, () => {
      for (const { name, says: said, statement } of valid) {
        assert.deepEqual(readBackupStatement(statement, key), said, name)
      }
    })

    it(`refuses ${refused.length}`, () => {
      for (const { key: other, name, statement, what } of refused) {
        assert.throws(() => readBackupStatement(statement, other ?? key), new Refused(what), name)
      }
    })
  })
})
