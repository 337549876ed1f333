import { Command } from 'commander'
import type { GrantName } from '../../../protocol/pin.ts'
import { sameHome } from '../../context.ts'
import { assertPerson } from '../../assert-person.ts'
import type { CliContext } from '../../context.ts'
import { onlineOrOffline } from '../../online-or-offline.ts'
import { note, print, printJson } from '../../terminal.ts'
import { collectGrants, GRANTS_TEXT } from './grants.ts'
import { editPeers, named } from './reach.ts'

interface AddOptions {
  allow?: GrantName[]
  json?: true
}

/** `kith peers add NAME ID`: pins a node. Says what the other side has to type. */
export function addCommand(cli: CliContext): Command {
  return new Command('add')
    .description('pin a node: from now on it is let in, and may do what is allowed')
    .argument('<name>', 'your own name for it, never sent')
    .argument('<id>', 'its node id (kith1…), or its key (12D3KooW…, 32 bytes in hex or base64)')
    .argument('[address...]', 'multiaddrs where it is dialled; without, it can only call')
    .option(
      '--allow <grants>',
      `what it may do: ${GRANTS_TEXT}; with commas, or given again`,
      collectGrants,
    )
    .option('--json', 'print the peer as one JSON object')
    .action(async (name: string, id: string, addresses: string[], options: AddOptions) => {
      assertPerson(cli, 'kith peers add')
      await addPeer(cli, { name, id, addresses }, options)
    })
}

export async function addPeer(
  cli: CliContext,
  { addresses, id, name }: { name: string; id: string; addresses: string[] },
  { allow = [], json }: AddOptions,
): Promise<void> {
  const who = id.startsWith('kith1') ? { id } : { key: id }
  const peers = await editPeers(cli, { op: 'add', peer: { name, ...who, addresses, allow } })
  const peer = named(peers, name)
  if (json === true) {
    printJson(cli, peer)
    return
  }
  const words = peer.words === undefined ? '' : ` (${peer.words.join(' ')})`
  print(cli, `${name} is pinned${words} and may ${peer.allow.join(', ') || 'do nothing'}`)
  if (peer.allow.length === 0)
    note(cli, `to let it in further: ${sameHome(cli, `kith peers allow ${name} ping ask`)}`)
  note(cli, `${name} has to pin this node too:\n  ${await invitation(cli)}`)
}

/** What the owner of the other node types to pin this one. */
async function invitation(cli: CliContext): Promise<string> {
  const { addresses, id, name } = await onlineOrOffline(
    cli,
    async (client) => {
      const { id, listening, name } = await client.call('status', {})
      return { id, addresses: listening, ...(name === undefined ? {} : { name }) }
    },
    (node) => node.describeNode(cli.home, cli.env),
  )
  return ['kith peers add', name ?? 'NAME', id, ...addresses, '--allow ping,ask'].join(' ')
}
