import { Command, Option } from 'commander'
import type { Input, KeyReport, LostNodeRoute, Output } from '../../../node/control/api.ts'
import { confirm } from '../../confirm.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { canPrompt } from '../../passphrase.ts'
import { KithError } from '../../../protocol/errors.ts'
import { note, print, printJson } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'
import { printWords } from '../init.ts'
import { withKeys } from './reach.ts'
import { newProtection, readWords } from './secrets.ts'
import type { PassphraseOptions } from './secrets.ts'
import { showChange } from './standing.ts'

const QUESTION = 'The 24 recovery words (not shown): '

interface RecoverOptions extends PassphraseOptions {
  log?: string
  dryRun?: true
  clear?: true
  yes?: true
  json?: true
}

/** `kith key recover`: takes this node back with its recovery words. Works whether it runs or not, and without its home. */
export function recoverCommand(cli: CliContext): Command {
  return new Command('recover')
    .description('take this node back from whoever has its keys, with its recovery words')
    .option(
      '--log <file>',
      'in an empty home: its key log, as kith key log --export has it from a peer',
    )
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

/** What can be recovered: the node of this home, or one whose home is gone. */
interface Recoverable {
  readonly running: boolean
  call<N extends LostNodeRoute>(name: N, input: Input<N>): Promise<Output<N>>
}

async function prove(cli: CliContext, { json, log }: RecoverOptions): Promise<void> {
  const { words } = await readWords(cli, QUESTION, {})
  const proved = await withNode(cli, log, (node) => node.call('checkRecovery', { words }))
  if (json === true) printJson(cli, proved)
  else print(cli, `these words would recover ${proved.id}; nothing was changed`)
}

export async function recover(cli: CliContext, options: RecoverOptions): Promise<void> {
  if (options.yes !== true && !canPrompt(cli)) {
    const what = 'without a terminal, --yes says that the new words, which are printed, are safe'
    throw new KithError('usage', what, { what }, { hint: 'kith key recover --yes' })
  }
  await withNode(cli, options.log, async (node) => {
    const { passphrase, words } = await readWords(cli, QUESTION, options)
    // Before anybody is asked for a passphrase.
    const { sn } = await node.call('checkRecovery', { words })
    const before = await node.call('key', {})
    if (options.log !== undefined && options.json !== true) noteLost(cli, before)
    const given = passphrase === undefined ? {} : { passphrase }
    const clear = options.clear === true ? { clear: true as const } : {}
    const protection = await newProtection(cli, { ...given, ...clear }, 'kith key recover')
    const made = await node.call('prepareRecovery', {
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
    const yes = options.yes === true ? { yes: true as const } : {}
    await confirm(cli, '\nAre the new words written down? From then on the old ones are void.', yes)
    showChange(cli, await node.call('commitRecovery', {}), { ...options, running: node.running })
    if (options.json === true) return
    if (options.log === undefined) {
      note(cli, 'peers that follow a thief by now come back when they see this, within the window')
    } else noteNext(cli)
  })
}

async function withNode<T>(
  cli: CliContext,
  log: string | undefined,
  run: (node: Recoverable) => Promise<T>,
): Promise<T> {
  if (log === undefined) return await withKeys(cli, run)
  const lost = await (await cli.offline()).openLostNode(cli.home, log)
  try {
    return await run({ running: false, call: (name, input) => lost.call(name, input) })
  } finally {
    await lost.close()
  }
}

/** Whose log it is, and how new: a peer that holds more of it might have to be asked. */
function noteLost(cli: CliContext, { id, log, words }: KeyReport): void {
  const last = log.at(-1)
  note(cli, `the key log of ${id} (${words.join(' ')}), made anew in ${cli.home.path}`)
  note(
    cli,
    `it ends in event ${last?.sn ?? 0}, made ${timeText(last?.at ?? 0)}; if a peer holds more, take its file`,
  )
}

function noteNext(cli: CliContext): void {
  note(cli, 'whom it has pinned stood in its peers.yaml: put that back, or pin them again here')
  note(cli, `its peers have it pinned, and follow: ${sameHome(cli, 'kith start')}`)
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
