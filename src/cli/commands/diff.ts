import { Command } from 'commander'
import type { DiffReport } from '../../node/control/api.ts'
import { singleLine } from '../../protocol/text.ts'
import type { CliContext } from '../context.ts'
import { usdText } from '../money-text.ts'
import { onlineOrRecords } from '../online-or-offline.ts'
import { since } from '../options.ts'
import { note, paint, print, printJson } from '../terminal.ts'
import { timeText } from '../time-text.ts'

interface DiffOptions {
  since?: number
  json?: true
}

const DAY_MS = 86_400_000

const MAX_LINE_CHARS = 512

/** `kith diff`: what is set up differently than it was, and what was done since. Changes nothing. */
export function diffCommand(cli: CliContext): Command {
  return new Command('diff')
    .description('show what has changed: peers, rights, jobs, settings, notes and keys')
    .option('--since <when>', 'from then on: 1h, 24h, 7d, a date or a time (24h)', since)
    .option('--json', 'print one JSON object')
    .action(async (options: DiffOptions) => {
      await diff(cli, options)
    })
}

export async function diff(cli: CliContext, options: DiffOptions): Promise<void> {
  const now = Date.now()
  const from = options.since ?? now - DAY_MS
  const report = await onlineOrRecords(
    cli,
    (client) => client.call('diff', { since: from }),
    (records) => records.diffOffline(cli.home, from, now),
  )
  if (options.json === true) {
    printJson(cli, report)
    return
  }
  tell(cli, report)
}

function tell(cli: CliContext, { activity, changes, comparedWith, since: from }: DiffReport): void {
  if (comparedWith === undefined) note(cli, 'how the node was set up then was not kept')
  else if (comparedWith > from) note(cli, `what was before ${timeText(comparedWith)} was not kept`)
  print(cli, paint(cli, 'bold', `since ${timeText(from)}`))
  if (changes.length === 0) print(cli, '  nothing is set up differently')
  for (const { what } of changes) print(cli, `  ${singleLine(what, MAX_LINE_CHARS)}`)
  const { asked, compactions, cost, runs, sessions } = activity
  print(cli, paint(cli, 'bold', 'done'))
  print(
    cli,
    `  asks: ${asked.in} here, ${asked.out} sent to peers; ${sessions} sessions, ${compactions} compactions`,
  )
  print(cli, `  runs of jobs: ${runs.ended} ended, ${runs.failed} of them failed`)
  const unpriced = cost.unpriced === 0 ? '' : `, and ${cost.unpriced} calls without a price`
  print(
    cli,
    `  spent: ${usdText(cost.microUsd)} for ${cost.calls} calls, ${cost.tokens} tokens${unpriced}`,
  )
}
