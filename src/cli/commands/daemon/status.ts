import { Command } from 'commander'
import { KithError } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { paint, print, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'
import { daemonEnv } from './daemon-env.ts'
import { judgeProfiles, printDaemonJson, profilesTable } from './report.ts'

/** `kith daemon status`: the daemon and each of its profiles. Exits 1 when one does not run, 6 without a daemon. */
export function daemonStatusCommand(cli: CliContext): Command {
  return new Command('status')
    .description('show the daemon and how each profile stands')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: true }) => {
      await daemonStatus(cli, options)
    })
}

export async function daemonStatus(cli: CliContext, { json }: { json?: true }): Promise<void> {
  const { daemonReport } = await import('../../../node/daemon/manage.ts')
  const report = await daemonReport({ env: daemonEnv(cli) })
  if (report === undefined) {
    const { path: home } = cli.home
    const hint = { hint: 'kith daemon start' }
    throw new KithError('daemon-not-running', 'no daemon runs for this home', { home }, hint)
  }
  judgeProfiles(cli, report)
  if (json === true) {
    printDaemonJson(cli, report)
    return
  }
  const { build, buildOnDisk, pid, software, startedAt, supervisor, unit } = report
  if (build !== buildOnDisk) {
    print(cli, `${paint(cli, 'yellow', 'problem:')} another build is on disk than runs`)
    print(cli, '    try: kith daemon restart')
  }
  print(
    cli,
    table([
      ['process', `${pid} since ${timeText(startedAt)}, ${software}`],
      ['build', build ?? 'unknown'],
      ['started by', supervisor === 'none' ? 'kith daemon start' : `${supervisor} ${unit ?? ''}`],
    ]),
  )
  print(cli, profilesTable(report))
}
