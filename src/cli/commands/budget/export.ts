import { Command, InvalidArgumentError } from 'commander'
import type { CostRecordReport, CostSumReport } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import { singleLine } from '../../../protocol/text.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { usdText } from '../../money-text.ts'
import { note, print, printJson } from '../../terminal.ts'

const COLUMNS = [
  'seq',
  'at',
  'day',
  'ask',
  'asker',
  'session',
  'job',
  'model',
  'inputTokens',
  'outputTokens',
  'microUsd',
  'estimated',
  'hash',
] as const

interface ExportOptions {
  from?: string
  to?: string
  json?: true
}

/** `kith budget export`: every cost record of some days, as CSV. Exits 1 if they do not add up to the ledger. */
export function exportCommand(cli: CliContext): Command {
  return new Command('export')
    .description('print every cost record of some days as CSV, money in millionths of a US dollar')
    .option('--from <date>', 'first day, such as 2026-11-01', date)
    .option('--to <date>', 'last day', date)
    .option('--json', 'print one JSON object a line, the last of them with the sums')
    .action(async (options: ExportOptions) => {
      await exportCosts(cli, options)
    })
}

export async function exportCosts(
  cli: CliContext,
  { from, json, to }: ExportOptions,
): Promise<void> {
  const days = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }
  let sum: CostSumReport | undefined
  let begun = false
  for await (const item of cli.client.costs(days)) {
    if (json === true) printJson(cli, item)
    else if (!begun) print(cli, COLUMNS.join(','))
    begun = true
    if (item.type === 'sum') sum = item
    else if (json !== true) print(cli, csv(item))
  }
  if (sum === undefined) {
    throw new KithError('stopping', 'the node went away before it had given every record', {})
  }
  if (json !== true) note(cli, sumText(sum))
  if (!sum.complete) cli.exitCode = EXIT.failed
}

function sumText({ complete, ledger, records }: CostSumReport): string {
  const { calls, microUsd, tokens } = records
  const text = `${calls} records: ${usdText(microUsd)}, ${tokens} tokens`
  if (complete) return `${text}, as in the ledger`
  const all = `${ledger.calls} calls, ${usdText(ledger.microUsd)}, ${ledger.tokens} tokens`
  return `${text}; the ledger has ${all}: older records are no longer kept`
}

/** One line of CSV (RFC 4180). */
function csv(record: CostRecordReport): string {
  const at = new Date(record.at).toISOString()
  return COLUMNS.map((column) => {
    const text = singleLine(String((column === 'at' ? at : record[column]) ?? ''), Infinity)
    return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }).join(',')
}

function date(text: string): string {
  const at = Date.parse(`${text}T00:00:00Z`)
  const real = !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)
  if (/^\d{4}-\d\d-\d\d$/.test(text) && real) return text
  throw new InvalidArgumentError('It is a date: 2026-11-21.')
}
