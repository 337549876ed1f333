import { Command, Option } from 'commander'
import { confirm } from '../../confirm.ts'
import type { CliContext } from '../../context.ts'
import { canPrompt } from '../../passphrase.ts'
import { KithError } from '../../../protocol/errors.ts'
import { note, print, printJson } from '../../terminal.ts'
import { printWords } from '../init.ts'
import { withKeys } from './reach.ts'
import { newProtection, readWords } from './secrets.ts'
import type { PassphraseOptions } from './secrets.ts'
import { showChange } from './standing.ts'

const QUESTION = 'The 24 recovery words (not shown): '

interface RecoverOptions extends PassphraseOptions {
  dryRun?: true
  clear?: true
  yes?: true
  json?: true
}

/** `kith key recover`: takes this node back with its recovery words. Works whether it runs or not. */
export function recoverCommand(cli: CliContext): Command {
  return new Command('recover')
    .description('take this node back from whoever has its keys, with its recovery words')
    .option('--dry-run', 'prove that these are the words, and change nothing')
    .addOption(
      new Option('--clear', 'keep the new keys unsealed').conflicts(['passphraseStdin', 'dryRun']),
    )
    .option('--passphrase-stdin', 'seal the new keys with the second line of the standard input')
    .option('--yes', 'the new words, which are printed, are safe: do not ask')
    .option('--json', 'print JSON: the new words first, what came of it next')
    .action(async (options: RecoverOptions) => {
      await (options.dryRun === true ? prove(cli, options) : recover(cli, options))
    })
}

async function prove(cli: CliContext, { json }: RecoverOptions): Promise<void> {
  const { words } = await readWords(cli, QUESTION, {})
  const proved = await withKeys(cli, (keys) => keys.call('checkRecovery', { words }))
  if (json === true) printJson(cli, proved)
  else print(cli, `these words would recover ${proved.id}; nothing was changed`)
}

export async function recover(cli: CliContext, options: RecoverOptions): Promise<void> {
  const yes = options.yes === true ? { yes: true as const } : {}
  if (options.yes !== true && !canPrompt(cli)) {
    const what = 'without a terminal, --yes says that the new words, which are printed, are safe'
    throw new KithError('usage', what, { what }, { hint: 'kith key recover --yes' })
  }
  const { passphrase, words } = await readWords(cli, QUESTION, options)
  await withKeys(cli, async (keys) => {
    // Before anybody is asked for a passphrase.
    const { sn } = await keys.call('checkRecovery', { words })
    const before = await keys.call('key', {})
    const given = passphrase === undefined ? {} : { passphrase }
    const clear = options.clear === true ? { clear: true as const } : {}
    const protection = await newProtection(cli, { ...given, ...clear }, 'kith key recover')
    const made = await keys.call('prepareRecovery', {
      words,
      protection,
      // The new rotation key is kept where the old one was.
      ...(before.rotationKey === 'off-host' ? { rotationKeyOffHost: true as const } : {}),
    })
    if (options.json === true) printJson(cli, made)
    else showWords(cli, made)
    if (options.json !== true && sn <= before.sn) {
      note(cli, `what its key log has from event ${sn} on is undone: it is still within the window`)
    }
    await confirm(cli, '\nAre the new words written down? From then on the old ones are void.', yes)
    showChange(cli, await keys.call('commitRecovery', {}), { ...options, running: keys.running })
    if (options.json === true) return
    note(cli, 'peers that follow a thief by now come back when they see this, within the window')
  })
}

function showWords(
  cli: CliContext,
  { recoveryWords, rotationWords }: { recoveryWords: string[]; rotationWords?: string[] },
): void {
  printWords(cli, 'New recovery words', recoveryWords, [
    'They are shown this once and are stored nowhere. Write them on paper, and throw the old ones away.',
  ])
  if (rotationWords === undefined) return
  printWords(cli, 'New rotation words', rotationWords, [
    'They too are shown this once. Give them to the node that keeps the rotation key of this one:',
    'there, kith key keep NAME.',
  ])
}
