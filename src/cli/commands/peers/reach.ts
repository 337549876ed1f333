import type { Input, PeerReport } from '../../../node/control/api.ts'
import { isFailure, KithError } from '../../../protocol/errors.ts'
import type { CliContext, OfflineNode } from '../../context.ts'

/** What the running node says or, when none runs, what the files say. */
export async function onlineOrOffline<T>(
  cli: CliContext,
  online: (client: CliContext['client']) => Promise<T>,
  offline: (node: OfflineNode) => Promise<T>,
): Promise<T> {
  try {
    return await online(cli.client)
  } catch (err) {
    if (!isFailure(err, 'daemon-not-running')) throw err
  }
  return await offline(await cli.offline())
}

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
