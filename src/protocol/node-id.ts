import { base32 } from 'multiformats/bases/base32'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { KithError } from './errors.ts'
import { sha256 } from './sha256.ts'

const PREFIX = 'kith1'

/** 256 bits in groups of five, the last of them one bit and four zeros. */
const NODE_ID = /^kith1[a-z2-7]{51}[aq]$/

const FINGERPRINT_TAG = new TextEncoder().encode('kith/words/1')
/** 2048 words (BIP 39). */
const BITS_PER_WORD = 11

/** The id of the node whose key log begins with this event: for life, whatever its keys become. */
export function nodeIdOf(inception: Uint8Array): string {
  return PREFIX + base32.baseEncode(sha256(inception))
}

/** True for the text form of a node id: `kith1` and base32 in lower case without padding (RFC 4648 §6). */
export function isNodeId(text: string): boolean {
  return NODE_ID.test(text)
}

/**
 * The hash in a node id, 32 bytes.
 *
 * @throws {KithError} `usage` for any text that `nodeIdOf` would not have written.
 */
export function parseNodeId(text: string): Uint8Array {
  if (!isNodeId(text)) {
    const hint = 'a node id is kith1 and 52 characters, a to z and 2 to 7'
    throw new KithError('usage', 'not a node id', { what: 'node id' }, { hint })
  }
  return base32.baseDecode(text.slice(PREFIX.length))
}

/**
 * Four English words for people to compare (BIP 39's list): 44 bits of a hash of the id, enough to tell
 * nodes apart, not to prove one against somebody who can try 2^44 ids.
 *
 * @throws {KithError} `usage` as `parseNodeId` does.
 */
export function fingerprintWords(id: string): string[] {
  return wordsOf(sha256(FINGERPRINT_TAG, parseNodeId(id)))
}

/** So many words, which the first bits of a digest stand for: 11 bits each. */
export function wordsOf(digest: Uint8Array, count = 4): string[] {
  const bits = BigInt(`0x${Buffer.from(digest).toString('hex')}`)
  return Array.from({ length: count }, (_, i) => {
    const after = digest.byteLength * 8 - BITS_PER_WORD * (i + 1)
    return wordlist[Number((bits >> BigInt(after)) % BigInt(wordlist.length))] ?? ''
  })
}
