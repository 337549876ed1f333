import assert from 'node:assert/strict'
import fc from 'fast-check'
import { z } from 'zod'
import {
  createAuditHead,
  readAuditHead,
  unverifiedAuditHead,
} from '../../src/protocol/audit-head.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { readVectors } from '../vectors/read.ts'
import { fromHex, hex } from '../vectors/seeds.ts'

const bytes = z.string().transform(fromHex)
const says = z.strictObject({
  id: z.string(),
  sn: z.int(),
  seq: z.int(),
  hash: bytes,
  first: z.int(),
  at: z.int(),
})

const vectors = readVectors(
  'audit-heads.json',
  z.strictObject({
    seed: bytes,
    key: bytes,
    valid: z.array(z.strictObject({ name: z.string(), head: bytes, says })),
    refused: z.array(
      z.strictObject({ what: z.string(), name: z.string(), head: bytes, key: bytes.optional() }),
    ),
  }),
)

const { key, seed } = vectors

describe('head of an audit log', () => {
  for (const { head, name, says } of vectors.valid) {
    it(`is made as its vector says, and read: ${name}`, () => {
      assert.equal(hex(createAuditHead({ ...says, seed })), hex(head))
      assert.deepEqual(readAuditHead(head, key), says)
      assert.deepEqual(unverifiedAuditHead(head), says)
    })
  }

  for (const { head, key: other, name, what } of vectors.refused) {
    it(`is refused for: ${what}: ${name}`, () => {
      assert.throws(() => readAuditHead(head, other ?? key), isRefusal(what))
    })
  }

  const [valid] = vectors.valid
  assert.ok(valid)

  it('is none any more once a byte of it is another', () => {
    const { head } = valid
    fc.assert(
      fc.property(fc.nat(head.byteLength - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const other = head.map((byte, place) => (place === at ? byte ^ change : byte))
        assert.throws(
          () => readAuditHead(other, key),
          (err) => isFailure(err, 'malformed'),
        )
      }),
    )
  })

  const unusable = [
    ['an id that is none', { id: 'nas' }, 'wrong field'],
    ['no entry', { seq: 0 }, 'wrong field'],
    ['a hash that is none', { hash: new Uint8Array(31) }, 'wrong field'],
    ['a first entry after the next', { seq: 4, first: 6 }, 'wrong field'],
    ['a time before the epoch', { at: -1 }, 'wrong time'],
  ] as const
  for (const [name, change, what] of unusable) {
    it(`is not made with ${name}`, () => {
      assert.throws(() => createAuditHead({ ...valid.says, ...change, seed }), isRefusal(what))
    })
  }
})

function isRefusal(what: string): (err: unknown) => boolean {
  return (err) => isFailure(err, 'malformed') && err.details.what === what
}
