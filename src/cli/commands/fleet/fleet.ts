import { Command, InvalidArgumentError } from 'commander'
import type { FleetReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import type { ExitCode } from '../../exit-codes.ts'
import { print, printJson } from '../../terminal.ts'
import { fleetText } from './fleet-text.ts'
import { historyCommand } from './history.ts'
import { Board } from './board.ts'

interface FleetOptions {
  watch?: true
  /** In ms. */
  timeout?: number
  json?: true
}

/** What a look at the fleet ends with: codes of its own, for scripts that watch it. */
export const FLEET_EXIT: Readonly<Record<FleetReport['state'], ExitCode>> = {
  green: 0,
  yellow: 1,
  unreachable: 2,
  red: 3,
  offline: 4,
}

/** `kith fleet …`: how all pinned peers are, and how they were. */
export function fleetCommand(cli: CliContext): Command {
  const fleets = new Command('fleet')
    .description('how all your peers are, and how they were')
    .addHelpText(
      'after',
      '\n`kith fleet` is `kith fleet show`, and takes its options: --watch, --timeout, --json.',
    )
  fleets.addCommand(showCommand(cli), { isDefault: true })
  fleets.addCommand(historyCommand(cli))
  return fleets
}

/** `kith fleet [show]`: all peers, asked at once. Exits with the worst of them, see `FLEET_EXIT`. */
function showCommand(cli: CliContext): Command {
  return new Command('show')
    .description('show how all your peers are, asked at once; exits 0 when all are green')
    .option('--watch', 'show it again whenever it changes, until Ctrl-C')
    .option('--timeout <ms>', 'longest wait for a peer, 100 to 60000', timeout)
    .option('--json', 'print one JSON object; with --watch, one for each change')
    .action(async (options: FleetOptions) => {
      await (options.watch === true ? watchFleet(cli, options) : fleet(cli, options))
    })
}

export async function fleet(cli: CliContext, options: FleetOptions): Promise<void> {
  const report = await look(cli, options)
  if (options.json === true) printJson(cli, report)
  else print(cli, fleetText(cli, report))
  cli.exitCode = FLEET_EXIT[report.state]
}

/** Asks all once, then shows what the node tells of by itself. */
async function watchFleet(cli: CliContext, options: FleetOptions): Promise<void> {
  const interrupts = cli.interrupts()
  const board = new Board(cli)
  const show = (report: FleetReport): void => {
    if (options.json === true) printJson(cli, report)
    else board.show(fleetText(cli, report))
  }
  try {
    await look(cli, options, interrupts.first)
    for await (const report of cli.client.fleetEvents({}, interrupts.first)) show(report)
  } catch (err) {
    if (!interrupts.first.aborted) throw err
  } finally {
    board.close()
    interrupts.release()
  }
  if (interrupts.first.aborted) cli.exitCode = EXIT.interrupted
}

async function look(
  cli: CliContext,
  { timeout: timeoutMs }: FleetOptions,
  signal?: AbortSignal,
): Promise<FleetReport> {
  const limit = timeoutMs === undefined ? {} : { timeoutMs }
  return await cli.client.call('fleet', { fresh: true, ...limit }, signal)
}

function timeout(text: string): number {
  const ms = Number(text)
  if (/^\d{3,5}$/.test(text) && ms >= 100 && ms <= 60_000) return ms
  throw new InvalidArgumentError('It is a whole number from 100 to 60000.')
}
