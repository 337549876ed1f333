import { Command } from 'commander'
import type { InviteReport, JoinReport, PairingsReport } from '../../../node/control/api.ts'
import { sameHome } from '../../context.ts'
import type { CliContext } from '../../context.ts'
import { note, print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

/** `kith invites list`: invites made here and redeemed here, with the words to compare. */
export function listCommand(cli: CliContext): Command {
  return new Command('list')
    .description('show invites made here or redeemed here, and the words to compare')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: true }) => {
      await listInvites(cli, options)
    })
}

export async function listInvites(cli: CliContext, { json }: { json?: true }): Promise<void> {
  const report = await cli.client.call('invites', {})
  if (json === true) {
    printJson(cli, report)
    return
  }
  print(cli, pairingsTable(report) ?? 'no invites: kith invite NAME')
  const names = toCompare(report)
  const [name = ''] = names
  if (names.length === 0) return
  note(cli, `both sides see the same four words, if nobody is in between; once compared:`)
  note(cli, sameHome(cli, `kith peers confirm ${name}`))
}

/** One line for each, or undefined when there is none. */
export function pairingsTable({ invites, joins }: PairingsReport): string | undefined {
  const rows = [...invites.map(inviteRow), ...joins.map(joinRow)]
  if (rows.length === 0) return undefined
  return table([['NAME', 'INVITE', 'STATE', 'WHEN', 'WORDS', 'NODE OR ID OF THE INVITE'], ...rows])
}

/** Peers that came by a link, and whose words nobody has compared. */
export function toCompare({ invites, joins }: PairingsReport): string[] {
  const open = [...invites, ...joins].filter(({ confirmed }) => confirmed === 'link')
  return [...new Set(open.flatMap(({ peer }) => peer ?? []))]
}

function inviteRow({ expiresAt, invite, name, peer, state, used }: InviteReport): string[] {
  if (used === undefined) {
    return [name, 'made here', state, `until ${timeText(expiresAt)}`, '-', invite]
  }
  return [peer ?? name, 'made here', state, timeText(used.at), used.words.join(' '), used.by]
}

function joinRow({ id, lastError, name, paired, peer, state, until }: JoinReport): string[] {
  const words = paired === undefined ? '-' : paired.words.join(' ')
  const when = paired === undefined ? `until ${timeText(until)}` : timeText(paired.at)
  const failed = state === 'paired' || lastError === undefined ? '' : `, ${lastError}`
  return [peer ?? name, 'redeemed here', state, when, words, `${id}${failed}`]
}
