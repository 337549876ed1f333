import { KithError } from '../../protocol/errors.ts'
import { seedToWords, wordsToSeed } from '../../protocol/recovery-words.ts'
import { commitmentTo, eraseKeys, hasKey, keyFolder, openKey } from './key-files.ts'
import { readOwnLog } from './own-log.ts'

/** Whether the key that rotates this home's node is on this host: it need not be. @throws {KithError} as `readOwnLog` */
export async function whereRotationKeyIs(home: string): Promise<'here' | 'off-host'> {
  const { state } = await readOwnLog(home)
  return (await hasKey(keyFolder(home), state.nextCommitment)) ? 'here' : 'off-host'
}

/**
 * The 24 words of this node's rotation key, to be shown. The key stays here until `forgetRotationKey`.
 *
 * @throws {KithError} `rotation-key-off-host`; as `readOwnLog` and `openSecret`
 */
export async function exportRotationKey(
  home: string,
  passphrase: string | undefined,
): Promise<string[]> {
  const { state } = await readOwnLog(home)
  const opened = await openKey(keyFolder(home), state.nextCommitment, passphrase)
  if (opened === undefined) throw rotationKeyOffHost(state.id)
  return seedToWords(opened.secret)
}

/**
 * Overwrites and removes this host's rotation key. Its words are the proof that somebody has it elsewhere.
 *
 * @throws {KithError} `wrong-words` and `usage`, with the key still here; `rotation-key-off-host`; as `readOwnLog`
 */
export async function forgetRotationKey(home: string, words: string): Promise<void> {
  const { state } = await readOwnLog(home)
  const folder = keyFolder(home)
  if (!(await hasKey(folder, state.nextCommitment))) throw rotationKeyOffHost(state.id)
  assertWordsOf(state.nextCommitment, wordsToSeed(words), `the rotation key of ${state.id}`)
  await eraseKeys(folder, [state.nextCommitment])
}

/** @throws {KithError} `wrong-words` when the seed is not that of the key with this commitment */
export function assertWordsOf(commitment: Uint8Array, seed: Uint8Array, what: string): void {
  if (Buffer.compare(commitmentTo(seed), commitment) === 0) return
  throw wrongWords(what)
}

export function wrongWords(what: string): KithError<'wrong-words'> {
  return new KithError('wrong-words', `these are not the words of ${what}`, { what })
}

export function rotationKeyOffHost(id: string): KithError<'rotation-key-off-host'> {
  const hint = 'kith key request'
  const message = 'the rotation key of this node is not on this host'
  return new KithError('rotation-key-off-host', message, { id }, { hint })
}
