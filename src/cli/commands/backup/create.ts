import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Command, Option } from 'commander'
import type { Input, MadeReport } from '../../../node/control/api.ts'
import { KithError, isFailure } from '../../../protocol/errors.ts'
import { barText, bytesText } from '../../bytes-text.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { collectList } from '../../options.ts'
import { canPrompt, passphraseFromFile, passphraseFromStdin } from '../../passphrase.ts'
import { isTerminal, note, print, printJson, Progress } from '../../terminal.ts'
import { withBackups } from './reach.ts'
import type { Backups } from './reach.ts'

/** So often a terminal hears how far it is. */
const LOOK_MS = 200

interface CreateOptions {
  to?: string
  recipient?: string[]
  passphraseStdin?: true
  unsigned?: true
  json?: true
}

/** `kith backup create`: this home in one sealed file, while its node runs or not. */
export function createCommand(cli: CliContext): Command {
  return new Command('create')
    .description('make a backup; the node goes on meanwhile')
    .option(
      '--to <path>',
      'folder, or file that ends with .age, instead of backup.to in config.yaml',
    )
    .addOption(
      new Option('--recipient <age1…>', 'who opens it, instead of a passphrase; may be given again')
        .argParser(collectList)
        .conflicts('passphraseStdin'),
    )
    .option('--passphrase-stdin', 'seal it with the first line of the standard input')
    .option('--unsigned', 'do not sign it; whoever restores it has to allow that')
    .option('--json', 'print one JSON object')
    .action(async (options: CreateOptions) => {
      await create(cli, options)
    })
}

export async function create(cli: CliContext, options: CreateOptions): Promise<void> {
  const made = await withBackups(cli, async (backups) => {
    const lock = await lockFor(cli, backups, options)
    const to = options.to === undefined ? {} : { to: resolve(options.to) }
    if (options.unsigned === true)
      return await shown(cli, backups, { ...to, ...lock, unsigned: true })
    await openKey(cli, backups)
    return await shown(cli, backups, { ...to, ...lock })
  })
  const isWhole = made.verified?.ok === true
  if (!isWhole) cli.exitCode = EXIT.failed
  if (options.json === true) {
    printJson(cli, made)
    return
  }
  const found = isWhole
    ? made.verified?.how === 'content'
      ? 'opened again, and whole'
      : 'on the disk as it was written'
    : `and it is damaged: ${made.verified?.why ?? ''}`
  print(cli, `${made.file}\n${bytesText(made.bytes)}, ${found}`)
  if (isWhole) noteNext(cli, made)
}

/** What is to seal it; nothing where the config names recipients. */
async function lockFor(
  cli: CliContext,
  backups: Backups,
  { passphraseStdin, recipient, to }: CreateOptions,
): Promise<Pick<Input<'createBackup'>, 'passphrase' | 'recipients'>> {
  if (recipient !== undefined) return { recipients: recipient }
  if (passphraseStdin === true) return { passphrase: await passphraseFromStdin(cli) }
  const known = await backups.call('backups', {})
  if (known.recipients.length > 0) return {}
  if (!canPrompt(cli)) {
    const what = 'without a terminal, say what seals the backup: --passphrase-stdin or --recipient'
    throw new KithError('usage', what, { what }, { hint: 'kith backup keygen FILE' })
  }
  await assertPlace(to ?? known.to)
  return { passphrase: await typedTwice(cli) }
}

/** A backup is signed by the node: where it does not run, and its keys are sealed, somebody has to open them. */
async function openKey(cli: CliContext, backups: Backups): Promise<void> {
  try {
    await backups.openKey(async () => {
      const given = await passphraseFromFile(cli.env)
      if (given !== undefined || !canPrompt(cli)) return given
      const { askSecret } = await import('../../prompt.ts')
      return await askSecret(cli, 'Passphrase of the keys of this node, to sign it (not shown): ')
    })
  } catch (err) {
    if (!isFailure(err, 'passphrase') || err.details.given) throw err
    const message =
      'to sign the backup takes the passphrase of the keys of this node, or the node itself'
    const hint = 'kith start, then again; or KITH_PASSPHRASE_FILE, or --unsigned'
    throw new KithError('passphrase', message, { given: false }, { cause: err, hint })
  }
}

/** Before anybody types a passphrase: whether its folder is there. The node looks at all else. @throws {KithError} `usage` */
async function assertPlace(to: string | undefined): Promise<void> {
  if (to === undefined) {
    const what = 'nobody has said where backups go'
    throw new KithError('usage', what, { what }, { hint: 'kith backup create --to DIR' })
  }
  const folder = resolve(to.endsWith('.age') ? dirname(to) : to)
  const stats = await stat(folder).catch(() => undefined)
  if (stats?.isDirectory() === true) return
  const what = `there is no folder ${folder}`
  throw new KithError('usage', what, { what }, { hint: `mkdir -m 700 ${folder}` })
}

async function typedTwice(cli: CliContext): Promise<string> {
  const { askSecret } = await import('../../prompt.ts')
  const { assertBackupPassphrase } = await cli.backups()
  const passphrase = await askSecret(cli, 'Passphrase that seals the backup (not shown): ')
  assertBackupPassphrase(passphrase)
  if ((await askSecret(cli, 'Once more: ')) === passphrase) return passphrase
  const what = 'the two passphrases differ'
  throw new KithError('usage', what, { what }, { hint: 'kith backup create' })
}

/** Makes it, and shows on a terminal how far it is. */
async function shown(
  cli: CliContext,
  backups: Backups,
  input: Input<'createBackup'>,
): Promise<MadeReport> {
  const interrupts = cli.interrupts()
  const over = new AbortController()
  const bar = new Progress(cli.stderr)
  const watching = isTerminal(cli.stderr) ? watch(cli, backups, bar, over.signal) : undefined
  try {
    return await backups.call('createBackup', input, interrupts.first)
  } catch (err) {
    interrupts.first.throwIfAborted()
    throw err
  } finally {
    over.abort()
    await watching
    bar.clear()
    interrupts.release()
  }
}

async function watch(
  cli: CliContext,
  backups: Backups,
  bar: Progress,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    const progress = await backups.call('backupProgress', {}).catch(() => undefined)
    if (progress !== undefined) {
      const { doneBytes, phase, totalBytes } = progress
      bar.show(barText(phase === 'checking' ? 'reading back' : 'writing', doneBytes, totalBytes))
    }
    await cli.sleep(LOOK_MS, over).catch(() => undefined)
  }
}

function noteNext(cli: CliContext, made: MadeReport): void {
  const { changing, file, leftOut, lock, signed } = made
  if (leftOut.length > 0) note(cli, `not in it: ${leftOut.join(', ')}`)
  if (changing.length > 0) {
    note(cli, `of these, what changed whenever it was read: ${changing.join(', ')}`)
  }
  if (signed !== true) note(cli, 'it is not signed, and taken with --allow-unsigned alone')
  const key = lock === 'passphrase' ? '' : ' --identity FILE'
  const opens = lock === 'passphrase' ? 'its passphrase' : 'the identity of one of its recipients'
  note(cli, `to restore it, here or on another machine: kith restore ${file}${key}`)
  note(cli, `nothing but ${opens} opens it: keep that apart from it`)
  note(cli, `to see that it would start: ${sameHome(cli, `kith backup drill ${file}${key}`)}`)
}
