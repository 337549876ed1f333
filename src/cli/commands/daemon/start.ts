import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import type { StartReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { note, print, printJson } from '../../terminal.ts'
import { durationText } from '../../time-text.ts'
import { daemonEnv } from './daemon-env.ts'
import { printDaemonJson, profilesTable } from './report.ts'

interface DaemonStartOptions {
  foreground?: true
  passphraseStdin?: true
  json?: true
}

/** `kith daemon start`: serves every profile, here or in the background. Exits 1 if one did not start. */
export function daemonStartCommand(cli: CliContext): Command {
  return new Command('start')
    .description('start it, and wait until every profile runs or has failed')
    .option('--foreground', 'run it in this process, as a service manager wants it')
    .option('--passphrase-stdin', 'read lines PROFILE: PASSPHRASE from the standard input')
    .option('--json', 'print one JSON object')
    .action(async (options: DaemonStartOptions) => {
      await daemonStart(cli, options)
    })
}

export async function daemonStart(cli: CliContext, options: DaemonStartOptions): Promise<void> {
  const passphrases = await passphraseLines(cli, options)
  if (options.foreground === true) {
    await serve(cli, passphrases, options)
    return
  }
  const { startDaemon } = await import('../../../node/daemon/manage.ts')
  const report = await startDaemon({ env: daemonEnv(cli), program: cli.program, passphrases })
  tellStart(cli, report, options)
}

/** Prints how a start came out. */
export function tellStart(cli: CliContext, report: StartReport, { json }: { json?: true }): void {
  if (!report.ready) cli.exitCode = EXIT.failed
  const { daemon, pid, ready, readyAfterMs, reason } = report
  if (json === true) {
    printJson(cli, { ok: ready, ready, readyAfterMs, reason, pid })
    return
  }
  if (ready)
    print(cli, `the daemon, process ${pid}, is ready after ${durationText(readyAfterMs ?? 0)}`)
  else note(cli, `the daemon, process ${pid}, is not ready: ${reason ?? 'unknown'}`)
  if (daemon === undefined) return
  print(cli, profilesTable(daemon))
  if (ready) return
  note(
    cli,
    'it is tried again by itself; with a passphrase: kith daemon restart --passphrase-stdin',
  )
}

/** What stands in the standard input; nothing unless that is wanted. */
export async function passphraseLines(
  { stdin }: Pick<CliContext, 'stdin'>,
  { passphraseStdin }: { passphraseStdin?: true },
): Promise<string> {
  return passphraseStdin === true ? await text(stdin) : ''
}

async function serve(
  cli: CliContext,
  passphrases: string,
  { json }: DaemonStartOptions,
): Promise<void> {
  const { readPassphraseLines } = await import('../../../node/daemon/passphrases.ts')
  const { serveProfiles } = await import('../../../node/daemon/serve-profiles.ts')
  await serveProfiles({
    env: daemonEnv(cli),
    passphrases: readPassphraseLines(passphrases),
    stdout: cli.stdout,
    onReady: (report) => {
      if (json === true) printDaemonJson(cli, report)
    },
  })
}
