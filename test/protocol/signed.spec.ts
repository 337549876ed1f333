import assert from 'node:assert/strict'
import { z } from 'zod'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { SIGNED_KINDS, sign, verify } from '../../src/protocol/signed.ts'
import { readVectors } from '../vectors/read.ts'
import { fromHex, hex, seedOf } from '../vectors/seeds.ts'

const statement = { bytes: z.string(), publicKey: z.string(), signature: z.string() }

const vectors = readVectors(
  'signed.json',
  z.strictObject({
    kind: z.literal('icp'),
    valid: z.array(z.strictObject({ seed: z.string(), ...statement })),
    validWithoutSeed: z.array(z.strictObject({ name: z.string(), ...statement })),
    refused: z.array(z.strictObject({ name: z.string(), ...statement })),
  }),
)

describe('signed', () => {
  for (const [i, { seed, ...vector }] of vectors.valid.entries()) {
    it(`signs statement ${i} as its vector says`, () => {
      assert.equal(hex(publicKeyOf(fromHex(seed))), vector.publicKey)
      assert.equal(hex(sign('icp', fromHex(vector.bytes), fromHex(seed))), vector.signature)
    })

    it(`verifies statement ${i}`, () => {
      assert.equal(verifies(vector), true)
    })
  }

  for (const { name, ...vector } of vectors.validWithoutSeed) {
    it(`verifies: ${name}`, () => {
      assert.equal(verifies(vector), true)
    })
  }

  for (const { name, ...vector } of vectors.refused) {
    it(`does not verify: ${name}`, () => {
      assert.equal(verifies(vector), false)
    })
  }

  it('takes a statement of one kind for none of another', () => {
    const [seed, bytes] = [seedOf('signer 0'), fromHex('a0')]
    for (const kind of SIGNED_KINDS) {
      const signature = sign(kind, bytes, seed)
      const taken = SIGNED_KINDS.filter((as) => verify(as, bytes, signature, publicKeyOf(seed)))
      assert.deepEqual(taken, [kind])
    }
  })
})

function verifies(vector: { bytes: string; publicKey: string; signature: string }) {
  const { bytes, signature, publicKey } = vector
  return verify('icp', fromHex(bytes), fromHex(signature), fromHex(publicKey))
}
