import { Command } from 'commander'
import type { ApprovalReport } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import { terminalSafe } from '../../../protocol/text.ts'
import { sameHome } from '../../context.ts'
import type { CliContext } from '../../context.ts'
import { note, print, printJson, table } from '../../terminal.ts'
import { durationText, timeText } from '../../time-text.ts'

interface ListOptions {
  all?: true
  at?: string
  json?: true
}

/** `kith approvals [list]`: what waits, the oldest first. */
export function listCommand(cli: CliContext): Command {
  return new Command('list')
    .description('show what waits for you, the oldest first')
    .option('--all', 'show what was decided too')
    .option('--at <peer>', 'what waits at that node, where this one may answer')
    .option('--json', 'print one JSON array')
    .action(async (options: ListOptions) => {
      await listApprovals(cli, options)
    })
}

/** `kith approvals show ID` */
export function showCommand(cli: CliContext): Command {
  return new Command('show')
    .description('show all that is known of one')
    .argument('<id>', 'its id')
    .option('--json', 'print one JSON object')
    .action(async (approval: string, { json }: { json?: true }) => {
      const report = await cli.client.call('showApproval', { approval })
      if (json === true) printJson(cli, report)
      else print(cli, approvalTable(report))
      if (report.details !== undefined && json !== true)
        print(cli, `\n${terminalSafe(report.details)}`)
      if (report.state === 'open' && json !== true) tellHow(cli, '')
    })
}

export async function listApprovals(
  cli: CliContext,
  { all, at: peer, json }: ListOptions,
): Promise<void> {
  if (all === true && peer !== undefined) {
    const what = 'a peer tells of what is open, and of no more: leave --all out'
    throw new KithError('usage', what, { what })
  }
  const shown = await cli.client.call('approvals', {
    ...(all === true ? { which: 'all' } : {}),
    ...(peer === undefined ? {} : { peer }),
  })
  if (json === true) {
    printJson(cli, shown)
    return
  }
  if (shown.length === 0) {
    print(cli, all === true ? 'no approvals' : 'nothing waits for you')
    return
  }
  const rows = shown.map((report) => row(report, Date.now()))
  print(cli, table([['ID', 'FOR', 'STATE', 'TOOL', 'WHAT'], ...rows]))
  if (shown.some(({ state }) => state === 'open')) {
    tellHow(cli, peer === undefined ? '' : ` --at ${peer}`)
  }
}

function tellHow(cli: CliContext, where: string): void {
  note(cli, `to let one run: ${sameHome(cli, `kith approvals grant ID${where}`)}; else deny ID`)
}

function row(report: ApprovalReport, now: number): string[] {
  const { approval, expiresAt, state, tool, what } = report
  const standing = state === 'open' ? `${durationText(expiresAt - now)} left` : stateText(report)
  return [approval, whoseText(report), standing, tool, what]
}

function approvalTable(report: ApprovalReport): string {
  const { approval, ask, closedAt, expiresAt, openedAt, session, tool, what } = report
  return table([
    ['id', approval],
    ['state', stateText(report)],
    ['for', whoseText(report)],
    ['what', what],
    ['tool', `${tool}, which is one of ${report.class}`],
    ['ask', ask],
    ...(session === undefined ? [] : [['session', session]]),
    ['since', timeText(openedAt)],
    ...(closedAt === undefined
      ? [['until', `${timeText(expiresAt)}, then it counts as no`]]
      : [['closed', timeText(closedAt)]]),
  ])
}

/** `bert`, or `anna > bert` for what bert asks for anna. */
function whoseText({ asker, chain = [asker] }: ApprovalReport): string {
  return chain.join(' > ')
}

/** `granted always by self`, `denied by laptop`, `expired`. */
function stateText({ by, scope, state }: ApprovalReport): string {
  const which = scope === undefined || scope === 'once' ? '' : ` ${SCOPES[scope]}`
  return `${state}${which}${by === undefined ? '' : ` by ${by}`}`
}

const SCOPES = { session: 'for the session', always: 'always' } as const
