import { Command } from 'commander'
import type { Input, PeerReport } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import type { GrantName } from '../../../protocol/pin.ts'
import { assertPerson } from '../../assert-person.ts'
import type { CliContext } from '../../context.ts'
import { print, printJson } from '../../terminal.ts'
import { collectGrants, GRANTS_TEXT } from './grants.ts'
import { editPeers, named } from './reach.ts'
import { denyStranger } from './strangers.ts'

interface EditOptions {
  json?: true
}

/** `kith peers allow NAME GRANT…` */
export function allowCommand(cli: CliContext): Command {
  return edit('allow', 'let a peer do more, at once')
    .argument('<grant...>', `out of ${GRANTS_TEXT}`, collectGrants)
    .action(async (name: string, grants: GrantName[], options: EditOptions) => {
      assertPerson(cli, 'kith peers allow')
      const peer = named(await editPeers(cli, { op: 'allow', name, grants }), name)
      show(cli, peer, mayText(peer), options)
    })
}

/** `kith peers deny NAME GRANT…`, and `kith peers deny KEY` for a key that has called. */
export function denyCommand(cli: CliContext): Command {
  return new Command('deny')
    .description('let a peer do less, at once; or never list a key again that has called')
    .argument('<who>', 'name of the peer, or a key of kith peers pending')
    .argument('[grant...]', `for a peer, out of ${GRANTS_TEXT}`, collectGrants)
    .option('--json', 'print one JSON object')
    .action(async (who: string, grants: GrantName[], options: EditOptions) => {
      if (grants.length > 0) {
        const peer = named(await editPeers(cli, { op: 'deny', name: who, grants }), who)
        show(cli, peer, mayText(peer), options)
        return
      }
      if (isName(who)) {
        const what = `say what ${who} may no longer do, out of ${GRANTS_TEXT}`
        throw new KithError('usage', what, { what }, { hint: `kith peers deny ${who} ask` })
      }
      await denyStranger(cli, who, options.json)
    })
}

/** `kith peers set-address NAME ADDRESS…` */
export function setAddressCommand(cli: CliContext): Command {
  return edit('set-address', 'say where a peer is dialled, instead of what was said before')
    .argument('<address...>', 'multiaddrs')
    .action(async (name: string, addresses: string[], options: EditOptions) => {
      const peer = named(await editPeers(cli, { op: 'set-addresses', name, addresses }), name)
      show(cli, peer, `${name} is dialled at ${peer.addresses.join(', ')}`, options)
    })
}

/** `kith peers rename NAME TO` */
export function renameCommand(cli: CliContext): Command {
  return edit('rename', 'give a peer another name of yours')
    .argument('<to>', 'its new name')
    .action(async (name: string, to: string, options: EditOptions) => {
      const peer = named(await editPeers(cli, { op: 'rename', name, to }), to)
      show(cli, peer, `${name} is now ${to}`, options)
    })
}

/** `kith peers remove NAME` */
export function removeCommand(cli: CliContext): Command {
  return edit(
    'remove',
    'unpin a peer: its connection is closed, and it is not let in again',
  ).action(async (name: string, { json }: EditOptions) => {
    await editPeers(cli, { op: 'remove', name } satisfies Input<'editPeers'>)
    if (json === true) printJson(cli, { removed: name })
    else print(cli, `${name} is no longer pinned`)
  })
}

/** True for what is a peer's name rather than a key, which has capitals unless it is 64 hex digits. */
function isName(text: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,62}$/.test(text)
}

function edit(op: string, description: string): Command {
  return new Command(op)
    .description(description)
    .argument('<name>', 'name of the peer')
    .option('--json', 'print the peer as one JSON object')
}

function show(cli: CliContext, peer: PeerReport, text: string, { json }: EditOptions): void {
  if (json === true) printJson(cli, peer)
  else print(cli, text)
}

function mayText({ allow, name }: PeerReport): string {
  return `${name} may ${allow.length === 0 ? 'do nothing' : allow.join(', ')}`
}
