import { publicKeyOf } from '../../protocol/ed25519.ts'
import { KithError } from '../../protocol/errors.ts'
import { completeRotation, draftRotation, endorseRotation } from '../../protocol/key-log-create.ts'
import type { EndorsedRotation, RotationDraft } from '../../protocol/key-log-create.ts'
import { validateKeyLog } from '../../protocol/key-log.ts'
import { identityOf, openKeyInUse } from '../identity.ts'
import type { Identity } from '../identity.ts'
import {
  commitmentTo,
  damaged,
  hasKey,
  keyFolder,
  keyPath,
  openKey,
  randomSeed,
  sealKey,
} from './key-files.ts'
import { outdated, readOwnLog, replaceOwnLog, retired } from './own-log.ts'
import type { OwnLog } from './own-log.ts'
import { isNextOf, readPrepared, readWaiting, writePrepared } from './prepared.ts'
import type { Prepared, PreparedRotation } from './prepared.ts'
import { rotationKeyOffHost } from './rotation-key.ts'
import { giveUpPrepared } from './superseded.ts'

/**
 * Rotation of this home's own node, in steps between which a crash costs nothing: until `commitRotation` has replaced
 * `identity.json`, the old keys are in force and whole; from there on, the new ones are. Whoever calls these holds the
 * home's store, so that nobody else does.
 */
export interface PrepareRotationInit {
  why: 'routine' | 'compromise'
  /** How long the key before may still announce its successor, 0 to 604,800; 0 when compromised. */
  graceSeconds: number
  /** Only when compromised: until when the key before was its owner's alone. */
  lastGoodAt?: number
  /** In ms since the epoch. */
  at: number
  /** Opens the key in use; the new ones are sealed as that one is. */
  passphrase: string | undefined
}

/**
 * Makes and seals the next key in use and, unless the rotation key is off the host, the next rotation key. Gives up
 * what was prepared before. With the rotation key off the host, what is prepared waits through restarts.
 *
 * @throws {KithError} as `openIdentity`; `malformed` as `draftRotation`, with nothing changed
 */
export async function prepareRotation(
  home: string,
  { passphrase, ...init }: PrepareRotationInit,
): Promise<PreparedRotation> {
  const own = await readOwnLog(home)
  const { protection } = await openKeyInUse(home, own, passphrase)
  const seed = randomSeed()
  const draft = draftRotation(own.state, { ...init, key: publicKeyOf(seed) })
  const folder = keyFolder(home)
  const rotationKey = (await hasKey(folder, own.state.nextCommitment)) ? 'here' : 'off-host'
  const seeds = rotationKey === 'here' ? [seed, randomSeed()] : [seed]

  await giveUpPrepared(home, init.at)
  const rotation: PreparedRotation = { draft, rotationKey }
  await writePrepared(home, { made: seeds.map(commitmentTo), replaced: [], rotation })
  for (const made of seeds) await sealKey(folder, made, protection)
  return rotation
}

/** The rotation that is prepared and can be committed, if any. @throws {KithError} as `readOwnLog`; `corrupt` */
export async function preparedRotation(home: string): Promise<PreparedRotation | undefined> {
  const { state } = await readOwnLog(home)
  return await readWaiting(home, state)
}

/**
 * The prepared rotation as this host's own rotation key endorses it.
 *
 * @throws {KithError} `no-rotation`, `rotation-outdated`; `rotation-key-off-host`; as `openSecret`
 */
export async function endorseHere(
  home: string,
  passphrase: string | undefined,
): Promise<EndorsedRotation> {
  const { own, prepared, draft } = await readCurrent(home)
  const folder = keyFolder(home)
  const rotating = await openKey(folder, own.state.nextCommitment, passphrase)
  const [, nextCommitment] = prepared.made
  if (rotating === undefined || nextCommitment === undefined) throw rotationKeyOffHost(own.state.id)
  const next = await openMade(folder, nextCommitment, passphrase)
  return endorseRotation(draft, {
    rotationSeed: rotating.secret,
    nextRotationKey: publicKeyOf(next),
  })
}

/**
 * Brings the prepared rotation into force: completes the event, and replaces `identity.json` by the longer log as its
 * last and only step. To be announced once it has resolved, not before; the keys that it supersedes are there until
 * `dropSuperseded`.
 *
 * @returns the identity with the new key in use
 * @throws {KithError} `no-rotation`; `rotation-outdated` when the log is no longer the one it was prepared for;
 *   `malformed` for an endorsement of another draft or by another key; as `openIdentity`; with nothing changed
 */
export async function commitRotation(
  home: string,
  endorsed: EndorsedRotation,
  passphrase: string | undefined,
): Promise<Identity> {
  const { own, prepared, draft } = await readCurrent(home)
  const folder = keyFolder(home)
  const [commitment, nextCommitment] = prepared.made
  // Opened from their files: what cannot be opened again must not come into force.
  const seed = await openMade(folder, commitment, passphrase)
  const before = draft.why === 'routine' ? await openKeyInUse(home, own, passphrase) : undefined
  const event = completeRotation(draft, endorsed, {
    seed,
    ...(before === undefined ? {} : { seedBefore: before.secret }),
  })
  const events = [...own.events, event]
  const state = validateKeyLog(events, own.state.id)
  if (nextCommitment !== undefined) {
    if (Buffer.compare(state.nextCommitment, nextCommitment) !== 0) {
      throw outdated('another rotation key is to follow than the one that was made')
    }
    await openMade(folder, nextCommitment, passphrase)
  }
  await replaceOwnLog(home, own, events)
  return identityOf(events, seed)
}

async function readCurrent(
  home: string,
): Promise<{ own: OwnLog; prepared: Prepared; draft: RotationDraft }> {
  const own = await readOwnLog(home)
  if (own.state.keyInForce === undefined) throw retired(own.state.id)
  const prepared = await readPrepared(home)
  if (prepared?.rotation === undefined) {
    const hint = 'kith key rotate'
    throw new KithError('no-rotation', `no rotation is prepared in ${home}`, { home }, { hint })
  }
  const { draft } = prepared.rotation
  if (!isNextOf(own.state, draft)) throw outdated('the rotation was prepared for another key log')
  return { own, prepared, draft }
}

async function openMade(
  folder: string,
  commitment: Uint8Array | undefined,
  passphrase: string | undefined,
): Promise<Uint8Array> {
  if (commitment === undefined) throw new TypeError('no key was made')
  const opened = await openKey(folder, commitment, passphrase)
  if (opened === undefined) throw damaged(keyPath(folder, commitment))
  return opened.secret
}
