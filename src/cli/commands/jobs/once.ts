import type { Output } from '../../../node/control/api.ts'
import { isFailure, KithError } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import type { ExitCode } from '../../exit-codes.ts'
import { note, print, printJson } from '../../terminal.ts'
import { tellFailure } from '../../tell-failure.ts'
import { opening } from '../key/secrets.ts'
import { runLine } from './runs-table.ts'

export interface OnceOptions {
  /** Settings over all others, by config key. */
  flags: Record<string, unknown>
  passphraseStdin?: true
  json?: true
}

/**
 * Opens the node without its schedule, and runs these jobs or, without any, those that are due. Each run is told as
 * it ends. Sets the exit code: 0, 1 when one did not succeed, 75 when one could not run now.
 */
export async function runJobsOnce(
  cli: CliContext,
  jobs: readonly string[],
  { flags, json, passphraseStdin }: OnceOptions,
): Promise<void> {
  outliveReader(cli)
  const { runJobsOnce: run } = await cli.daemon()
  const { env, home, stderr } = cli
  let count = 0
  try {
    const { exitCode, refused } = await opening(
      cli,
      passphraseStdin === undefined ? {} : { passphraseStdin },
      ({ passphrase }) =>
        run({
          ...{ home, env, jobs, passphrase },
          // What is logged is no result. Who wants to know more says so.
          ...{ stdout: stderr, flags: { 'log.level': 'warn', ...flags } },
          onRun: (ended) => {
            count++
            tellRun(cli, ended, json)
          },
        }),
    )
    cli.exitCode = exitCode as ExitCode
    tellRefused(cli, refused)
    if (count === 0 && exitCode === EXIT.ok) note(cli, 'nothing is due')
  } catch (err) {
    if (!isFailure(err, 'locked')) throw err
    // Who calls this at fixed times finds it so now and then: they come again.
    const [name] = jobs
    const hint = name === undefined ? 'kith jobs run-due' : `kith jobs run ${name} --wait`
    const locked = new KithError('locked', err.message, err.details, { cause: err, hint })
    tellFailure(cli, locked, { json: json === true })
    cli.exitCode = EXIT.tryLater
  }
}

/** Prints runs that have ended, and gives the exit code that they lead to. */
export function tellOnce(
  cli: CliContext,
  { refused, runs }: Output<'runDue'>,
  json: true | undefined,
): ExitCode {
  for (const run of runs) tellRun(cli, run, json)
  tellRefused(cli, refused)
  if (runs.length === 0 && refused.length === 0) note(cli, 'nothing is due')
  if (runs.some(({ state }) => state !== 'succeeded')) return EXIT.failed
  return refused.length > 0 ? EXIT.tryLater : EXIT.ok
}

/** Lets jobs go on that nobody wants to hear of any more, as behind `| head -1`. */
export function outliveReader({ stdout }: Pick<CliContext, 'stdout'>): void {
  stdout.on('error', (err: NodeJS.ErrnoException) => {
    if (err.code !== 'EPIPE') throw err
  })
}

function tellRun(cli: CliContext, run: Output<'showRun'>, json: true | undefined): void {
  if (json === true) printJson(cli, run)
  else print(cli, runLine(cli, run))
}

function tellRefused(cli: CliContext, refused: readonly string[]): void {
  for (const name of refused) note(cli, `${name} cannot run now: it is under way, or too many wait`)
}
