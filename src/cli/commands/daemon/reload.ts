import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { print } from '../../terminal.ts'
import { daemonEnv } from './daemon-env.ts'
import { judgeProfiles, printDaemonJson, profilesTable } from './report.ts'

/** `kith daemon reload`: has it serve the profiles that there are now. Exits 1 when one does not run. */
export function reloadCommand(cli: CliContext): Command {
  return new Command('reload')
    .description('start profiles that are new or were stopped, and stop those that are gone')
    .option('--json', 'print one JSON object')
    .action(async ({ json }: { json?: true }) => {
      const { reloadDaemon } = await import('../../../node/daemon/manage.ts')
      const report = await reloadDaemon({ env: daemonEnv(cli) })
      judgeProfiles(cli, report)
      if (json === true) printDaemonJson(cli, report)
      else print(cli, profilesTable(report))
    })
}
