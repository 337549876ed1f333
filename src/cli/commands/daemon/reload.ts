import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { print, printJson } from '../../terminal.ts'
import { daemonEnv } from './daemon-env.ts'
import { profilesTable } from './report.ts'

/** `kith daemon reload`: has it serve the profiles that there are now. */
export function reloadCommand(cli: CliContext): Command {
  return new Command('reload')
    .description('start profiles that are new or were stopped, and stop those that are gone')
    .option('--json', 'print one JSON object')
    .action(async ({ json }: { json?: true }) => {
      const { reloadDaemon } = await import('../../../node/daemon/manage.ts')
      const report = await reloadDaemon({ env: daemonEnv(cli) })
      if (json === true) printJson(cli, report)
      else print(cli, profilesTable(report))
    })
}
