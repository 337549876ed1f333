import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { Point } from '@noble/ed25519'

export const SEED_BYTES = 32
export const PUBLIC_KEY_BYTES = 32
/** R, then S. */
export const SIGNATURE_BYTES = 64
const R_BYTES = 32

/** What stands before a seed in PKCS #8, and before a public key in SPKI (RFC 8410 §7 and §4). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex')

/** The public key of a 32-byte secret seed (RFC 8032 §5.1.5). */
export function publicKeyOf(seed: Uint8Array): Uint8Array {
  const spki = createPublicKey(secretKey(seed)).export({ format: 'der', type: 'spki' })
  return new Uint8Array(spki.subarray(SPKI_HEAD.byteLength))
}

/** The one Ed25519 signature of `bytes` by a seed: it needs no chance (RFC 8032 §5.1.6). */
export function signBytes(bytes: Uint8Array, seed: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, bytes, secretKey(seed)))
}

/**
 * True if the holder of `publicKey` signed `bytes`: RFC 8032 §5.1.7 with S below the group's order, the
 * equation without cofactor, and a key and an R that `isSoundPoint` takes. The Web Cryptography API asks
 * for the same. Never throws for what a peer may send. It runs at once and on this thread, so that what follows from
 * a signature depends on no scheduling.
 */
export function verifyBytes(
  bytes: Uint8Array,
  signature: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  // OpenSSL takes small orders, and so did Node before nodejs/node#64026: no verdict may depend on that.
  if (!isSoundPoint(publicKey) || !isSoundPoint(signature.subarray(0, R_BYTES))) return false
  const spki = Buffer.concat([SPKI_HEAD, publicKey])
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  return verify(null, bytes, key, signature)
}

/**
 * True for the only encoding of a point that is not of small order. Under a key of small order there are
 * signatures that nobody made, and a key with two encodings would have two peer ids.
 */
export function isSoundPoint(bytes: Uint8Array): boolean {
  try {
    return !Point.fromBytes(bytes, false).isSmallOrder()
  } catch {
    return false
  }
}

function secretKey(seed: Uint8Array): KeyObject {
  if (seed.byteLength !== SEED_BYTES) throw new TypeError('not a 32-byte seed')
  const pkcs8 = Buffer.concat([PKCS8_HEAD, seed])
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
}
