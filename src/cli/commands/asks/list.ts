import { Command } from 'commander'
import type { AskReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { positiveInteger } from '../../options.ts'
import { shortIds } from '../../short-id.ts'
import { note, print, printJson, table } from '../../terminal.ts'
import { durationText, timeText } from '../../time-text.ts'

interface ListOptions {
  limit: number
  json?: true
}

/** `kith asks list`: the latest asks, the newest first. */
export function listCommand(cli: CliContext): Command {
  return new Command('list')
    .description('show the latest asks, the newest first')
    .option('--limit <n>', 'how many at most', positiveInteger, 20)
    .option('--json', 'print one JSON array')
    .action(async (options: ListOptions) => {
      await listAsks(cli, options)
    })
}

export async function listAsks(cli: CliContext, { json, limit }: ListOptions): Promise<void> {
  const all = await cli.client.call('asks', {})
  const asks = all.sort((a, b) => b.receivedAt - a.receivedAt).slice(0, limit)
  if (json === true) {
    printJson(cli, asks)
    return
  }
  if (asks.length === 0) print(cli, 'no asks')
  else print(cli, tableOf(asks))
  if (all.length > limit) note(cli, `${all.length - limit} more: --limit ${all.length}`)
}

function tableOf(asks: readonly AskReport[]): string {
  const short = shortIds(asks.map(({ ask }) => ask))
  const rows = asks.map((report) => [short(report.ask), ...cells(report)])
  return table([['ASK', 'WHEN', 'WHO', 'STATE', 'TOOK'], ...rows])
}

function cells(report: AskReport): string[] {
  const { finalAt, receivedAt } = report
  const took = finalAt === undefined ? '-' : durationText(finalAt - receivedAt)
  return [timeText(receivedAt), whoText(report), stateText(report), took]
}

/** `from bob` or `to bob`. */
export function whoText({ direction, peer }: AskReport): string {
  return `${direction === 'in' ? 'from' : 'to'} ${peer}`
}

/** The state of an ask, and the code of a failure. */
export function stateText({ final, state }: AskReport): string {
  if (final?.outcome !== 'failed' || final.code === state) return state
  return `${state} (${final.code})`
}
