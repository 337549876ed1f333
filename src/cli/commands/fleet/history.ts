import { Command } from 'commander'
import type { FleetSample } from '../../../node/control/api.ts'
import { singleLine } from '../../../protocol/text.ts'
import type { CliContext } from '../../context.ts'
import { positiveInteger } from '../../options.ts'
import { paint, print, printJson, table } from '../../terminal.ts'
import { durationText, timeText } from '../../time-text.ts'
import { STATE_STYLE } from './fleet-text.ts'

const MAX_WHY_CHARS = 160

/** `kith fleet history NAME`: how a peer was, the newest first. */
export function historyCommand(cli: CliContext): Command {
  return new Command('history')
    .description('show how a peer was, the newest first')
    .argument('<name>', 'name of the peer')
    .option('-n, --limit <n>', 'how many samples at most', positiveInteger, 50)
    .option('--json', 'print one JSON object')
    .action(async (name: string, options: { limit: number; json?: true }) => {
      await history(cli, name, options)
    })
}

export async function history(
  cli: CliContext,
  name: string,
  { json, limit }: { limit: number; json?: true },
): Promise<void> {
  const report = await cli.client.call('fleetHistory', { name, limit: Math.min(limit, 1_000) })
  if (json === true) {
    printJson(cli, report)
    return
  }
  const { samples } = report
  if (samples.length === 0) {
    print(cli, `nothing is known of ${name} yet: kith fleet`)
    return
  }
  const rows = [['WHEN', 'STATE', 'VERSION', 'ROUND TRIP', 'WHY'], ...samples.map(lineOf)]
  const painted = (cell: string, row: number, column: number): string => {
    const state = samples[row - 1]?.state
    return state === undefined || column !== 1 ? cell : paint(cli, STATE_STYLE[state], cell)
  }
  print(cli, table(rows, painted))
}

function lineOf({ at, reasons, rttMs, software, state }: FleetSample): string[] {
  return [
    timeText(at),
    state,
    software?.replace(/^kith\//, '') ?? '-',
    rttMs === undefined ? '-' : durationText(rttMs),
    singleLine(reasons.join('; '), MAX_WHY_CHARS) || '-',
  ]
}
