import { Command } from 'commander'
import type { KeyReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'
import { withKeys } from './reach.ts'

/** Most events of a key log (PROTOCOL.md). */
const MAX_EVENTS = 64

/** `kith key show`: this node's keys. Works whether it runs or not. */
export function showCommand(cli: CliContext): Command {
  return new Command('show')
    .description('show which key this node speaks with, and where the key is that rotates it')
    .option('--json', 'print one JSON object')
    .action(async ({ json }: { json?: true }) => {
      const report = await withKeys(cli, (keys) => keys.call('key', {}))
      if (json === true) printJson(cli, report)
      else print(cli, keyTable(report))
    })
}

function keyTable(report: KeyReport): string {
  const { graceEndsAt, id, key, log, rotationKey, waiting, windowHours, words } = report
  const last = log.at(-1)
  return table([
    ['id', id],
    ['words', words.join(' ')],
    ['peer id', key ?? 'none: this node is retired'],
    ...(last === undefined ? [] : [['since', timeText(last.at)]]),
    ...(graceEndsAt === undefined
      ? []
      : [['key before', `may announce this one until ${timeText(graceEndsAt)}`]]),
    ['rotation key', rotationKey === 'here' ? 'on this host' : 'off this host'],
    ...(waiting === undefined
      ? []
      : [['waits', `rotation ${waiting.sn} (${waiting.words.join(' ')}) for its rotation key`]]),
    ['recovery', `within ${windowHours} h, at each peer, of what a thief does`],
    ['events', `${log.length} of ${MAX_EVENTS}`],
  ])
}
