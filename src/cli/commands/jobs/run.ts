import { Command } from 'commander'
import type { RunReport } from '../../../node/control/api.ts'
import { isFailure, KithError } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { runOf } from '../../full-ids.ts'
import { note, print, printJson, Progress } from '../../terminal.ts'
import { tellFailure } from '../../tell-failure.ts'
import { durationText } from '../../time-text.ts'
import { runTable } from './runs-table.ts'

/** Time between two looks at a run that is waited for, in ms. */
const LOOK_MS = 500

interface RunOptions {
  wait?: true
  at?: string
  json?: true
}

/** `kith jobs run NAME`: runs a job now, due or not. Exits 75 while it is under way already. */
export function runCommand(cli: CliContext): Command {
  return new Command('run')
    .description('run a job now, due or not, also one that is off or paused')
    .argument('<name>', 'name of the job')
    .option('--wait', 'stay until it has ended, and exit with 1 if it did not succeed')
    .option('--at <peer>', 'a job of that peer, if it lets this node run it')
    .option('--json', 'print the run as one JSON object')
    .action(async (name: string, options: RunOptions) => {
      await (options.at === undefined
        ? run(cli, name, options)
        : runAt(cli, name, options.at, options))
    })
}

/** `kith jobs retry RUN`: has the work of a run done again by a new one. */
export function retryCommand(cli: CliContext): Command {
  return new Command('retry')
    .description('do the work of a run again; one that has not ended is ended first')
    .argument('<run>', 'its id')
    .option('--wait', 'stay until the new one has ended, and exit with 1 if it did not succeed')
    .option('--json', 'print the new run as one JSON object')
    .action(async (id: string, options: RunOptions) => {
      const run = await runOf(cli, id)
      await begun(cli, () => cli.client.call('retryRun', { run }), options)
    })
}

/** `kith jobs cancel RUN`: ends a run that waits or is under way. */
export function cancelCommand(cli: CliContext): Command {
  return new Command('cancel')
    .description('end a run that waits or is under way')
    .argument('<run>', 'its id')
    .option('--json', 'print the run as one JSON object')
    .action(async (id: string, { json }: { json?: true }) => {
      const ended = await cli.client.call('cancelRun', { run: await runOf(cli, id) })
      if (json === true) printJson(cli, ended)
      else print(cli, `${id} of ${ended.job} has ended: ${ended.state}`)
    })
}

export async function run(cli: CliContext, name: string, options: RunOptions): Promise<void> {
  await begun(cli, () => cli.client.call('runJob', { job: name }), options)
}

async function runAt(
  cli: CliContext,
  name: string,
  peer: string,
  { json, wait }: RunOptions,
): Promise<void> {
  if (wait === true) {
    const what = 'a peer does not tell how its runs end: leave --wait out'
    throw new KithError('usage', what, { what })
  }
  const told = await cli.client.call('runPeerJob', { job: name, peer })
  if (json === true) printJson(cli, told)
  else print(cli, `${peer} runs ${name}: there, it is ${told.run}`)
}

/** Tells of a run that `begin` begins, and of its end if that is wanted. */
async function begun(
  cli: CliContext,
  begin: () => Promise<RunReport>,
  { json, wait }: RunOptions,
): Promise<void> {
  let report
  try {
    report = await begin()
  } catch (err) {
    if (!isFailure(err, 'conflict')) throw err
    tellFailure(cli, err, { json: json === true })
    cli.exitCode = EXIT.tryLater
    return
  }
  if (wait === true) report = await endOf(cli, report)
  if (report === undefined) return
  if (json === true) printJson(cli, report)
  else if (wait === true) print(cli, runTable(cli, report))
  else {
    print(cli, `${report.run} of ${report.job} is ${report.state}`)
    note(cli, `what becomes of it: ${sameHome(cli, `kith jobs runs --id ${report.run}`)}`)
  }
  if (wait === true && report.state !== 'succeeded') cli.exitCode = EXIT.failed
}

/** A run once it has ended; undefined when Ctrl-C came before: it goes on. */
async function endOf(cli: CliContext, { job, run: id }: RunReport): Promise<RunReport | undefined> {
  const interrupts = cli.interrupts()
  const progress = new Progress(cli.stderr)
  const begunAt = Date.now()
  try {
    for (;;) {
      const report = await cli.client.call('showRun', { run: id }, interrupts.first)
      if (report.finalAt !== undefined) return report
      progress.show(`${job} is ${report.state}, ${durationText(Date.now() - begunAt)}`)
      await cli.sleep(LOOK_MS, interrupts.first)
    }
  } catch (err) {
    if (!interrupts.first.aborted) throw err
    progress.clear()
    note(cli, `the run goes on; to end it: ${sameHome(cli, `kith jobs cancel ${id}`)}`)
    cli.exitCode = EXIT.interrupted
    return undefined
  } finally {
    progress.clear()
    interrupts.release()
  }
}
