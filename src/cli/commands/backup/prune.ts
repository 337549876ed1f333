import { Command, Option } from 'commander'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { note, print, printJson } from '../../terminal.ts'
import { backupTable } from './list.ts'
import { withBackups } from './reach.ts'

interface PruneOptions {
  yes?: true
  json?: true
}

/** `kith backup prune`: which backups the rule of the config keeps. Removes the others with `--yes` alone. */
export function pruneCommand(cli: CliContext): Command {
  return new Command('prune')
    .description('show what the rule backup.keep would remove; with --yes, remove it')
    .addOption(
      new Option('--dry-run', 'remove nothing, which is what it does anyway').conflicts('yes'),
    )
    .option('--yes', 'remove it')
    .option('--json', 'print one JSON object')
    .action(async (options: PruneOptions) => {
      await prune(cli, options)
    })
}

export async function prune(cli: CliContext, { json, yes }: PruneOptions): Promise<void> {
  const remove = yes === true
  const report = await withBackups(cli, (backups) => backups.call('pruneBackups', { remove }))
  if (json === true) {
    printJson(cli, { ...report, dryRun: !remove })
    return
  }
  const { kept, removed, spared } = report
  if (removed.length > 0) print(cli, backupTable(removed))
  const would = remove ? 'removed' : 'would be removed'
  print(cli, `${removed.length} ${would}, ${kept.length} kept`)
  if (spared.length > 0) {
    note(
      cli,
      `${spared.length} not judged: damaged, not there or not known here (kith backup list)`,
    )
  }
  const isUnread = removed.length === 0 && kept.every(({ verified }) => verified?.ok !== true)
  if (kept.length > 1 && isUnread) {
    note(cli, 'none was read back whole, so none is removed: kith backup verify FILE')
  }
  if (!remove && removed.length > 0) note(cli, sameHome(cli, 'kith backup prune --yes'))
}
