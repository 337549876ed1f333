import { Command } from 'commander'
import type { BackupReport } from '../../../node/control/api.ts'
import { bytesText } from '../../bytes-text.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { note, print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'
import { withBackups } from './reach.ts'

/** `kith backup list`: the backups that are known, the newest first. */
export function listCommand(cli: CliContext): Command {
  return new Command('list')
    .description('show the backups that were made, and what was found of them')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: true }) => {
      await listBackups(cli, options)
    })
}

export async function listBackups(cli: CliContext, { json }: { json?: true }): Promise<void> {
  const report = await withBackups(cli, (backups) => backups.call('backups', {}))
  if (json === true) {
    printJson(cli, report)
    return
  }
  if (report.backups.length > 0) print(cli, backupTable(report.backups))
  else note(cli, `no backup is known here: ${sameHome(cli, 'kith backup create --to DIR')}`)
}

/** A row for each, with its head. */
export function backupTable(backups: readonly BackupReport[]): string {
  return table([
    ['OF', 'SIZE', 'OPENED BY', 'MADE BY', 'FOUND', 'FILE'],
    ...backups.map((backup) => [
      timeText(backup.backupAt),
      bytesText(backup.bytes),
      backup.lock ?? '?',
      backup.by ?? '?',
      foundText(backup),
      backup.file,
    ]),
  ])
}

/** What is known of a backup, in a few words. */
function foundText({ drilled, standing, verified }: BackupReport): string {
  switch (standing) {
    case 'missing':
      return 'not there'
    case 'changed':
      return 'changed since'
    case 'unknown':
      return 'not known here'
    case 'there':
  }
  if (verified === undefined) return 'not read back'
  if (!verified.ok) return 'damaged'
  if (drilled?.ok === true) return 'drilled'
  return verified.how === 'hash' ? 'as written' : 'whole'
}
