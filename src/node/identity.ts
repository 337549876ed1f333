import { randomBytes } from 'node:crypto'
import { publicKeyOf } from '../protocol/ed25519.ts'
import { createInception, validateKeyLog } from '../protocol/key-log.ts'
import { fingerprintWords } from '../protocol/node-id.ts'
import { peerIdOf } from '../protocol/peer-id.ts'
import { seedToWords } from '../protocol/recovery-words.ts'
import { sha256 } from '../protocol/sha256.ts'
import { makePrivateFolder } from '../store/atomic-file.ts'
import type { OpenedSecret, Protection } from '../store/keystore.ts'
import { assertEmptyHome } from './keys/empty-home.ts'
import { damaged, keyFolder, keyPath, openKey, randomSeed, sealKey } from './keys/key-files.ts'
import { createOwnLog, readOwnLog, retired } from './keys/own-log.ts'
import type { OwnLog } from './keys/own-log.ts'

/** What everybody may know of a node. */
export interface PublicIdentity {
  id: string
  /** Peer id of the key in use. A retired node has none. */
  key?: string
  /** Four words of the id, to be compared aloud. */
  words: string[]
  /** Signed events, the first one first. */
  log: Uint8Array[]
}

/** A node's identity with its secret. */
export interface Identity extends PublicIdentity {
  key: string
  /** Ed25519 seed of the key in use. */
  secret: Uint8Array
}

export interface CreateIdentityOptions {
  /** Puts the rotation key on no disk: its words are all there is of it. */
  rotationKeyOffHost?: true
}

/** A new identity. Either kind of words is shown once, and kept nowhere. */
export interface CreatedIdentity {
  identity: PublicIdentity
  /** 24 words of the recovery key. */
  recoveryWords: string[]
  /** 24 words of the rotation key, when it is off the host. */
  rotationWords?: string[]
}

/**
 * Makes this home's identity: a key, another that rotates it, sealed apart from it or off the host, and a recovery
 * key that is kept nowhere.
 *
 * @throws {KithError} `exists` when there is an identity, or what is left of one
 */
export async function createIdentity(
  home: string,
  protection: Protection,
  now: number,
  { rotationKeyOffHost }: CreateIdentityOptions = {},
): Promise<CreatedIdentity> {
  await makePrivateFolder(home)
  const [seed, rotationSeed, recoverySeed] = [randomSeed(), randomSeed(), randomSeed()]
  const { signedEvent } = createInception({
    seed,
    nextKey: publicKeyOf(rotationSeed),
    recoveryKey: publicKeyOf(recoverySeed),
    at: now,
    nonce: new Uint8Array(randomBytes(16)),
  })
  await assertEmptyHome(home)
  const folder = keyFolder(home)
  // The keys first: an identity without its keys would be lost, keys without an identity are only in the way.
  await sealKey(folder, seed, protection)
  if (rotationKeyOffHost !== true) await sealKey(folder, rotationSeed, protection)
  await createOwnLog(home, [signedEvent])
  return {
    identity: publicIdentity([signedEvent]),
    recoveryWords: seedToWords(recoverySeed),
    ...(rotationKeyOffHost === true ? { rotationWords: seedToWords(rotationSeed) } : {}),
  }
}

/** What everybody may know of this home's node. @throws {KithError} `no-identity`, `corrupt`, `unsafe-file` */
export async function readIdentity(home: string): Promise<PublicIdentity> {
  const { events } = await readOwnLog(home)
  return publicIdentity(events)
}

/**
 * This home's identity with the secret of the key that its log says is in force. Nothing that fails to load is ever
 * replaced: only `createIdentity` makes one.
 *
 * @throws {KithError} as `readIdentity` and `openSecret`; `corrupt` when the key is missing or not the log's;
 *   `retired`
 */
export async function openIdentity(
  home: string,
  passphrase: string | undefined,
): Promise<Identity> {
  const own = await readOwnLog(home)
  const { secret } = await openKeyInUse(home, own, passphrase)
  return identityOf(own.events, secret)
}

/** The key that is in force by this log, from its file. @throws {KithError} as `openIdentity` */
export async function openKeyInUse(
  home: string,
  { state }: Pick<OwnLog, 'state'>,
  passphrase: string | undefined,
): Promise<OpenedSecret> {
  if (state.keyInForce === undefined) throw retired(state.id)
  const commitment = sha256(state.keyInForce)
  const opened = await openKey(keyFolder(home), commitment, passphrase)
  if (opened === undefined) throw damaged(keyPath(keyFolder(home), commitment))
  return opened
}

/** The identity of a node with this log, whose key in use has this seed. */
export function identityOf(log: Uint8Array[], secret: Uint8Array): Identity {
  return { ...publicIdentity(log), key: peerIdOf(publicKeyOf(secret)), secret }
}

function publicIdentity(log: Uint8Array[]): PublicIdentity {
  const { id, keyInForce } = validateKeyLog(log)
  return {
    id,
    ...(keyInForce === undefined ? {} : { key: peerIdOf(keyInForce) }),
    words: fingerprintWords(id),
    log,
  }
}
