import { Command } from 'commander'
import type { FeedReport, ItemReport } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import { sameHome } from '../../context.ts'
import type { CliContext } from '../../context.ts'
import { note, print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

/** As much of an id as tells items apart. */
const SHORT_ID_CHARS = 12

interface FeedOptions {
  quarantined?: true
  release?: string
  discard?: string
  json?: true
}

/** `kith jobs feed NAME`: what a job was given from its folder, and what waits. */
export function feedCommand(cli: CliContext): Command {
  return new Command('feed')
    .description('show what a job was given from its folder, and what waits')
    .argument('<name>', 'name of the job')
    .option('--quarantined', 'only the items that were set aside, each with its reason')
    .option('--release <item>', 'give an item that was set aside its chances again, or all')
    .option('--discard <item>', 'give up an item that was set aside, or all')
    .option('--json', 'print one JSON object, or an array of the items that were changed')
    .action(async (name: string, options: FeedOptions) => {
      await feed(cli, name, options)
    })
}

export async function feed(cli: CliContext, job: string, options: FeedOptions): Promise<void> {
  const { discard, json, quarantined, release } = options
  if (release !== undefined && discard !== undefined) {
    const what = '--release and --discard do not go together'
    throw new KithError('usage', what, { what })
  }
  if (release !== undefined) await settle(cli, job, 'release', release, json)
  else if (discard !== undefined) await settle(cli, job, 'discard', discard, json)
  else {
    const report = await cli.client.call('feed', { job })
    const shown = quarantined === true ? onlyAside(report) : report
    if (json === true) printJson(cli, shown)
    else if (quarantined === true) printAside(cli, shown)
    else printFeed(cli, shown)
  }
}

async function settle(
  cli: CliContext,
  job: string,
  op: 'release' | 'discard',
  item: string,
  json: true | undefined,
): Promise<void> {
  const items = await cli.client.call('settleItems', { job, op, item: item.toLowerCase() })
  if (json === true) {
    printJson(cli, items)
    return
  }
  if (items.length === 0) print(cli, 'nothing was set aside')
  for (const { name } of items) {
    print(cli, table([[op === 'release' ? 'waits again:' : 'given up:', name]]))
  }
  if (op === 'release' && items.length > 0) {
    note(cli, `to run it now: ${sameHome(cli, `kith jobs run ${job}`)}`)
  }
}

function printFeed(cli: CliContext, report: FeedReport): void {
  const { accept, behind, counts, folder, full, items, job, left, leftTold, lookedAt } = report
  const rows = [
    ['folder', folder],
    ['takes', accept.join(' ')],
    ['looked at', lookedAt === undefined ? 'never' : timeText(lookedAt)],
    [
      'items',
      Object.entries(counts)
        .flatMap(([state, count]) => (count === 0 ? [] : [`${count} ${state}`]))
        .join(', ') || 'none',
    ],
    ...(behind === 0 ? [] : [['left for later', `${behind} files`]]),
    ...(full === undefined ? [] : [['full', full]]),
  ]
  print(cli, table(rows))
  if (items.length > 0) print(cli, `\n${itemsTable(items)}`)
  if (left > 0)
    print(
      cli,
      `\n${table([['NOT TAKEN', 'WHY'], ...leftTold.map(({ name, why }) => [name, why])])}`,
    )
  if (left > leftTold.length) note(cli, `and ${left - leftTold.length} more files are not taken`)
  if (counts.quarantined > 0) tellHow(cli, job)
}

function printAside(cli: CliContext, { items, job }: FeedReport): void {
  if (items.length === 0) {
    print(cli, 'nothing was set aside')
    return
  }
  print(cli, itemsTable(items))
  tellHow(cli, job)
}

function tellHow(cli: CliContext, job: string): void {
  const command = sameHome(cli, `kith jobs feed ${job}`)
  note(cli, `to have one tried again: ${command} --release ITEM; to give it up: --discard ITEM`)
}

function onlyAside(report: FeedReport): FeedReport {
  return { ...report, items: report.items.filter(({ state }) => state === 'quarantined') }
}

function itemsTable(items: readonly ItemReport[]): string {
  const rows = items.map(({ failure, failures, item, name, state, takenAt }) => [
    item.slice(0, SHORT_ID_CHARS),
    state,
    timeText(takenAt),
    String(failures),
    name,
    failure === undefined ? '' : `${failure.code}: ${failure.why}`,
  ])
  return table([['ITEM', 'STATE', 'TAKEN', 'FAILED', 'NAME', 'LAST FAILURE'], ...rows])
}
