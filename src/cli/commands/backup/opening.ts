import type { Command } from 'commander'
import type { BackupAuthor } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import type { BackupKey } from '../../backup-module.ts'
import type { CliContext } from '../../context.ts'
import { canPrompt, passphraseFromStdin } from '../../passphrase.ts'
import { Progress } from '../../terminal.ts'
import { barText } from '../../bytes-text.ts'

export interface KeyOptions {
  identity?: string
  passphraseStdin?: true
}

/** What somebody says of the author of a backup. */
export interface AuthorOptions {
  node?: string
  allowUnsigned?: true
}

/** The options that say whose backup is taken. */
export function withAuthorOptions(command: Command): Command {
  return command
    .option('--node <id>', 'id of the node that it must be of; without it, that of this home')
    .option(
      '--allow-unsigned',
      'take one that nobody has signed: for whoever knows where it is from',
    )
}

/** What is known of who has made a backup, in lines; none where this home or `--node` says that it is right. */
export function authorLines({ node, proof, stolen, words }: BackupAuthor): string[] {
  if (proof === 'unsigned') return ['nobody has signed it: that it is yours, you have to know']
  const lines: string[] = []
  if (stolen === true) {
    lines.push('the key that signed it was given up later as stolen: its thief may have made it')
  }
  if (proof === 'itself') {
    lines.push(`nothing here knows ${node}: are these its words? ${words.join(' ')}`)
    lines.push('its peers know them (kith peers show), as does whoever has its id: --node ID')
  }
  return lines
}

/**
 * What opens the backup in `file`, as far as it was given or a person can be asked; undefined for one that is sealed
 * for recipients while no identity was named.
 *
 * @throws {KithError} `usage` when a passphrase is needed and nobody can be asked
 */
export async function keyFor(
  cli: CliContext,
  file: string,
  { identity, passphraseStdin }: KeyOptions,
): Promise<BackupKey | undefined> {
  const { readBackupKey, sealOf } = await cli.backups()
  if (identity !== undefined) return { identities: await readBackupKey(identity) }
  if (passphraseStdin === true) return { passphrase: await passphraseFromStdin(cli) }
  if ((await sealOf(file)) === 'recipients') return undefined
  if (!canPrompt(cli)) {
    const what = 'without a terminal, say what opens the backup: --passphrase-stdin or --identity'
    throw new KithError('usage', what, { what })
  }
  const { askSecret } = await import('../../prompt.ts')
  return { passphrase: await askSecret(cli, 'Passphrase of the backup (not shown): ') }
}

/** As `keyFor`. @throws {KithError} `usage` also when an identity is needed and none was named */
export async function neededKey(
  cli: CliContext,
  file: string,
  options: KeyOptions,
): Promise<BackupKey> {
  const key = await keyFor(cli, file, options)
  if (key !== undefined) return key
  const what = `${file} is sealed for recipients: name the file with the identity of one`
  throw new KithError('usage', what, { what }, { hint: '--identity FILE' })
}

/** What comes of `run`, with a bar on a terminal that says how far it is. */
export async function withBar<T>(
  cli: Pick<CliContext, 'interrupts' | 'stderr'>,
  what: string,
  run: (
    onProgress: (progress: { doneBytes: number; totalBytes: number }) => void,
    signal: AbortSignal,
  ) => Promise<T>,
): Promise<T> {
  const bar = new Progress(cli.stderr)
  const interrupts = cli.interrupts()
  let shown = ''
  try {
    return await run(({ doneBytes, totalBytes }) => {
      const text = barText(what, doneBytes, totalBytes)
      if (text !== shown) bar.show(text)
      shown = text
    }, interrupts.first)
  } finally {
    bar.clear()
    interrupts.release()
  }
}
