import assert from 'node:assert/strict'
import { z } from 'zod'
import { isFailure } from '../../src/protocol/errors.ts'
import { createReceipt, readReceipt } from '../../src/protocol/receipt.ts'
import { readVectors } from '../vectors/read.ts'
import { fromHex, hex } from '../vectors/seeds.ts'

const bytes = z.string().transform(fromHex)
const says = z.strictObject({
  id: z.string(),
  sn: z.int(),
  head: bytes,
  by: z.string(),
  seenAt: z.int(),
})

const vectors = readVectors(
  'receipts.json',
  z.strictObject({
    seed: bytes,
    key: bytes,
    valid: z.array(z.strictObject({ name: z.string(), receipt: bytes, says })),
    refused: z.array(
      z.strictObject({
        what: z.string(),
        name: z.string(),
        receipt: bytes,
        key: bytes.optional(),
      }),
    ),
  }),
)

const { key, seed } = vectors

describe('receipt', () => {
  for (const { name, receipt, says } of vectors.valid) {
    it(`is made as its vector says, and read: ${name}`, () => {
      assert.equal(hex(createReceipt({ ...says, seed })), hex(receipt))
      assert.deepEqual(readReceipt(receipt, key), says)
    })
  }

  for (const { what, name, receipt, key: other } of vectors.refused) {
    it(`is refused for: ${what}: ${name}`, () => {
      assert.throws(() => readReceipt(receipt, other ?? key), isRefusal(what))
    })
  }

  const [valid] = vectors.valid
  assert.ok(valid)
  const unusable = [
    ['a number that no log reaches', { sn: 64 }, 'wrong field'],
    ['an id that is none', { id: 'nas' }, 'wrong field'],
    ['a short hash', { head: new Uint8Array(31) }, 'wrong field'],
    ['a time before the epoch', { seenAt: -1 }, 'wrong time'],
    ['a time after the last', { seenAt: 8_640_000_000_000_001 }, 'wrong time'],
  ] as const
  for (const [name, change, what] of unusable) {
    it(`is not made with ${name}`, () => {
      assert.throws(() => createReceipt({ ...valid.says, ...change, seed }), isRefusal(what))
    })
  }
})

function isRefusal(what: string): (err: unknown) => boolean {
  return (err) => isFailure(err, 'malformed') && err.details.what === what
}
