import { createRetirement } from '../../protocol/key-log-create.ts'
import type { KeyLogState } from '../../protocol/key-log.ts'
import { wordsToSeed } from '../../protocol/recovery-words.ts'
import { readIdentity } from '../identity.ts'
import type { PublicIdentity } from '../identity.ts'
import { commitmentTo, keyFolder, openKey } from './key-files.ts'
import { readOwnLog, replaceOwnLog, retired } from './own-log.ts'
import { rotationKeyOffHost, wrongWords } from './rotation-key.ts'
import { giveUpPrepared } from './superseded.ts'

/** What ends a node: the words of its rotation or its recovery key or, without words, the rotation key of this host. */
export type RetirementInit = {
  /** In ms since the epoch. */
  at: number
} & ({ words: string } | { passphrase: string | undefined })

/**
 * Ends this home's node: no key of it is in force from here on, and it does not start again. Its keys are there until
 * `dropSuperseded`.
 *
 * @throws {KithError} `retired`, `rotation-key-off-host`, `wrong-words`, `usage`; as `readOwnLog` and `openSecret`;
 *   with nothing changed
 */
export async function retire(home: string, init: RetirementInit): Promise<PublicIdentity> {
  const own = await readOwnLog(home)
  if (own.state.keyInForce === undefined) throw retired(own.state.id)
  const seed =
    'words' in init
      ? seedOf(init.words, own.state)
      : await rotationSeed(home, own.state, init.passphrase)
  const event = createRetirement(own.state, { seed, at: init.at })
  await giveUpPrepared(home, init.at)
  await replaceOwnLog(home, own, [...own.events, event])
  return await readIdentity(home)
}

function seedOf(words: string, state: KeyLogState): Uint8Array {
  const seed = wordsToSeed(words)
  const commitment = commitmentTo(seed)
  const known = [state.nextCommitment, state.recoveryCommitment]
  if (known.some((each) => Buffer.compare(each, commitment) === 0)) return seed
  throw wrongWords(`the rotation or the recovery key of ${state.id}`)
}

async function rotationSeed(
  home: string,
  state: KeyLogState,
  passphrase: string | undefined,
): Promise<Uint8Array> {
  const opened = await openKey(keyFolder(home), state.nextCommitment, passphrase)
  if (opened === undefined) throw rotationKeyOffHost(state.id)
  return opened.secret
}
