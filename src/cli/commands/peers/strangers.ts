import { Command } from 'commander'
import type { StrangersReport } from '../../../node/control/api.ts'
import type { GrantName } from '../../../protocol/pin.ts'
import { sameHome } from '../../context.ts'
import { assertPerson } from '../../assert-person.ts'
import type { CliContext } from '../../context.ts'
import { note, print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'
import { collectGrants, GRANTS_TEXT } from './grants.ts'

interface JsonOption {
  json?: true
}

/** `kith peers pending`: keys that called and that nobody has decided on. */
export function pendingCommand(cli: CliContext): Command {
  return new Command('pending')
    .description('show who has called without being pinned')
    .option('--all', 'show those that were denied or blocked too')
    .option('--json', 'print one JSON object')
    .action(async ({ all, json }: JsonOption & { all?: true }) => {
      const report = await cli.client.call('strangers', {})
      if (json === true) {
        printJson(cli, report)
        return
      }
      const rows = rowsOf(report, all === true)
      if (rows.length === 0) print(cli, 'nobody waits')
      else print(cli, table([['WHO', 'STATE', 'FROM', 'CALLS', 'FIRST', 'LAST'], ...rows]))
      if (report.pending.length === 0) return
      const accept = sameHome(cli, 'kith peers accept KEY NAME --allow ping,ask')
      note(cli, `to let one in: ${accept}; else deny KEY, or block KEY`)
    })
}

/** `kith peers accept KEY NAME`: pins a key that has called. */
export function acceptCommand(cli: CliContext): Command {
  return new Command('accept')
    .description('pin a key that has called')
    .argument('<key>', 'as kith peers pending has it')
    .argument('<name>', 'your own name for it, never sent')
    .option(
      '--allow <grants>',
      `what it may do: ${GRANTS_TEXT}; with commas, or given again`,
      collectGrants,
    )
    .option('--json', 'print the peer as one JSON object')
    .action(
      async (key: string, name: string, { allow, json }: JsonOption & { allow?: GrantName[] }) => {
        assertPerson(cli, 'kith peers accept')
        const grants = allow === undefined ? {} : { allow }
        const peer = await cli.client.call('acceptStranger', { key, name, ...grants })
        if (json === true) {
          printJson(cli, peer)
          return
        }
        print(cli, `${name} is pinned, and may ${peer.allow.join(', ') || 'do nothing'}`)
        note(cli, 'it gets in when it calls next; its node does by itself, within ten minutes')
      },
    )
}

/** `kith peers block KEY|ID` */
export function blockCommand(cli: CliContext): Command {
  return new Command('block')
    .description('have nothing to do with a key or a node: it is not listed, and cannot be pinned')
    .argument('<who>', 'its key, or its node id')
    .option('--json', 'print one JSON object')
    .action(async (who: string, { json }: JsonOption) => {
      const blocked = await cli.client.call('block', { who })
      if (json === true) printJson(cli, blocked)
      else print(cli, `${blocked.who} is blocked`)
    })
}

/** `kith peers unblock KEY|ID` */
export function unblockCommand(cli: CliContext): Command {
  return new Command('unblock')
    .description('end a block: it is a stranger like any other again')
    .argument('<who>', 'its key, or its node id')
    .option('--json', 'print one JSON object')
    .action(async (who: string, { json }: JsonOption) => {
      const unblocked = await cli.client.call('unblock', { who })
      if (json === true) printJson(cli, unblocked)
      else print(cli, `${unblocked.who} is no longer blocked`)
    })
}

/** Refuses a key that has called, so that it is not listed again. */
export async function denyStranger(cli: CliContext, text: string, json?: true): Promise<void> {
  const denied = await cli.client.call('denyStranger', { key: text })
  if (json === true) printJson(cli, denied)
  else print(cli, `${denied.key} is not listed any more`)
}

function rowsOf({ blocked, denied, pending }: StrangersReport, all: boolean): string[][] {
  const waiting = pending.map(({ address, count, firstAt, key, lastAt }) => [
    key,
    'waiting',
    address,
    String(count),
    timeText(firstAt),
    timeText(lastAt),
  ])
  if (!all) return waiting
  const decided = (who: string, state: string, at: number): string[] => {
    return [who, state, '-', '-', '-', timeText(at)]
  }
  return [
    ...waiting,
    ...denied.map(({ at, key }) => decided(key, 'denied', at)),
    ...blocked.map(({ at, who }) => decided(who, 'blocked', at)),
  ]
}
