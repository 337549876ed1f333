import assert from 'node:assert/strict'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import fc from 'fast-check'
import { z } from 'zod'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { parsePublicKey, peerIdOf } from '../../src/protocol/peer-id.ts'
import { WEAK_POINTS } from '../vectors/ed25519-points.ts'
import { readVectors } from '../vectors/read.ts'
import { fromHex, hex, seedOf } from '../vectors/seeds.ts'

const vectors = readVectors(
  'peer-ids.json',
  z.strictObject({
    valid: z.array(
      z.strictObject({
        publicKey: z.string(),
        peerId: z.string(),
        base64: z.string(),
        base64url: z.string(),
      }),
    ),
    refused: z.array(z.strictObject({ name: z.string(), text: z.string() })),
  }),
)

describe('peer id', () => {
  for (const { publicKey, peerId, base64, base64url } of vectors.valid) {
    it(`is ${peerId} for its key`, () => {
      assert.equal(peerIdOf(fromHex(publicKey)), peerId)
    })

    const unpadded = base64.replace('=', '')
    for (const text of [peerId, publicKey, publicKey.toUpperCase(), base64, base64url, unpadded]) {
      it(`${text} is read as a public key`, () => {
        assert.equal(hex(parsePublicKey(text)), publicKey)
      })
    }
  }

  for (const { name, text } of vectors.refused) {
    it(`is not read as a public key: ${name}`, () => {
      assert.throws(() => parsePublicKey(text), isRefused)
    })
  }

  for (const { name, point } of WEAK_POINTS) {
    it(`is not taken for a weak key: ${name}`, () => {
      assert.throws(() => parsePublicKey(peerIdOf(fromHex(point))), isRefused)
    })
  }

  it('refuses text that is almost a peer id', () => {
    const [first = ''] = vectors.valid.map(({ peerId }) => peerId)
    for (let at = 0; at < first.length; at++) {
      const other = first[at] === '2' ? '3' : '2'
      const text = first.slice(0, at) + other + first.slice(at + 1)
      // A changed character may spell another key, but never the same one.
      assert.notEqual(keyOrNothing(text), hex(parsePublicKey(first)), text)
    }
  })

  it('is what libp2p makes of the same key', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (seed) => {
        const { publicKey } = await generateKeyPairFromSeed('Ed25519', seed)
        assert.deepEqual(publicKeyOf(seed), new Uint8Array(publicKey.raw))
        const peerId = peerIdFromPublicKey(publicKey).toString()
        assert.equal(peerIdOf(publicKey.raw), peerId)
        assert.deepEqual(parsePublicKey(peerId), new Uint8Array(publicKey.raw))
      }),
      { numRuns: 50 },
    )
  })

  it('is made of 32 bytes only', () => {
    assert.throws(() => peerIdOf(seedOf('short').subarray(1)), TypeError)
  })
})

function keyOrNothing(text: string): string | undefined {
  try {
    return hex(parsePublicKey(text))
  } catch (err) {
    assert.ok(isRefused(err))
    return undefined
  }
}

function isRefused(err: unknown): boolean {
  return isFailure(err, 'usage')
}
