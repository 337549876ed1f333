import { isFailure, KithError } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import {
  canPrompt,
  linesFromStdin,
  newPassphrase,
  passphraseFromFile,
  passphraseFromStdin,
} from '../../passphrase.ts'

/** What opens sealed keys, for the routes that take it. */
export interface Opener {
  passphrase?: string
}

export interface PassphraseOptions {
  passphraseStdin?: true
}

/**
 * What comes of `run` without a passphrase or, if the keys turn out to be sealed, with the one that is piped, in the
 * file that the environment names, or typed. So it goes nowhere unless it is needed.
 *
 * @throws {KithError} `passphrase` when there is none
 */
export async function opening<T>(
  cli: CliContext,
  options: PassphraseOptions,
  run: (opener: Opener) => Promise<T>,
): Promise<T> {
  try {
    return await run({})
  } catch (err) {
    if (!isFailure(err, 'passphrase') || err.details.given) throw err
    const passphrase = await givenPassphrase(cli, options)
    if (passphrase !== undefined) return await run({ passphrase })
    const hint = 'again with --passphrase-stdin, or KITH_PASSPHRASE_FILE'
    throw new KithError('passphrase', err.message, err.details, { cause: err, hint })
  }
}

/** The passphrase that was given, or is typed now; undefined when there is none and nobody to ask. */
async function givenPassphrase(
  cli: CliContext,
  { passphraseStdin }: PassphraseOptions,
): Promise<string | undefined> {
  if (passphraseStdin === true && !canPrompt(cli)) return await passphraseFromStdin(cli)
  const inFile = await passphraseFromFile(cli.env)
  if (inFile !== undefined || !canPrompt(cli)) return inFile
  const { askSecret } = await import('../../prompt.ts')
  return await askSecret(cli, 'Passphrase (not shown): ')
}

/** The passphrase that was given without anybody being asked, for what goes on without it. */
export async function pipedPassphrase(
  cli: CliContext,
  { passphraseStdin }: PassphraseOptions,
): Promise<Opener> {
  const passphrase =
    passphraseStdin === true ? await passphraseFromStdin(cli) : await passphraseFromFile(cli.env)
  return passphrase === undefined ? {} : { passphrase }
}

/** 24 words of a key, and the passphrase that came with them. */
export interface WordsAndPassphrase extends Opener {
  words: string
}

/** The words that are typed or, without a terminal, the first line of the standard input; a passphrase is the second. */
export async function readWords(
  cli: CliContext,
  question: string,
  { passphraseStdin }: PassphraseOptions,
): Promise<WordsAndPassphrase> {
  if (canPrompt(cli)) {
    const { askSecret } = await import('../../prompt.ts')
    return { words: await askSecret(cli, question) }
  }
  const [words = '', passphrase] = await linesFromStdin(cli, passphraseStdin === true ? 2 : 1)
  if (words === '') {
    const what = 'there are no words in the standard input'
    throw new KithError('usage', what, { what })
  }
  if (passphraseStdin !== true) return { words }
  if (passphrase !== undefined && passphrase !== '') return { words, passphrase }
  const what = 'the second line of the standard input is to be the passphrase'
  throw new KithError('usage', what, { what })
}

/** How new keys are to be kept: as was said, or by a passphrase that is typed now. */
export async function newProtection(
  cli: CliContext,
  { clear, passphrase }: Opener & { clear?: true },
  command: string,
): Promise<{ clear: true } | { passphrase: string }> {
  if (clear === true) return { clear }
  return { passphrase: passphrase ?? (await newPassphrase(cli, command)) }
}
