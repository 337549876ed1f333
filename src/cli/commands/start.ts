import { Command, Option } from 'commander'
import { isFailure } from '../../protocol/errors.ts'
import type { CliContext } from '../context.ts'
import type { ExitCode } from '../exit-codes.ts'
import { collect } from '../options.ts'
import { canPrompt, passphraseFromFile, passphraseFromStdin } from '../passphrase.ts'
import { note, printJson } from '../terminal.ts'

interface StartOptions {
  listen?: string[]
  logLevel?: string
  passphraseStdin?: true
  json?: true
}

/** `kith start`: runs the node in this process until it is told to stop. */
export function startCommand(cli: CliContext): Command {
  return new Command('start')
    .description('run the node until Ctrl-C, `kith stop` or a signal; its log goes to stdout')
    .option('--listen <address>', 'multiaddr to listen on; may be given again', collect)
    .addOption(
      new Option('--log-level <level>', 'what is logged').choices([
        'error',
        'warn',
        'info',
        'debug',
        'silent',
      ]),
    )
    .option('--passphrase-stdin', 'open the keys with the first line of the standard input')
    .option('--json', 'print the status as one JSON line when the node is ready')
    .action(async (options: StartOptions) => {
      await start(cli, options)
    })
}

export async function start(cli: CliContext, options: StartOptions): Promise<void> {
  const passphrase =
    options.passphraseStdin === true
      ? await passphraseFromStdin(cli)
      : await passphraseFromFile(cli.env)
  try {
    cli.exitCode = await runNode(cli, options, passphrase)
  } catch (err) {
    // Only the keystore knows whether it is sealed, so a person is asked when it says so.
    const wanted = isFailure(err, 'passphrase') && !err.details.given
    if (!wanted || !canPrompt(cli)) throw err
    const { askSecret } = await import('../prompt.ts')
    cli.exitCode = await runNode(cli, options, await askSecret(cli, 'Passphrase (not shown): '))
  }
}

async function runNode(
  cli: CliContext,
  { json, listen, logLevel }: StartOptions,
  passphrase: string | undefined,
): Promise<ExitCode> {
  const { runDaemon } = await cli.daemon()
  const code = await runDaemon({
    home: cli.home,
    env: cli.env,
    flags: {
      ...(listen === undefined ? {} : { listen }),
      ...(logLevel === undefined ? {} : { 'log.level': logLevel }),
    },
    passphrase,
    stdout: cli.stdout,
    onReady: (report) => {
      if (json === true) printJson(cli, report)
      const where = report.listening.length === 0 ? 'nowhere' : report.listening.join(', ')
      note(cli, `${report.name ?? 'the node'} is ready, listening on ${where}; stop with Ctrl-C`)
    },
  })
  return code as ExitCode
}
