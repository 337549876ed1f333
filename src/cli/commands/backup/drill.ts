import { resolve } from 'node:path'
import { Command } from 'commander'
import { KithError } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { passphraseFromFile } from '../../passphrase.ts'
import { print, printJson } from '../../terminal.ts'
import { printFindings, summary } from '../doctor.ts'
import { noteFound } from './note-found.ts'
import { neededKey, withAuthorOptions, withBar } from './opening.ts'
import type { AuthorOptions, KeyOptions } from './opening.ts'
import { withBackups } from './reach.ts'

interface DrillOptions extends AuthorOptions, KeyOptions {
  json?: true
}

/** `kith backup drill`: restores a backup to a folder of its own and starts its node there. Exits 1 when that fails. */
export function drillCommand(cli: CliContext): Command {
  const command = new Command('drill')
    .description('try a backup out: restore it beside the home, start its node unheard, remove it')
    .argument('[file]', 'the backup; without it, the newest one')
    .option('--identity <file>', 'file with the age identity of one of its recipients')
    .option('--passphrase-stdin', 'open it with the first line of the standard input')
  return withAuthorOptions(command)
    .option('--json', 'print one JSON object')
    .action(async (file: string | undefined, options: DrillOptions) => {
      await drill(cli, file === undefined ? await newest(cli) : resolve(file), options)
    })
}

export async function drill(cli: CliContext, file: string, options: DrillOptions): Promise<void> {
  const { drillBackup } = await cli.backups()
  const key = await neededKey(cli, file, options)
  const passphrase = await passphraseFromFile(cli.env)
  const { home } = cli
  const report = await withBar(cli, 'restoring', (onProgress, signal) =>
    drillBackup({ file, key, home, passphrase, wanted: options, onProgress, signal }),
  )
  const { findings, found, ok } = report
  if (!ok) cli.exitCode = EXIT.failed
  if (options.json === true) {
    printJson(cli, { file, ...report })
  } else {
    printFindings(cli, findings)
    const verdict = ok ? 'a node starts from' : 'no node can be started from'
    print(cli, `\n${verdict} ${file} (${summary(findings)})`)
  }
  // What somebody has named, or allowed, decides on that: it says nothing of the file.
  if (findings.some(({ check, state }) => check === 'author' && state === 'fail')) return
  const why = findings.find(({ state }) => state === 'fail')?.what
  await noteFound(cli, {
    ...{ file, how: 'drill', ok },
    ...(why === undefined ? {} : { why }),
    ...(found === undefined ? {} : { found }),
  })
}

async function newest(cli: CliContext): Promise<string> {
  const { backups } = await withBackups(cli, (all) => all.call('backups', {}))
  const file = backups.find(({ standing }) => standing === 'there')?.file
  if (file !== undefined) return file
  const what = 'no backup of this node is there: name a file'
  throw new KithError('usage', what, { what }, { hint: 'kith backup list' })
}
