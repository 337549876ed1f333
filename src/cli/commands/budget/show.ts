import { Command } from 'commander'
import type { BudgetReport, ScopeReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { usdText } from '../../money-text.ts'
import { print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

interface BudgetOptions {
  peer?: string
  json?: true
}

/** `kith budget [show]`: how far the caps of today are used, and by which model. */
export function showCommand(cli: CliContext): Command {
  return new Command('show')
    .description('show how far the caps of today are used, and what each model has cost')
    .option('--peer <name>', 'only that of this peer, or of self')
    .option('--json', 'print one JSON object')
    .action(async (options: BudgetOptions) => {
      await showBudget(cli, options)
    })
}

export async function showBudget(cli: CliContext, { json, peer }: BudgetOptions): Promise<void> {
  const report = await cli.client.call('budget', peer === undefined ? {} : { peer })
  if (json === true) printJson(cli, report)
  else print(cli, budgetText(report))
}

/** The tables of a budget. */
export function budgetText({ ask, day, models, scopes }: BudgetReport): string {
  const head = ['WHOSE DAY', 'OF', 'CAP', 'SPENT', 'RESERVED', 'LEFT', 'UNTIL']
  const parts = [`${day}\n${table([head, ...scopes.flatMap(rows)])}`]
  const most = [
    ...(ask.microUsd === undefined ? [] : [usdText(ask.microUsd)]),
    ...(ask.tokens === undefined ? [] : [`${ask.tokens} tokens`]),
  ]
  if (most.length > 0) parts.push(`any one ask: at most ${most.join(' and ')}`)
  if (models.length > 0) {
    const totals = models.map(({ calls, microUsd, model, tokens, unpriced }) => [
      model,
      usdText(microUsd),
      String(tokens),
      String(calls),
      unpriced === 0 ? '' : `${unpriced} of unknown price`,
    ])
    parts.push(table([['MODEL', 'SPENT', 'TOKENS', 'CALLS', ''], ...totals]))
  }
  return parts.join('\n\n')
}

/** A row for money, and one for tokens. */
function rows({ cap, left, reserved, resetAt, scope, spent, who }: ScopeReport): string[][] {
  const name = scope === 'job' ? `job ${who ?? ''}` : (who ?? 'this node')
  const money = [cap.microUsd, spent.microUsd, reserved.microUsd, left.microUsd].map((microUsd) =>
    microUsd === undefined ? '-' : usdText(microUsd),
  )
  const tokens = [cap.tokens, spent.tokens, reserved.tokens, left.tokens].map((count) =>
    count === undefined ? '-' : String(count),
  )
  return [
    [name, 'money', ...money, timeText(resetAt)],
    ['', 'tokens', ...tokens, ''],
  ]
}
