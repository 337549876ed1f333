import { publicKeyOf } from '../../protocol/ed25519.ts'
import { KithError, isFailure } from '../../protocol/errors.ts'
import { endorseRotation } from '../../protocol/key-log-create.ts'
import type { EndorsedRotation, RotationDraft } from '../../protocol/key-log-create.ts'
import { validateKeyLog } from '../../protocol/key-log.ts'
import type { KeyLogState } from '../../protocol/key-log.ts'
import { wordsToSeed } from '../../protocol/recovery-words.ts'
import { sha256 } from '../../protocol/sha256.ts'
import type { OpenedSecret, Protection } from '../../store/keystore.ts'
import { removeNote, keptFolder, noteNext, readNext } from './kept-files.ts'
import {
  commitmentTo,
  damaged,
  eraseKeys,
  hasKey,
  keyPath,
  openKey,
  randomSeed,
  sealKey,
} from './key-files.ts'
import { keysNamed, outdated, retired } from './own-log.ts'
import { isNextOf } from './prepared.ts'
import { assertWordsOf } from './rotation-key.ts'

/**
 * Keeps the rotation key of another node of this host's owner, by its 24 words. Keeping it twice is as good as once.
 *
 * @param of the node, with what its log says if this host holds it: then the words must be those of its rotation key
 * @throws {KithError} `usage`, `wrong-words`; as `sealSecret` and, when it is kept already, `openSecret`
 */
export async function keepRotationKey(
  home: string,
  of: Pick<KeyLogState, 'id'> & Partial<Pick<KeyLogState, 'nextCommitment'>>,
  words: string,
  protection: Protection,
): Promise<void> {
  const folder = keptFolder(home, of.id)
  const seed = wordsToSeed(words)
  if (of.nextCommitment !== undefined) {
    assertWordsOf(of.nextCommitment, seed, `the rotation key of ${of.id}`)
  }
  await sealKey(folder, seed, protection).catch(async (err: unknown) => {
    if (!isFailure(err, 'exists')) throw err
    const passphrase = 'clear' in protection ? undefined : protection.passphrase
    await openKey(folder, commitmentTo(seed), passphrase)
  })
}

/** True when this host keeps the key that rotates a node with a log in this state. */
export async function keepsRotationKey(home: string, state: KeyLogState): Promise<boolean> {
  return await hasKey(keptFolder(home, state.id), state.nextCommitment)
}

/**
 * Endorses a rotation of another node with the key that is kept for it. The rotation key that is to follow is sealed
 * here first; the one that endorses stays until `settleKept`. All drafts that one key endorses name the same next key,
 * so that the same draft is endorsed the same way each time. Whether the owner wants the rotation is for the caller
 * to know.
 *
 * @param state what the log of that node says, as this host holds it
 * @throws {KithError} `retired`, `rotation-outdated` for a draft that does not follow that log, `key-not-kept`; as
 *   `openSecret`; `corrupt` when the next key was named and is gone
 */
export async function endorseKept(
  home: string,
  draft: RotationDraft,
  init: { state: KeyLogState; passphrase: string | undefined },
): Promise<EndorsedRotation> {
  const { passphrase, state } = init
  if (state.keyInForce === undefined) throw retired(state.id)
  if (!isNextOf(state, draft)) throw outdated('the rotation does not follow the log held here')
  const folder = keptFolder(home, state.id)
  const rotating = await openKey(folder, state.nextCommitment, passphrase)
  if (rotating === undefined) throw notKept(state.id)
  const nextRotationKey = await nextOf(folder, rotating)
  const next = sha256(nextRotationKey)
  // Named and lost: another one would endorse the same draft in another way.
  if (!(await hasKey(folder, next))) throw damaged(keyPath(folder, next))
  return endorseRotation(draft, { rotationSeed: rotating.secret, nextRotationKey })
}

/**
 * Overwrites and removes what is kept for a node and that its log has superseded: keys that have rotated it, and those
 * named as the next that have not come into force.
 *
 * @param log the key log of that node, as this host holds it
 * @throws {KithError} `malformed`, `corrupt`
 */
export async function settleKept(home: string, log: readonly Uint8Array[]): Promise<void> {
  const { id, nextCommitment } = validateKeyLog(log)
  const folder = keptFolder(home, id)
  const isInForce = (key: Uint8Array): boolean => Buffer.compare(key, nextCommitment) === 0
  const past = keysNamed(log).rotating.filter((key) => !isInForce(key))
  for (const endorser of past) {
    const next = await readNext(folder, endorser)
    const useless = next === undefined || isInForce(sha256(next)) ? [] : [sha256(next)]
    await eraseKeys(folder, [endorser, ...useless])
    await removeNote(folder, endorser)
  }
}

/** The public key that follows a kept one, made and sealed when it is asked for the first time. */
async function nextOf(folder: string, rotating: OpenedSecret): Promise<Uint8Array> {
  const endorser = commitmentTo(rotating.secret)
  const named = await readNext(folder, endorser)
  if (named !== undefined) return named
  const seed = randomSeed()
  await sealKey(folder, seed, rotating.protection)
  if (await noteNext(folder, endorser, publicKeyOf(seed))) return publicKeyOf(seed)
  // Somebody else was first.
  await eraseKeys(folder, [commitmentTo(seed)])
  return await nextOf(folder, rotating)
}

function notKept(node: string): KithError<'key-not-kept'> {
  const message = `the rotation key of ${node} is not kept here`
  return new KithError('key-not-kept', message, { node }, { hint: 'kith key keep NAME' })
}
