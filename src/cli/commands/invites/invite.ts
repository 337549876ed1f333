import { Command } from 'commander'
import type { GrantName } from '../../../protocol/pin.ts'
import { assertPerson } from '../../assert-person.ts'
import { sameHome } from '../../context.ts'
import type { CliContext } from '../../context.ts'
import { collect, seconds } from '../../options.ts'
import { note, print, printJson } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'
import { collectGrants, GRANTS_TEXT } from '../peers/grants.ts'

/** What a peer that came by a link may do, unless more or less is said. Its asks reach no tools. */
export const PAIRED_GRANTS: readonly GrantName[] = ['ping', 'ask']

const HOUR_SECONDS = 3_600

interface InviteOptions {
  allow?: GrantName[]
  ttl: number
  address?: string[]
  qr?: true
  json?: true
}

/** `kith invite NAME`: prints a link that pins this node and whoever redeems it first at each other. */
export function inviteCommand(cli: CliContext): Command {
  return new Command('invite')
    .description('make a link with which one other node and this one pin each other')
    .argument('<name>', 'your own name for who redeems it, never sent')
    .option(
      '--allow <grants>',
      `what it may do: ${GRANTS_TEXT}; with commas, or given again (default: ping,ask)`,
      collectGrants,
    )
    .option('--ttl <time>', 'how long it can be redeemed: 10m, 1h, 7d', seconds, HOUR_SECONDS)
    .option('--address <multiaddr>', 'where this node can be dialled, if it cannot know', collect)
    .option('--qr', 'show the link as a QR code too')
    .option('--json', 'print one JSON object')
    .action(async (name: string, options: InviteOptions) => {
      assertPerson(cli, 'kith invite')
      await invite(cli, name, options)
    })
}

export async function invite(
  cli: CliContext,
  name: string,
  { address, allow = [...PAIRED_GRANTS], json, qr, ttl }: InviteOptions,
): Promise<void> {
  const made = await cli.client.call('invite', {
    name,
    allow,
    ttlSeconds: ttl,
    ...(address === undefined ? {} : { addresses: address }),
  })
  if (json === true) {
    printJson(cli, made)
    return
  }
  print(cli, made.link)
  if (qr === true) {
    const { renderUnicodeCompact } = await import('uqr')
    print(cli, `\n${renderUnicodeCompact(made.link, { border: 2 })}`)
  }
  const may = made.allow.join(', ') || 'nothing'
  note(
    cli,
    `whoever redeems it first, until ${timeText(made.expiresAt)}, is ${name} and may ${may}`,
  )
  note(cli, `send it to ${name} alone, who types: kith join -, and pastes it`)
  note(cli, `then compare four words with ${name}: ${sameHome(cli, 'kith invites list')}`)
}
