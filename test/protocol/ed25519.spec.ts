import assert from 'node:assert/strict'
import { signAsync, verifyAsync } from '@noble/ed25519'
import fc from 'fast-check'
import { isSoundPoint, publicKeyOf, signBytes, verifyBytes } from '../../src/protocol/ed25519.ts'
import { WEAK_POINTS } from '../vectors/ed25519-points.ts'
import { fromHex, hex, seedOf } from '../vectors/seeds.ts'

/** RFC 8032 §7.1, tests 1, 2, 3 and SHA(abc). */
const RFC_8032 = [
  {
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
  {
    seed: '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    publicKey: 'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    message:
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    signature:
      'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  },
]

const SEED = seedOf('signer 0')
const KEY = publicKeyOf(SEED)
const MESSAGE = Uint8Array.of(1, 2, 3)

describe('ed25519', () => {
  for (const [i, { seed, publicKey, message, signature }] of RFC_8032.entries()) {
    it(`agrees with vector ${i + 1} of RFC 8032`, () => {
      assert.equal(hex(publicKeyOf(fromHex(seed))), publicKey)
      assert.equal(hex(signBytes(fromHex(message), fromHex(seed))), signature)
      assert.ok(verifyBytes(fromHex(message), fromHex(signature), fromHex(publicKey)))
    })
  }

  it('signs as @noble/ed25519 does, and each verifies the other', async () => {
    const seed = fc.uint8Array({ minLength: 32, maxLength: 32 })
    await fc.assert(
      fc.asyncProperty(seed, fc.uint8Array(), async (secret, message) => {
        const signature = signBytes(message, secret)
        assert.deepEqual(signature, await signAsync(message, secret))
        assert.ok(verifyBytes(message, signature, publicKeyOf(secret)))
        assert.ok(await verifyAsync(signature, message, publicKeyOf(secret), { zip215: false }))
      }),
      { numRuns: 30 },
    )
  })

  it('refuses a signature with any bit changed', () => {
    const signature = signBytes(MESSAGE, SEED)
    for (let bit = 0; bit < signature.byteLength * 8; bit++) {
      const changed = signature.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.equal(verifyBytes(MESSAGE, changed, KEY), false, `bit ${bit}`)
    }
  })

  it('never throws, whatever the signature and the key', () => {
    const signature = fc.uint8Array({ minLength: 63, maxLength: 65 })
    const publicKey = fc.uint8Array({ minLength: 31, maxLength: 33 })
    fc.assert(
      fc.property(signature, publicKey, (random, key) => {
        assert.equal(verifyBytes(MESSAGE, random, key), false)
        assert.equal(verifyBytes(MESSAGE, random, KEY), false)
      }),
    )
  })

  it('calls keys of seeds sound', () => {
    for (const name of ['a', 'b', 'c']) assert.ok(isSoundPoint(publicKeyOf(seedOf(name))))
  })

  for (const { name, point } of WEAK_POINTS) {
    it(`calls no point sound that is: ${name}`, () => {
      assert.equal(isSoundPoint(fromHex(point)), false)
    })
  }

  for (const length of [0, 31, 33]) {
    it(`takes no seed and no point of ${length} bytes`, () => {
      assert.throws(() => publicKeyOf(new Uint8Array(length)), TypeError)
      assert.throws(() => signBytes(MESSAGE, new Uint8Array(length)), TypeError)
      assert.equal(isSoundPoint(new Uint8Array(length).fill(3)), false)
    })
  }
})
