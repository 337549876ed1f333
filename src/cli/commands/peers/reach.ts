import type { Input, PeerReport } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { onlineOrOffline } from '../../online-or-offline.ts'

/** All peers after a change of peers.yaml. */
export async function editPeers(cli: CliContext, edit: Input<'editPeers'>): Promise<PeerReport[]> {
  return await onlineOrOffline(
    cli,
    (client) => client.call('editPeers', edit),
    (node) => node.editPeers(cli.home, edit),
  )
}

export async function listPeers(cli: CliContext): Promise<PeerReport[]> {
  return await onlineOrOffline(
    cli,
    (client) => client.call('peers', {}),
    (node) => node.listPeers(cli.home),
  )
}

/** The one of `peers` with this name. @throws {KithError} `unknown-peer` */
export function named(peers: readonly PeerReport[], name: string): PeerReport {
  const peer = peers.find((candidate) => candidate.name === name)
  if (peer !== undefined) return peer
  throw new KithError(
    'unknown-peer',
    `no peer is named ${name}`,
    { name },
    {
      hint: 'kith peers list',
    },
  )
}
