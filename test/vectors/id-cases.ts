import { createHash } from 'node:crypto'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { WEAK_POINTS } from './ed25519-points.ts'
import { hex, seedOf, sha256 } from './seeds.ts'

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** Node ids of byte strings that stand for a first event, their words, and texts that are no node id. */
export function nodeIdVectors(): unknown {
  const valid = ['', '00', 'a0', hex(seedOf('first event'))].map((event) => {
    const hash = sha256(Buffer.from(event, 'hex'))
    return { event, hash: hex(hash), id: `kith1${base32(hash)}`, words: fingerprint(hash) }
  })
  const id = `kith1${base32(sha256(new Uint8Array()))}`
  const refused = [
    ['empty', ''],
    ['no prefix', id.slice(5)],
    ['other prefix', id.replace('kith1', 'kith2')],
    ['one character short', id.slice(0, -1)],
    ['one character long', `${id}a`],
    ['padded', `${id}====`],
    ['upper case', id.toUpperCase()],
    ['a digit that base32 lacks', id.replace(/.$/, '1')],
    ['bits set after the hash', id.replace(/.$/, 'b')],
    ['space before', ` ${id}`],
    ['newline after', `${id}\n`],
  ].map(([name, text]) => ({ name, text }))
  return { valid, refused }
}

/** Peer ids of public keys as libp2p writes them, and texts that are no key we take. */
export async function peerIdVectors(): Promise<unknown> {
  const valid = await Promise.all(
    ['alice', 'bob', 'carol'].map(async (name) => {
      const { publicKey } = await generateKeyPairFromSeed('Ed25519', seedOf(name))
      const raw = Buffer.from(publicKey.raw)
      return {
        publicKey: hex(raw),
        peerId: peerIdFromPublicKey(publicKey).toString(),
        base64: raw.toString('base64'),
        base64url: raw.toString('base64url'),
      }
    }),
  )
  const [alice = { publicKey: '', peerId: '', base64: '', base64url: '' }] = valid
  const refused = [
    ['empty', ''],
    ['peer id one character short', alice.peerId.slice(0, -1)],
    ['peer id with a character that base58 lacks', alice.peerId.replace(/.$/, '0')],
    ['peer id of an RSA key', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'],
    ['peer id with protobuf field 2 of 31 bytes', `12D3KooW${'4'.repeat(44)}`],
    ['peer id with protobuf field 2 of 34 bytes', `12D3KooW${'k'.repeat(44)}`],
    ['multibase prefix', `z${alice.peerId}`],
    ['31 bytes in hex', alice.publicKey.slice(2)],
    ['33 bytes in hex', `${alice.publicKey}00`],
    ['base64 with a bit set after the key', withBitAfterKey(alice.base64)],
    ['base64url with a bit set after the key', withBitAfterKey(alice.base64url)],
    ['base64 with two pads', `${alice.base64}=`],
    ['space before', ` ${alice.publicKey}`],
    ...WEAK_POINTS.map(({ name, point }) => [name, point]),
  ].map(([name, text]) => ({ name, text }))
  return { valid, refused }
}

/** Its last character holds four bits of the key and two that are zero: the next one sets the last of those. */
function withBitAfterKey(text: string): string {
  return text.replace(/[A-Za-z0-9](?==?$)/, (last) => String.fromCharCode(last.charCodeAt(0) + 1))
}

function fingerprint(hash: Uint8Array): string[] {
  return wordsOf(createHash('sha256').update('kith/words/1').update(hash).digest())
}

/** The words that the first bits of a digest stand for. */
export function wordsOf(digest: Uint8Array, count = 4): string[] {
  const bits = Array.from(digest, (byte) => byte.toString(2).padStart(8, '0')).join('')
  const groups = bits.match(/.{11}/g)?.slice(0, count) ?? []
  return groups.map((group) => wordlist[Number.parseInt(group, 2)] ?? '')
}

/** RFC 4648 §6 without padding, by bits as text: nothing like the code it checks. */
export function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('')
  return bits.replaceAll(
    /.{1,5}/g,
    (group) => BASE32[Number.parseInt(group.padEnd(5, '0'), 2)] ?? '',
  )
}
