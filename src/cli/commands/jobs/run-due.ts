import { Command } from 'commander'
import { isFailure } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { note } from '../../terminal.ts'
import { outliveReader, runJobsOnce, tellOnce } from './once.ts'

interface RunDueOptions {
  passphraseStdin?: true
  json?: true
}

/** `kith jobs run-due`: runs what is due now, in the running node or, when none runs, in one of its own. */
export function runDueCommand(cli: CliContext): Command {
  return new Command('run-due')
    .description('run what is due now, and stay until it has ended; exits 1 if a run failed')
    .option('--passphrase-stdin', 'if no node runs, open the keys with the first line of stdin')
    .option('--json', 'print each run as one JSON line')
    .action(async (options: RunDueOptions) => {
      await runDue(cli, options)
    })
}

export async function runDue(cli: CliContext, options: RunDueOptions): Promise<void> {
  outliveReader(cli)
  const interrupts = cli.interrupts()
  try {
    const report = await cli.client.call('runDue', {}, interrupts.first)
    cli.exitCode = tellOnce(cli, report, options.json)
    return
  } catch (err) {
    if (interrupts.first.aborted) {
      note(cli, 'what runs goes on in the node')
      cli.exitCode = EXIT.interrupted
      return
    }
    if (!isFailure(err, 'daemon-not-running')) throw err
  } finally {
    interrupts.release()
  }
  await runJobsOnce(cli, [], { ...options, flags: {} })
}
