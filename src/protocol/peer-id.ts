import { base58btc } from 'multiformats/bases/base58'
import { PUBLIC_KEY_BYTES, isSoundPoint } from './ed25519.ts'
import { KithError } from './errors.ts'

/**
 * What stands before the key in libp2p's id of an Ed25519 key (libp2p specs, peer-ids): the identity
 * multihash (0x00) of 36 bytes, a protobuf with field 1, key type 1 (Ed25519), and field 2, 32 bytes.
 */
const PEER_ID_HEAD = Uint8Array.of(0x00, 36, 0x08, 0x01, 0x12, PUBLIC_KEY_BYTES)

/** The head makes all of them equally long, and fixes their first characters. */
const PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/
const HEX = /^[0-9a-fA-F]{64}$/
/** 43 characters hold 258 bits: the last two of them must be zero. */
const BASE64 = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=?$/
const BASE64URL = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]=?$/

/** libp2p's id of an Ed25519 public key, as text: `12D3KooW…`. */
export function peerIdOf(publicKey: Uint8Array): string {
  if (publicKey.byteLength !== PUBLIC_KEY_BYTES) throw new TypeError('not a 32-byte public key')
  return base58btc.baseEncode(Buffer.concat([PEER_ID_HEAD, publicKey]))
}

/**
 * The Ed25519 public key, 32 bytes, that `text` spells: as a libp2p peer id, in hex, or in base64 or
 * base64url, padded or not.
 *
 * @throws {KithError} `usage` for any other text, and for a key that `isSoundPoint` refuses.
 */
export function parsePublicKey(text: string): Uint8Array {
  const key = keyBytes(text)
  if (key === undefined) {
    const hint = 'give a peer id (12D3KooW…), or the 32 bytes in hex or base64'
    throw new KithError('usage', 'not an Ed25519 public key', { what: 'public key' }, { hint })
  }
  if (!isSoundPoint(key)) {
    throw new KithError('usage', 'an Ed25519 public key that is not safe to trust', {
      what: 'weak public key',
    })
  }
  return key
}

function keyBytes(text: string): Uint8Array | undefined {
  if (PEER_ID.test(text)) return keyInPeerId(text)
  if (HEX.test(text)) return new Uint8Array(Buffer.from(text, 'hex'))
  if (BASE64.test(text)) return new Uint8Array(Buffer.from(text, 'base64'))
  if (BASE64URL.test(text)) return new Uint8Array(Buffer.from(text, 'base64url'))
  return undefined
}

function keyInPeerId(text: string): Uint8Array | undefined {
  const bytes = base58btc.baseDecode(text)
  const key = bytes.subarray(PEER_ID_HEAD.byteLength)
  // The first characters hold most of the head but not all of it.
  return key.byteLength === PUBLIC_KEY_BYTES && peerIdOf(key) === text ? key.slice() : undefined
}
