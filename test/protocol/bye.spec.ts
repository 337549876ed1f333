import assert from 'node:assert/strict'
import fc from 'fast-check'
import { z } from 'zod'
import { createBye, readBye } from '../../src/protocol/bye.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { readVectors } from '../vectors/read.ts'
import { fromHex, hex } from '../vectors/seeds.ts'

const bytes = z.string().transform(fromHex)
const says = z.strictObject({ from: z.string(), to: z.string(), at: z.int() })

const vectors = readVectors(
  'byes.json',
  z.strictObject({
    seed: bytes,
    key: bytes,
    valid: z.array(z.strictObject({ name: z.string(), bye: bytes, says })),
    refused: z.array(
      z.strictObject({ what: z.string(), name: z.string(), bye: bytes, key: bytes.optional() }),
    ),
  }),
)

const { key, seed } = vectors

describe('bye', () => {
  for (const { bye, name, says } of vectors.valid) {
    it(`is made as its vector says, and read: ${name}`, () => {
      assert.equal(hex(createBye({ ...says, seed })), hex(bye))
      assert.deepEqual(readBye(bye, key), says)
    })
  }

  for (const { bye, key: other, name, what } of vectors.refused) {
    it(`is refused for: ${what}: ${name}`, () => {
      assert.throws(() => readBye(bye, other ?? key), isRefusal(what))
    })
  }

  const [valid] = vectors.valid
  assert.ok(valid)

  it('is none any more once a byte of it is another', () => {
    const { bye } = valid
    fc.assert(
      fc.property(fc.nat(bye.byteLength - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const other = bye.map((byte, place) => (place === at ? byte ^ change : byte))
        assert.throws(
          () => readBye(other, key),
          (err) => isFailure(err, 'malformed'),
        )
      }),
    )
  })

  const unusable = [
    ['an id that is none', { from: 'nas' }, 'wrong field'],
    ['nobody who is unpinned', { to: '' }, 'wrong field'],
    ['a time before the epoch', { at: -1 }, 'wrong time'],
    ['a time after the last', { at: 8_640_000_000_000_001 }, 'wrong time'],
  ] as const
  for (const [name, change, what] of unusable) {
    it(`is not made with ${name}`, () => {
      assert.throws(() => createBye({ ...valid.says, ...change, seed }), isRefusal(what))
    })
  }
})

function isRefusal(what: string): (err: unknown) => boolean {
  return (err) => isFailure(err, 'malformed') && err.details.what === what
}
