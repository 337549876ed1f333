/* PROTOCOL.md §4. */
import { createHash } from 'node:crypto'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { isSound } from './ed25519.ts'
import { Refused } from './refused.ts'

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const PEER_ID_HEAD = Buffer.from('002408011220', 'hex')

export function sha256(...parts: Uint8Array[]): Uint8Array {
  return createHash('sha256').update(Buffer.concat(parts)).digest()
}

/** The node id for the encoding of a first event. */
export function nodeId(event: Uint8Array): string {
  let rest = BigInt(`0x${Buffer.from(sha256(event)).toString('hex')}`) << 4n
  let text = ''
  for (let i = 0; i < 52; i++, rest >>= 5n) text = `${BASE32[Number(rest & 31n)] ?? ''}${text}`
  return `kith1${text}`
}

/** The hash in a node id. @throws {Refused} */
export function readNodeId(text: string): Uint8Array {
  if (!text.startsWith('kith1') || text.length !== 57) throw new Refused('a node id')
  let number = 0n
  for (const character of text.slice(5)) {
    const digit = BASE32.indexOf(character)
    if (digit === -1) throw new Refused('a node id')
    number = number * 32n + BigInt(digit)
  }
  if ((number & 15n) !== 0n) throw new Refused('bits after the hash')
  return Buffer.from((number >> 4n).toString(16).padStart(64, '0'), 'hex')
}

export function fingerprint(id: string): string[] {
  return wordsOf(sha256(Buffer.from('kith/words/1'), readNodeId(id)))
}

/** The first words of a digest. */
export function wordsOf(digest: Uint8Array, count = 4): string[] {
  const bits = BigInt(`0x${Buffer.from(digest).toString('hex')}`)
  const shifts = Array.from({ length: count }, (_, i) => 245n - 11n * BigInt(i))
  return shifts.map((shift) => wordlist[Number((bits >> shift) & 2047n)] ?? '')
}

export function peerId(publicKey: Uint8Array): string {
  let rest = BigInt(`0x${Buffer.concat([PEER_ID_HEAD, publicKey]).toString('hex')}`)
  let text = ''
  for (; rest > 0n; rest /= 58n) text = `${BASE58[Number(rest % 58n)] ?? ''}${text}`
  // The head begins with one zero byte, which base58btc writes as a 1 of its own.
  return `1${text}`
}

/** The public key that a person gives, in any of its forms. @throws {Refused} */
export function readPublicKey(text: string): Uint8Array {
  const key = candidates(text).find((bytes) => bytes.byteLength === 32)
  if (key === undefined || !isSound(key)) throw new Refused('a public key')
  return key
}

/** Decoded loosely, and kept if it is written the same way. */
function candidates(text: string): Uint8Array[] {
  const unpadded = text.replace(/=$/, '')
  const hex = Buffer.from(text, 'hex')
  const base64 = Buffer.from(unpadded, 'base64')
  return [
    ...(hex.toString('hex') === text.toLowerCase() ? [hex] : []),
    ...(base64.toString('base64').replace(/=$/, '') === unpadded ? [base64] : []),
    ...(base64.toString('base64url') === unpadded ? [base64] : []),
    ...fromPeerId(text),
  ]
}

function fromPeerId(text: string): Uint8Array[] {
  let number = 0n
  for (const character of text) {
    const digit = BASE58.indexOf(character)
    if (digit === -1) return []
    number = number * 58n + BigInt(digit)
  }
  const key = Buffer.from((number & (2n ** 256n - 1n)).toString(16).padStart(64, '0'), 'hex')
  return peerId(key) === text ? [key] : []
}
