import { Command } from 'commander'
import { assertPerson } from '../../assert-person.ts'
import type { CliContext } from '../../context.ts'
import { print, printJson } from '../../terminal.ts'
import { durationText } from '../../time-text.ts'
import { daemonEnv } from './daemon-env.ts'

/** `kith daemon stop`: ends the daemon, by whoever has started it, and waits until it is gone. */
export function daemonStopCommand(cli: CliContext): Command {
  return new Command('stop')
    .description('stop it and all profiles, and wait until it is gone')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: true }) => {
      await daemonStop(cli, options)
    })
}

export async function daemonStop(cli: CliContext, { json }: { json?: true }): Promise<void> {
  assertPerson(cli, 'kith daemon stop')
  const begun = performance.now()
  const { stopSupervised } = await import('../../../node/daemon/supervised-daemon.ts')
  const { forced, pid } = await stopSupervised({ env: daemonEnv(cli) })
  const tookMs = Math.round(performance.now() - begun)
  if (json === true) printJson(cli, { stopped: true, pid, forced, tookMs })
  else {
    const how = forced ? 'ended by force' : 'stopped'
    print(cli, `the daemon, process ${pid}, ${how} after ${durationText(tookMs)}`)
  }
}
