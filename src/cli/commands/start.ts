import { Writable } from 'node:stream'
import { Command, Option } from 'commander'
import { isFailure, KithError } from '../../protocol/errors.ts'
import type { CliContext } from '../context.ts'
import type { ExitCode } from '../exit-codes.ts'
import { collect } from '../options.ts'
import { canPrompt, passphraseFromFile, passphraseFromStdin } from '../passphrase.ts'
import { note, printJson } from '../terminal.ts'
import { runJobsOnce } from './jobs/once.ts'

interface StartOptions {
  listen?: string[]
  logLevel?: string
  passphraseStdin?: true
  once?: true
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
    .argument('[job...]', 'with --once: these jobs, due or not')
    .option('--once', 'run the jobs that are due, or those named, and end; exits 1 if one failed')
    .option('--json', 'print the status as one JSON line when the node is ready, or each run')
    .action(async (jobs: string[], options: StartOptions) => {
      if (options.once === true)
        await runJobsOnce(cli, jobs, { ...options, flags: flagsOf(options) })
      else if (jobs.length === 0) await start(cli, options)
      else {
        const what = 'jobs are named with --once, and else start when they are due'
        throw new KithError('usage', what, { what }, { hint: 'kith start --once' })
      }
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
    if (!isFailure(err, 'passphrase') || err.details.given) throw err
    if (!canPrompt(cli)) {
      throw new KithError('passphrase', err.message, err.details, {
        cause: err,
        hint: 'kith start --passphrase-stdin, or KITH_PASSPHRASE_FILE',
      })
    }
    const { askSecret } = await import('../prompt.ts')
    cli.exitCode = await runNode(cli, options, await askSecret(cli, 'Passphrase (not shown): '))
  }
}

async function runNode(
  cli: CliContext,
  options: StartOptions,
  passphrase: string | undefined,
): Promise<ExitCode> {
  const { json } = options
  const { runDaemon } = await cli.daemon()
  // The report is the first line, so what is logged before it waits.
  const log = new HeldOutput(cli.stdout, json === true)
  const running = runDaemon({
    home: cli.home,
    env: cli.env,
    flags: flagsOf(options),
    passphrase,
    stdout: log,
    onReady: (report) => {
      if (json === true) printJson(cli, report)
      log.release()
      const where = report.listening.length === 0 ? 'nowhere' : report.listening.join(', ')
      note(cli, `${report.name ?? 'the node'} is ready, listening on ${where}; stop with Ctrl-C`)
    },
  })
  const code = await running.finally(() => {
    log.release()
  })
  return code as ExitCode
}

/** Settings over all others, by config key. */
function flagsOf({ listen, logLevel }: StartOptions): Record<string, unknown> {
  return {
    ...(listen === undefined ? {} : { listen }),
    ...(logLevel === undefined ? {} : { 'log.level': logLevel }),
  }
}

/** Hands on what is written to it; while it is held, as soon as it is released. */
class HeldOutput extends Writable {
  readonly #target: Writable
  #held: Uint8Array[] | undefined

  constructor(target: Writable, held: boolean) {
    super()
    this.#target = target
    if (held) this.#held = []
  }

  release(): void {
    for (const chunk of this.#held ?? []) this.#target.write(chunk)
    this.#held = undefined
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    if (this.#held === undefined) this.#target.write(chunk)
    else this.#held.push(chunk)
    done()
  }
}
