import { createHash } from 'node:crypto'
import { Point, getPublicKeyAsync, signAsync, utils } from '@noble/ed25519'
import { IDENTITY, OTHER_IDENTITY, TORSION, WEAK_POINTS } from './ed25519-points.ts'
import { fromHex, hex, seedOf } from './seeds.ts'

const ORDER = Point.CURVE().n
const MESSAGE = Buffer.from('a0', 'hex')
const SMALL_NONCE = 7n

interface Case {
  name: string
  bytes: string
  signature: string
  publicKey: string
}

/** Signatures of kind `icp`, each with the key it verifies under, and such as must not verify. */
export async function signedVectors(): Promise<unknown> {
  const valid = await Promise.all(
    ['', 'a0', 'a1616100', 'ff'.repeat(2048)].map(async (bytes, i) => {
      const seed = seedOf(`signer ${i}`)
      const publicKey = hex(await getPublicKeyAsync(seed))
      return { seed: hex(seed), bytes, publicKey, signature: await signature('icp', bytes, seed) }
    }),
  )
  return {
    kind: 'icp',
    valid,
    validWithoutSeed: [await mixedKey()],
    refused: [...(await mistaken()), ...(await crafted()), ...weakKeys()],
  }
}

/** Ed25519 by @noble/ed25519 over the tag and the bytes. */
export async function signature(kind: string, bytes: string, seed: Uint8Array): Promise<string> {
  return hex(await signAsync(Buffer.from(`kith/${kind}/1${fromText(bytes)}`, 'latin1'), seed))
}

/** A valid signature that RFC 8032 would not make: with a nonce that its maker chose. */
export async function chosenSignature(
  kind: string,
  bytes: string,
  seed: Uint8Array,
): Promise<string> {
  const { scalar: a, pointBytes } = await utils.getExtendedPublicKeyAsync(seed)
  const r = Point.BASE.multiply(SMALL_NONCE).toHex()
  const signed = Buffer.from(`kith/${kind}/1${fromText(bytes)}`, 'latin1')
  return r + scalarHex((SMALL_NONCE + challenge(r, hex(pointBytes), signed) * a) % ORDER)
}

/** The same signature with S + L for S: the equation holds for it too. */
export function withLargerS(signed: string): string {
  return signed.slice(0, 64) + scalarHex(scalar(fromHex(signed.slice(64))) + ORDER)
}

async function mistaken(): Promise<Case[]> {
  const seed = seedOf('signer 0')
  const publicKey = hex(await getPublicKeyAsync(seed))
  const good = await signature('icp', 'a0', seed)
  const of = (name: string, change: Partial<Case>): Case => {
    return { name, bytes: 'a0', signature: good, publicKey, ...change }
  }
  return [
    of('other bytes', { bytes: 'a1616100' }),
    of('other key', { publicKey: hex(await getPublicKeyAsync(seedOf('signer 1'))) }),
    of('another kind', { signature: await signature('rot', 'a0', seed) }),
    of('another version', {
      signature: hex(await signAsync(Buffer.from('kith/icp/2\xa0', 'latin1'), seed)),
    }),
    of('no tag', { signature: hex(await signAsync(MESSAGE, seed)) }),
    of('63 bytes', { signature: good.slice(2) }),
    of('65 bytes', { signature: `${good}00` }),
    of('no signature', { signature: '' }),
    of('key of 31 bytes', { publicKey: publicKey.slice(2) }),
    of('key of 33 bytes', { publicKey: `${publicKey}00` }),
    of('S + L', { signature: withLargerS(good) }),
    of('first bit of R', { signature: flip(good, 0) }),
    of('first bit of S', { signature: flip(good, 32) }),
    of('all zeros', { signature: '00'.repeat(64) }),
  ]
}

/** What the holder of a good key can make that some libraries take and some do not. */
async function crafted(): Promise<Case[]> {
  const { scalar: a, pointBytes } = await utils.getExtendedPublicKeyAsync(seedOf('signer 0'))
  const publicKey = hex(pointBytes)
  const of = (name: string, r: string, nonce: bigint): Case => {
    const s = (nonce + challenge(r, publicKey) * a) % ORDER
    return { name, bytes: 'a0', signature: r + scalarHex(s), publicKey }
  }
  return [
    of('R is the neutral element', IDENTITY, 0n),
    of('R is the neutral element, with y = p + 1', OTHER_IDENTITY, 0n),
    of('R is of order 8: the equation holds only with the cofactor', TORSION.toHex(), 0n),
    of(
      'R has a part of order 8: the equation holds only with the cofactor',
      Point.BASE.multiply(SMALL_NONCE).add(TORSION).toHex(),
      SMALL_NONCE,
    ),
  ]
}

/** Where A is of small order, R = S·B verifies whatever was signed, wherever the challenge is a multiple of 8. */
function weakKeys(): Case[] {
  return WEAK_POINTS.map(({ name, point }) => {
    let nonce = SMALL_NONCE
    while (challenge(Point.BASE.multiply(nonce).toHex(), point) % 8n !== 0n) nonce++
    const signed = Point.BASE.multiply(nonce).toHex() + scalarHex(nonce)
    return { name: `key: ${name}`, bytes: 'a0', signature: signed, publicKey: point }
  })
}

/** A key with a part of order 8 is no weaker than another: where the equation holds, its signature does. */
async function mixedKey(): Promise<Case> {
  const { scalar: a, point } = await utils.getExtendedPublicKeyAsync(seedOf('signer 0'))
  const publicKey = point.add(TORSION).toHex()
  let nonce = SMALL_NONCE
  while (challenge(Point.BASE.multiply(nonce).toHex(), publicKey) % 8n !== 0n) nonce++
  const r = Point.BASE.multiply(nonce).toHex()
  const s = (nonce + challenge(r, publicKey) * a) % ORDER
  return { name: 'key with a part of order 8', bytes: 'a0', signature: r + scalarHex(s), publicKey }
}

/** SHA-512(R ‖ A ‖ M) mod L (RFC 8032 §5.1.7). */
function challenge(
  r: string,
  publicKey: string,
  signed = Buffer.concat([Buffer.from('kith/icp/1'), MESSAGE]),
): bigint {
  const digest = createHash('sha512')
    .update(fromHex(r + publicKey))
    .update(signed)
    .digest()
  return scalar(digest) % ORDER
}

function scalar(littleEndian: Uint8Array): bigint {
  return BigInt(`0x${hex(littleEndian.toReversed())}`)
}

function scalarHex(value: bigint): string {
  return hex(fromHex(value.toString(16).padStart(64, '0')).reverse())
}

function flip(text: string, at: number): string {
  const bytes = fromHex(text)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return hex(bytes)
}

function fromText(bytes: string): string {
  return Buffer.from(bytes, 'hex').toString('latin1')
}
