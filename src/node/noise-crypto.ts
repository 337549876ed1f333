import { createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import { privateKeyFromRaw } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { publicKeyOf, signBytes } from '../protocol/ed25519.ts'

/** What stands before the 32 bytes of an X25519 public key in SPKI (RFC 8410 §4). */
const SPKI_HEAD = Buffer.from('302a300506032b656e032100', 'hex')

/** Bytes of the chaining key and of each key that comes out of it (Noise §4.3, HASHLEN of SHA-256). */
const HASH_BYTES = 32

/** The key objects behind the private keys that noise hands around as bytes, for as long as it holds them. */
const keys = new WeakMap<object, KeyObject>()

/**
 * The cryptography of Noise's handshake, by node:crypto: HKDF, which is JavaScript by default, and X25519 without a
 * new import of our own key for each of its three exchanges. It takes a third of the time off a handshake's sums.
 */
export const noiseCrypto: typeof defaultCrypto = {
  ...defaultCrypto,

  getHKDF(chainingKey, input) {
    const okm = new Uint8Array(hkdfSync('sha256', input, chainingKey, '', 3 * HASH_BYTES))
    return [okm.subarray(0, 32), okm.subarray(32, 64), okm.subarray(64)]
  },

  generateX25519KeyPair() {
    const pair = generateKeyPairSync('x25519')
    const { d = '', x = '' } = pair.privateKey.export({ format: 'jwk' })
    const privateKey = new Uint8Array(Buffer.from(d, 'base64url'))
    keys.set(privateKey, pair.privateKey)
    return { privateKey, publicKey: new Uint8Array(Buffer.from(x, 'base64url')) }
  },

  generateX25519SharedKey(privateKey, publicKey) {
    const key = keys.get(privateKey)
    if (key === undefined) return defaultCrypto.generateX25519SharedKey(privateKey, publicKey)
    const spki = Buffer.concat([SPKI_HEAD, publicKey.subarray()])
    const theirs = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    return diffieHellman({ privateKey: key, publicKey: theirs })
  },
}

/**
 * The key of a 32-byte Ed25519 seed, as Noise uses it: each handshake signs the same bytes, the static key of this
 * process, so the last signature is kept.
 */
export function noiseKey(seed: Uint8Array): PrivateKey {
  // Seed and public key together: from a seed alone, libp2p derives the other half in 30 ms of JavaScript.
  const key = privateKeyFromRaw(Buffer.concat([seed, publicKeyOf(seed)]))
  let last: { bytes: Uint8Array; signature: Uint8Array } | undefined
  key.sign = (data) => {
    const bytes = data.slice()
    if (last === undefined || Buffer.compare(last.bytes, bytes) !== 0) {
      last = { bytes, signature: signBytes(bytes, seed) }
    }
    return last.signature
  }
  return key
}
