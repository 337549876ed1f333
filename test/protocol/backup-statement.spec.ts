import assert from 'node:assert/strict'
import fc from 'fast-check'
import { z } from 'zod'
import {
  createBackupStatement,
  readBackupStatement,
  unverifiedBackupStatement,
} from '../../src/protocol/backup-statement.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { readVectors } from '../vectors/read.ts'
import { fromHex, hex } from '../vectors/seeds.ts'

const bytes = z.string().transform(fromHex)
const says = z.strictObject({ id: z.string(), sn: z.int(), manifest: bytes, at: z.int() })
const refusedStatement = z.strictObject({
  ...{ what: z.string(), name: z.string(), statement: bytes, key: bytes.optional() },
})

const vectors = readVectors(
  'backup-statements.json',
  z.strictObject({
    seed: bytes,
    key: bytes,
    valid: z.array(z.strictObject({ name: z.string(), statement: bytes, says })),
    refused: z.array(refusedStatement),
  }),
)

const { key, seed } = vectors

describe('backup statement', () => {
  for (const { name, says: said, statement } of vectors.valid) {
    it(`is made as its vector says, and read: ${name}`, () => {
      assert.equal(hex(createBackupStatement({ ...said, seed })), hex(statement))
      assert.deepEqual(readBackupStatement(statement, key), { ...said })
      assert.deepEqual(unverifiedBackupStatement(statement), { ...said })
    })
  }

  for (const { key: other, name, statement, what } of vectors.refused) {
    it(`is refused for: ${what}: ${name}`, () => {
      assert.throws(() => readBackupStatement(statement, other ?? key), isRefusal(what))
    })
  }

  const [valid] = vectors.valid
  assert.ok(valid)

  it('is none any more once a byte of it is another', () => {
    const { statement } = valid
    const last = statement.byteLength - 1
    fc.assert(
      fc.property(fc.nat(last), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const other = statement.map((byte, place) => (place === at ? byte ^ change : byte))
        assert.throws(
          () => readBackupStatement(other, key),
          (err) => isFailure(err, 'malformed'),
        )
      }),
    )
  })

  const unusable = [
    ['an id that is none', { id: 'nas' }, 'wrong field'],
    ['a number that no event has', { sn: 64 }, 'wrong field'],
    ['a hash of another length', { manifest: new Uint8Array(31) }, 'wrong field'],
    ['a time before the epoch', { at: -1 }, 'wrong time'],
  ] as const
  for (const [name, change, what] of unusable) {
    it(`is not made with ${name}`, () => {
      const init = { ...valid.says, ...change, seed }
      assert.throws(() => createBackupStatement(init), isRefusal(what))
    })
  }
})

function isRefusal(what: string): (err: unknown) => boolean {
  return (err) => isFailure(err, 'malformed') && err.details.what === what
}
