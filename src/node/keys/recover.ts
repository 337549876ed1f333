import { publicKeyOf } from '../../protocol/ed25519.ts'
import { createRecovery } from '../../protocol/key-log-create.ts'
import { validateKeyLog } from '../../protocol/key-log.ts'
import type { KeyLogState } from '../../protocol/key-log.ts'
import { seedToWords, wordsToSeed } from '../../protocol/recovery-words.ts'
import { makePrivateFolder } from '../../store/atomic-file.ts'
import type { Protection } from '../../store/keystore.ts'
import { identityOf } from '../identity.ts'
import type { Identity } from '../identity.ts'
import { commitmentTo, hasKey, keyFolder, randomSeed, sealKey } from './key-files.ts'
import { withoutEnd } from './fork-point.ts'
import {
  createOwnLog,
  findOwnLog,
  keysNamed,
  outdated,
  readOwnLog,
  replaceOwnLog,
} from './own-log.ts'
import type { OwnLog } from './own-log.ts'
import { abandonPrepared, writePrepared } from './prepared.ts'
import { assertWordsOf } from './rotation-key.ts'
import { giveUpPrepared } from './superseded.ts'

export interface RecoveryInit {
  /** The 24 words of the recovery key. */
  words: string
  /** In ms since the epoch. */
  at: number
  /** How the new keys are kept: the old ones may be out of reach. */
  protection: Protection
  /**
   * The events that stay: all before the first one to be undone, such as a peer holds them. A home that has no
   * node yet needs them. @default this home's own, but for its retirement
   */
  log?: readonly Uint8Array[]
  /** Puts the new rotation key on no disk. */
  rotationKeyOffHost?: true
}

/** A recovery that is not yet in force. Its words must be safe with the owner before it is. */
export interface PreparedRecovery {
  /** 24 words of the new recovery key, kept nowhere. */
  recoveryWords: string[]
  /** 24 words of the new rotation key, when it is off the host. */
  rotationWords?: string[]
  /** The key log to come. */
  log: Uint8Array[]
  /** Seed of the key in use to come. */
  secret: Uint8Array
  /** Commitments of the keys that were sealed for it. */
  made: Uint8Array[]
  /** What `identity.json` was, if it was there. */
  before: OwnLog | undefined
}

/**
 * Proves that these are the words that would recover the node, and changes nothing.
 *
 * @returns the node's id, and the number that the recovery would have in its log
 * @throws {KithError} `usage`, `wrong-words`; `malformed` for a log that is not this node's; as `readOwnLog`, `withoutEnd`
 */
export async function checkRecoveryWords(
  home: string,
  words: string,
  log?: readonly Uint8Array[],
): Promise<{ id: string; sn: number }> {
  const { state } = await readFork(home, log)
  recoverySeedOf(words, state)
  return { id: state.id, sn: state.sn + 1 }
}

/**
 * Makes and seals new keys for a node that its recovery key takes back, and the event that brings them into force.
 * Nothing of the node is changed before `commitRecovery`.
 *
 * @throws {KithError} as `checkRecoveryWords` and `sealSecret`
 */
export async function prepareRecovery(home: string, init: RecoveryInit): Promise<PreparedRecovery> {
  const { at, protection, words } = init
  const { own, events, state } = await readFork(home, init.log)
  const recoverySeed = recoverySeedOf(words, state)
  const [secret, rotationSeed, nextRecoverySeed] = [randomSeed(), randomSeed(), randomSeed()]
  const event = createRecovery(state, {
    recoverySeed,
    seed: secret,
    nextRotationKey: publicKeyOf(rotationSeed),
    nextRecoveryKey: publicKeyOf(nextRecoverySeed),
    at,
  })
  const offHost = init.rotationKeyOffHost === true
  const seeds = offHost ? [secret] : [secret, rotationSeed]
  const made = seeds.map(commitmentTo)

  await makePrivateFolder(home)
  await (own === undefined ? abandonPrepared(home) : giveUpPrepared(home, at))
  await writePrepared(home, { made, replaced: allKeys(own?.events ?? []) })
  for (const seed of seeds) await sealKey(keyFolder(home), seed, protection)
  return {
    recoveryWords: seedToWords(nextRecoverySeed),
    ...(offHost ? { rotationWords: seedToWords(rotationSeed) } : {}),
    log: [...events, event],
    secret,
    made,
    before: own,
  }
}

/**
 * Brings a recovery into force, by the replacement of `identity.json` alone.
 *
 * @throws {KithError} `rotation-outdated` when the home is no longer as it was prepared for, with nothing changed
 */
export async function commitRecovery(home: string, prepared: PreparedRecovery): Promise<Identity> {
  const { before, log, made, secret } = prepared
  for (const key of made) {
    if (!(await hasKey(keyFolder(home), key))) throw outdated('the keys made for it are gone')
  }
  await (before === undefined ? createOwnLog(home, log) : replaceOwnLog(home, before, log))
  return identityOf(log, secret)
}

interface Fork {
  own: OwnLog | undefined
  events: readonly Uint8Array[]
  /** What the log says where the recovery goes on. */
  state: KeyLogState
}

async function readFork(home: string, log: readonly Uint8Array[] | undefined): Promise<Fork> {
  if (log !== undefined) {
    const own = await findOwnLog(home)
    return { own, events: log, state: validateKeyLog(log, own?.state.id) }
  }
  const own = await readOwnLog(home)
  const events = withoutEnd(own.events, own.state)
  return { own, events, state: validateKeyLog(events) }
}

function recoverySeedOf(words: string, state: KeyLogState): Uint8Array {
  const seed = wordsToSeed(words)
  assertWordsOf(state.recoveryCommitment, seed, `the recovery key of ${state.id}`)
  return seed
}

function allKeys(events: readonly Uint8Array[]): Uint8Array[] {
  const { inUse, rotating } = keysNamed(events)
  return [...inUse, ...rotating]
}
