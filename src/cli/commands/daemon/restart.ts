import { Command } from 'commander'
import { assertPerson } from '../../assert-person.ts'
import type { CliContext } from '../../context.ts'
import { daemonEnv } from './daemon-env.ts'
import { passphraseLines, tellStart } from './start.ts'

interface RestartOptions {
  passphraseStdin?: true
  json?: true
}

/** `kith daemon restart`: stops it, starts it anew, and waits until every profile runs or has failed. */
export function restartCommand(cli: CliContext): Command {
  return new Command('restart')
    .description('stop it and start it anew; at most once in 30 seconds')
    .option('--passphrase-stdin', 'read lines PROFILE: PASSPHRASE from the standard input')
    .option('--json', 'print {ok, ready, readyAfterMs, reason, pid}')
    .action(async (options: RestartOptions) => {
      await restart(cli, options)
    })
}

export async function restart(cli: CliContext, options: RestartOptions): Promise<void> {
  assertPerson(cli, 'kith daemon restart')
  const passphrases = await passphraseLines(cli, options)
  const { restartSupervised } = await import('../../../node/daemon/supervised-daemon.ts')
  const init = { env: daemonEnv(cli), program: cli.program, passphrases }
  tellStart(cli, await restartSupervised(init), options)
}
