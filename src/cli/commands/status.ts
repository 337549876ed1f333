import { Command } from 'commander'
import type { StatusReport } from '../../node/control/api.ts'
import { terminalSafe } from '../../protocol/text.ts'
import type { CliContext } from '../context.ts'
import { sameHome } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { paint, print, printJson, table } from '../terminal.ts'
import { durationText, timeText } from '../time-text.ts'
import { pairingsTable } from './invites/list.ts'
import { peersTable } from './peers/report.ts'

const HEALTH_STYLE = { healthy: 'green', degraded: 'yellow', unhealthy: 'red' } as const

/** `kith status`: how the running node is, what is wrong first. Exits 1 when it is unhealthy. */
export function statusCommand(cli: CliContext): Command {
  return new Command('status')
    .description('show how the running node is: problems, peers and asks')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: true }) => {
      await status(cli, options)
    })
}

export async function status(cli: CliContext, { json }: { json?: true }): Promise<void> {
  const report = await cli.client.call('status', {})
  if (report.health === 'unhealthy') cli.exitCode = EXIT.failed
  if (json === true) {
    printJson(cli, report)
    return
  }
  for (const { hint, what } of report.problems) {
    print(cli, `${paint(cli, 'yellow', 'problem:')} ${terminalSafe(what)}`)
    if (hint !== undefined) print(cli, `    try: ${terminalSafe(sameHome(cli, hint))}`)
  }
  if (report.problems.length > 0) print(cli, '')
  const health = paint(cli, HEALTH_STYLE[report.health], report.health)
  print(cli, `${report.name ?? 'this node'} is ${health}, up ${durationText(report.uptimeMs)}\n`)
  print(cli, nodeTable(report))
  const peers =
    report.peers.length === 0 ? 'no peers: kith invite NAME' : peersTable(report.peers, Date.now())
  print(cli, `\n${peers}`)
  const pairings = pairingsTable(report.pairings)
  if (pairings !== undefined) print(cli, `\n${pairings}`)
}

function nodeTable(report: StatusReport): string {
  const { asks, engine, home, id, key, listening, lobby, pid, software, startedAt, words } = report
  return table([
    ['id', id],
    ['words', words.join(' ')],
    ['peer id', key],
    ...listening.map((address, index) => [index === 0 ? 'listening' : '', address]),
    ['process', `${pid} since ${timeText(startedAt)}, ${software}`],
    ['home', home],
    ['engine', engine],
    ['asks', `${asks.running} running, ${asks.queued} queued, ${asks.out} on their way to peers`],
    ['jobs', jobsText(report.jobs)],
    ['lobby', lobby],
  ])
}

function jobsText({ nextAt, on, queued, running }: StatusReport['jobs']): string {
  if (on + queued + running === 0) return 'none are on'
  const next = nextAt === undefined ? '' : `, next ${timeText(nextAt)}`
  return `${on} on, ${running} running, ${queued} waiting${next}`
}
