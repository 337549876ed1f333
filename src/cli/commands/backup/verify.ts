import { resolve } from 'node:path'
import { Command } from 'commander'
import { KithError } from '../../../protocol/errors.ts'
import type { VerifyReport } from '../../../node/control/api.ts'
import { bytesText } from '../../bytes-text.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { note, print, printJson } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'
import { authorLines, keyFor, withAuthorOptions, withBar } from './opening.ts'
import type { AuthorOptions, KeyOptions } from './opening.ts'
import { noteFound } from './note-found.ts'

interface VerifyOptions extends AuthorOptions, KeyOptions {
  json?: true
}

/** `kith backup verify`: reads a backup whole. Exits 1 when it is damaged, or not by the node that it should be of. */
export function verifyCommand(cli: CliContext): Command {
  const command = new Command('verify')
    .description('read a backup whole: all that is in it or, without its key, its bytes')
    .argument('<file>', 'the backup')
    .option('--identity <file>', 'file with the age identity of one of its recipients')
    .option('--passphrase-stdin', 'open it with the first line of the standard input')
  return withAuthorOptions(command)
    .option('--json', 'print one JSON object')
    .action(async (file: string, options: VerifyOptions) => {
      await verify(cli, resolve(file), options)
    })
}

export async function verify(cli: CliContext, file: string, options: VerifyOptions): Promise<void> {
  const { verifyFile } = await cli.backups()
  const key = await keyFor(cli, file, options)
  const sha256 = key === undefined ? await knownHash(cli, file) : ''
  const report = await withBar(cli, 'reading', (tell, signal) =>
    verifyFile(file, { key, sha256, home: cli.home, wanted: options }, tell, signal),
  )
  if (!report.ok) cli.exitCode = EXIT.failed
  if (options.json === true) printJson(cli, { file, ...report })
  else {
    print(cli, textOf(file, report))
    for (const line of linesOf(report)) note(cli, line)
  }
  // What somebody has named, or allowed, decides on that: it says nothing of the file.
  if (report.unproved !== undefined) return
  // Last: a home whose config is broken keeps nobody from hearing what was found.
  await noteFound(cli, { file, ...report })
}

async function knownHash(cli: CliContext, file: string): Promise<string> {
  const { withBackups } = await import('./reach.ts')
  const { backups } = await withBackups(cli, (all) => all.call('backups', {}))
  const hash = backups.find((backup) => backup.file === file)?.sha256
  if (hash !== undefined) return hash
  const what = `${file} is sealed for recipients, and this node does not know what was written`
  throw new KithError(
    'usage',
    what,
    { what },
    { hint: `kith backup verify ${file} --identity FILE` },
  )
}

function linesOf({ author, unproved }: VerifyReport): string[] {
  if (unproved !== undefined) return [`try: ${unproved}`]
  return author === undefined ? [] : authorLines(author)
}

function textOf(file: string, report: VerifyReport): string {
  const { author, how, ok, summary, unproved, why } = report
  if (unproved !== undefined) return `${file} is not to be taken: ${why ?? ''}`
  if (!ok) return `${file} is damaged: ${why ?? ''}`
  if (how === 'hash' || summary === undefined) {
    return `${file} is as it was written; what is in it was not looked at, which takes --identity`
  }
  const { backupAt, bytes, files, node, sn } = summary
  const what = `${files} files, ${bytesText(bytes)}, of ${timeText(backupAt)}`
  const by = author?.proof === 'unsigned' ? 'of node' : 'signed by node'
  return `${file} is whole: ${what}\n${by} ${node}, key log up to event ${sn}`
}
