import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { noiseCrypto, noiseKey } from '../../src/node/noise-crypto.ts'

describe('noise crypto', () => {
  it('derives the keys that noise derives by default', () => {
    for (const bytes of [0, 32]) {
      const [chainingKey, input] = [randomBytes(32), randomBytes(bytes)]
      const ours = noiseCrypto.getHKDF(chainingKey, input)
      const theirs = defaultCrypto.getHKDF(chainingKey, input)
      assert.deepEqual(ours.map(hex), theirs.map(hex))
    }
  })

  it('agrees with the default on a shared key, on either side', () => {
    const ours = noiseCrypto.generateX25519KeyPair()
    const theirs = defaultCrypto.generateX25519KeyPair()
    const shared = noiseCrypto.generateX25519SharedKey(ours.privateKey, theirs.publicKey)
    const other = defaultCrypto.generateX25519SharedKey(theirs.privateKey, ours.publicKey)
    assert.equal(hex(shared), hex(other))
  })

  it('takes a private key that it did not make, as noise gives for a static key of its own', () => {
    const [ours, theirs] = [
      noiseCrypto.generateX25519KeyPair(),
      defaultCrypto.generateX25519KeyPair(),
    ]
    const seeded = noiseCrypto.generateX25519KeyPairFromSeed(theirs.privateKey)
    const shared = noiseCrypto.generateX25519SharedKey(seeded.privateKey, ours.publicKey)
    assert.equal(
      hex(shared),
      hex(noiseCrypto.generateX25519SharedKey(ours.privateKey, theirs.publicKey)),
    )
  })

  it('refuses a public key of small order, whose shared key anybody knows', () => {
    const { privateKey } = noiseCrypto.generateX25519KeyPair()
    assert.throws(() => noiseCrypto.generateX25519SharedKey(privateKey, new Uint8Array(32)))
  })

  it('makes a new key each time', () => {
    const [a, b] = [noiseCrypto.generateX25519KeyPair(), noiseCrypto.generateX25519KeyPair()]
    assert.notEqual(hex(a.publicKey), hex(b.publicKey))
    assert.notEqual(hex(a.privateKey), hex(b.privateKey))
  })
})

describe('a noise key', () => {
  const seed = new Uint8Array(32).fill(7)
  const bytes = new Uint8Array(Buffer.from('noise-libp2p-static-key: and a key'))

  it('is the key of its seed', async () => {
    const other = await generateKeyPairFromSeed('Ed25519', seed)
    assert.ok(noiseKey(seed).equals(other))
  })

  it('signs the same bytes once, and others anew', async () => {
    const key = noiseKey(seed)
    const signature = await key.sign(bytes)
    assert.equal(await key.sign(bytes.slice()), signature)
    const others = new Uint8Array(Buffer.from('something else'))
    assert.ok(await key.publicKey.verify(bytes, signature))
    assert.ok(await key.publicKey.verify(others, await key.sign(others)))
  })

  it('does not take bytes that changed meanwhile for those it has signed', async () => {
    const key = noiseKey(seed)
    const reused = bytes.slice()
    await key.sign(reused)
    reused[0] = 0
    assert.ok(await key.publicKey.verify(reused, await key.sign(reused)))
  })
})

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
