import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { note, print, printJson } from '../../terminal.ts'
import { printWords } from '../init.ts'
import { withKeys } from './reach.ts'
import { opening, readWords } from './secrets.ts'
import type { PassphraseOptions } from './secrets.ts'

interface ExportOptions extends PassphraseOptions {
  forget?: true
  json?: true
}

/** `kith key export-next`: the way of the rotation key off this host. */
export function exportNextCommand(cli: CliContext): Command {
  return new Command('export-next')
    .description('show the words of the key that rotates this node, to keep it on another one')
    .option('--forget', 'erase it here; its words, typed or piped, prove that you have them')
    .option('--passphrase-stdin', 'open the keys with the first line of the standard input')
    .option('--json', 'print one JSON object')
    .action(async (options: ExportOptions) => {
      await (options.forget === true ? forget(cli, options) : exportNext(cli, options))
    })
}

export async function exportNext(cli: CliContext, options: ExportOptions): Promise<void> {
  const { words } = await withKeys(cli, (keys) =>
    opening(cli, options, (opener) => keys.call('exportRotationKey', opener)),
  )
  if (options.json === true) {
    printJson(cli, { rotationWords: words })
    return
  }
  printWords(cli, 'Rotation words', words, [
    'Give them to another node of yours: there, kith key keep NAME, with its name for this one.',
    `Then erase the key here: ${sameHome(cli, 'kith key export-next --forget')}`,
  ])
}

async function forget(cli: CliContext, { json }: ExportOptions): Promise<void> {
  const question = 'The 24 rotation words, from where they are now (not shown): '
  const { words } = await readWords(cli, question, {})
  await withKeys(cli, (keys) => keys.call('forgetRotationKey', { words }))
  if (json === true) {
    printJson(cli, { forgotten: true })
    return
  }
  print(cli, 'the key that rotates this node is on this host no more')
  note(cli, `its rotations are signed elsewhere from now on: ${sameHome(cli, 'kith key request')}`)
}
