import { Command } from 'commander'
import type { AlertReport } from '../../../node/control/api.ts'
import { singleLine } from '../../../protocol/text.ts'
import type { CliContext } from '../../context.ts'
import { sameHome } from '../../context.ts'
import { note, paint, print, printJson } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

/** Longest line of an alert, in code points: the node cuts its texts shorter. */
const MAX_LINE_CHARS = 512

interface ListOptions {
  all?: true
  json?: true
}

/** `kith alerts list`: open alerts, the newest first. */
export function listCommand(cli: CliContext): Command {
  return new Command('list')
    .description('show open alerts, the newest first')
    .option('--all', 'show those that were acknowledged too')
    .option('--json', 'print one JSON array')
    .action(async (options: ListOptions) => {
      await listAlerts(cli, options)
    })
}

export async function listAlerts(cli: CliContext, { all, json }: ListOptions): Promise<void> {
  const kept = await cli.client.call('alerts', {})
  const shown = kept.filter(({ seenAt }) => all === true || seenAt === undefined).reverse()
  if (json === true) {
    printJson(cli, shown)
    return
  }
  if (shown.length === 0) print(cli, all === true ? 'no alerts' : 'no open alerts')
  for (const alert of shown) printAlert(cli, alert)
  if (shown.some(({ seenAt }) => seenAt === undefined)) {
    note(cli, `once you know: ${sameHome(cli, 'kith alerts ack ID, or --all')}`)
  }
}

function printAlert(cli: CliContext, alert: AlertReport): void {
  const { at, count, hint, id, kind, lastAt, seenAt, what } = alert
  const times = count === 1 ? '' : `, ${count} times, last ${timeText(lastAt)}`
  const sent = deliveryText(alert)
  const seen = seenAt === undefined ? '' : `, acknowledged ${timeText(seenAt)}`
  print(cli, `${paint(cli, 'bold', line(kind))}  ${timeText(at)}${times}${seen}`)
  print(cli, `    ${line(what)}`)
  if (sent !== undefined) print(cli, `    ${paint(cli, 'yellow', 'undelivered:')} ${line(sent)}`)
  if (seenAt === undefined) print(cli, `    try: ${line(sameHome(cli, hint))}`)
  print(cli, `    id: ${line(id)}`)
}

/** Why the webhook does not have it, as long as it has not. */
function deliveryText({ delivery }: AlertReport): string | undefined {
  if (delivery === undefined || delivery.state === 'done') return undefined
  const { nextAt, state, tries, why = 'it was not tried yet' } = delivery
  if (state === 'dead') return `${why}; given up after ${tries} tries`
  const next = nextAt === undefined || tries === 0 ? '' : `, next ${timeText(nextAt)}`
  return `${why} (${tries} ${tries === 1 ? 'try' : 'tries'}${next})`
}

function line(text: string): string {
  return singleLine(text, MAX_LINE_CHARS)
}
