import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { publicKeyOf } from '../protocol/ed25519.ts'
import { KithError } from '../protocol/errors.ts'
import { createInception, validateKeyLog } from '../protocol/key-log.ts'
import { fingerprintWords } from '../protocol/node-id.ts'
import { peerIdOf } from '../protocol/peer-id.ts'
import { seedToWords } from '../protocol/recovery-words.ts'
import { createPrivateFile, makePrivateFolder, readPrivateFile } from '../store/atomic-file.ts'
import { openSecret, sealSecret } from '../store/keystore.ts'
import type { Protection } from '../store/keystore.ts'

/** What everybody may know of a node. */
export interface PublicIdentity {
  id: string
  /** Peer id of the key in use. */
  key: string
  /** Four words of the id, to be compared aloud. */
  words: string[]
  /** Signed events, the first one first. */
  log: Uint8Array[]
}

/** A node's identity with its secret. */
export interface Identity extends PublicIdentity {
  /** Ed25519 seed of the key in use. */
  secret: Uint8Array
}

const identityFile = z.strictObject({
  version: z.literal(1),
  log: z
    .array(z.base64url().transform((text) => new Uint8Array(Buffer.from(text, 'base64url'))))
    .min(1),
})

/**
 * Makes this home's identity: a key, its successor sealed apart from it, and a recovery key that is kept nowhere.
 *
 * @returns the recovery key's 24 words, to be shown once
 * @throws {KithError} `exists` when there is an identity, or what is left of one
 */
export async function createIdentity(
  home: string,
  protection: Protection,
  now: number,
): Promise<{ identity: PublicIdentity; recoveryWords: string[] }> {
  await makePrivateFolder(home)
  const [seed, nextSeed, recoverySeed] = [randomSeed(), randomSeed(), randomSeed()]
  const { signedEvent } = await createInception({
    seed,
    nextKey: publicKeyOf(nextSeed),
    recoveryKey: publicKeyOf(recoverySeed),
    at: now,
    nonce: new Uint8Array(randomBytes(16)),
  })
  const { current, identity, next } = pathsOf(home)
  if ((await readPrivateFile(identity)) !== undefined) throw taken(identity)
  // The keys first: an identity without its keys would be lost, keys without an identity are only in the way.
  await sealSecret(current, seed, protection)
  await sealSecret(next, nextSeed, protection)
  const log = [Buffer.from(signedEvent).toString('base64url')]
  await createPrivateFile(
    identity,
    Buffer.from(`${JSON.stringify({ version: 1, log }, null, 2)}\n`),
  )
  return { identity: await publicIdentity([signedEvent]), recoveryWords: seedToWords(recoverySeed) }
}

/** What everybody may know of this home's node. @throws {KithError} `no-identity`, `corrupt`, `unsafe-file` */
export async function readIdentity(home: string): Promise<PublicIdentity> {
  const { identity: path } = pathsOf(home)
  const content = await readPrivateFile(path)
  if (content === undefined) {
    throw new KithError(
      'no-identity',
      `there is no node in ${home}`,
      { home },
      { hint: 'kith init' },
    )
  }
  try {
    return await publicIdentity(identityFile.parse(JSON.parse(Buffer.from(content).toString())).log)
  } catch (err) {
    throw damaged(path, err)
  }
}

/**
 * This home's identity with its secret. Nothing that fails to load is ever replaced: only `createIdentity` makes one.
 *
 * @throws {KithError} as `readIdentity` and `openSecret`; `corrupt` when the key is missing or not the log's
 */
export async function openIdentity(
  home: string,
  passphrase: string | undefined,
): Promise<Identity> {
  const identity = await readIdentity(home)
  const { current } = pathsOf(home)
  const secret = await openSecret(current, passphrase)
  if (secret === undefined) throw damaged(current)
  if (peerIdOf(publicKeyOf(secret)) !== identity.key) throw damaged(current)
  return { ...identity, secret }
}

async function publicIdentity(log: Uint8Array[]): Promise<PublicIdentity> {
  const { id, keyInForce } = await validateKeyLog(log)
  return { id, key: peerIdOf(keyInForce), words: fingerprintWords(id), log }
}

function pathsOf(home: string): { current: string; identity: string; next: string } {
  return {
    current: join(home, 'keys', 'current.json'),
    identity: join(home, 'identity.json'),
    next: join(home, 'keys', 'next.json'),
  }
}

function randomSeed(): Uint8Array {
  return new Uint8Array(randomBytes(32))
}

function taken(path: string): KithError<'exists'> {
  return new KithError('exists', `${path} is there already`, { what: path }, { hint: 'kith id' })
}

function damaged(path: string, cause?: unknown): KithError<'corrupt'> {
  return new KithError(
    'corrupt',
    `${path} is missing, damaged, or belongs to another identity`,
    { what: path },
    {
      cause,
      hint: `put the ${path} of this node back from a copy; kith never makes a new key by itself`,
    },
  )
}
