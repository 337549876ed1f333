import { Command } from 'commander'
import type { DigestReport } from '../../node/control/api.ts'
import { singleLine } from '../../protocol/text.ts'
import type { CliContext } from '../context.ts'
import { sameHome } from '../context.ts'
import { usdText } from '../money-text.ts'
import { since } from '../options.ts'
import { paint, print, printJson } from '../terminal.ts'
import { durationText, timeText } from '../time-text.ts'

interface DigestOptions {
  since?: number
  json?: true
}

const WEEK_MS = 7 * 86_400_000

const MAX_LINE_CHARS = 512

/** `kith digest`: what needs attention, and what has happened. No model is asked, nothing is written. */
export function digestCommand(cli: CliContext): Command {
  return new Command('digest')
    .description('show what needs your attention, and what has happened')
    .option('--since <when>', 'from then on: 24h, 7d, a date or a time (7d)', since)
    .option('--json', 'print one JSON object')
    .action(async (options: DigestOptions) => {
      await digest(cli, options)
    })
}

export async function digest(cli: CliContext, options: DigestOptions): Promise<void> {
  const from = options.since ?? Date.now() - WEEK_MS
  const report = await cli.client.call('digest', { since: from })
  if (options.json === true) {
    printJson(cli, report)
    return
  }
  tell(cli, report)
}

function tell(cli: CliContext, report: DigestReport): void {
  const { alerts, attention, compactions, cost, denials, gone, runs } = report
  section(cli, 'needs attention', [
    ...attention.flatMap(({ hint, state, what }) => [
      `${paint(cli, state === 'fail' ? 'red' : 'yellow', state)}  ${line(what)}`,
      ...(hint === undefined ? [] : [`      try: ${line(sameHome(cli, hint))}`]),
    ]),
    ...gone.map(({ lastAt, peer }) => {
      const last = lastAt === undefined ? 'never seen' : `last well ${timeText(lastAt)}`
      return `${paint(cli, 'yellow', 'gone')}  ${peer}: ${last}`
    }),
  ])
  section(
    cli,
    'open alerts',
    alerts.map(({ at, kind, what }) => `${timeText(at)}  ${kind}  ${line(what)}`),
  )
  const outcomes = Object.entries(runs.byOutcome).map(([state, count]) => `${count} ${state}`)
  section(cli, 'runs of jobs', [
    ...(outcomes.length === 0 ? [] : [outcomes.join(', ')]),
    ...runs.slowest.map(({ job, ms, run }) => `${durationText(ms)}  ${job}  ${run}`),
  ])
  section(
    cli,
    'refused',
    denials.map(({ calls, peer }) => `${calls} calls of ${line(peer)}`),
  )
  section(cli, 'used', [
    `${usdText(cost.microUsd)} for ${cost.calls} calls, ${cost.tokens} tokens; ${compactions} compactions`,
  ])
}

function section(cli: CliContext, title: string, lines: readonly string[]): void {
  print(cli, paint(cli, 'bold', title))
  for (const text of lines.length === 0 ? ['nothing'] : lines) print(cli, `  ${text}`)
}

function line(text: string): string {
  return singleLine(text, MAX_LINE_CHARS)
}
