import { fingerprintWords } from '../../protocol/node-id.ts'
import type { Pin } from '../../protocol/pin.ts'
import type { KithNode } from '../node.ts'
import type { Peer } from '../pins.ts'
import type { PeerReport } from './routes/peers.ts'

/** What everybody may see of a pin, running node or not. */
export function reportPin(pin: Pin): Omit<PeerReport, 'state'> {
  return {
    name: pin.name,
    ...(pin.id === undefined ? {} : { id: pin.id, words: fingerprintWords(pin.id) }),
    ...(pin.key === undefined ? {} : { key: pin.key }),
    addresses: pin.addresses,
    allow: pin.allow,
    ask: { ...pin.ask },
    callsPerMinute: pin.callsPerMinute,
    ...(pin.confirmed === undefined ? {} : { confirmed: pin.confirmed }),
  }
}

/** A pin, and how its node and we stand just now. */
export function reportPeer(node: KithNode, peer: Peer): PeerReport {
  const link = peer.id === undefined ? undefined : node.links.get(peer.id)
  const dial = link === undefined ? node.dialer.state(peer.pin.name) : undefined
  return {
    ...reportPin(peer.pin),
    ...(peer.key === undefined ? {} : { key: peer.key }),
    state: stateOf(peer, link !== undefined),
    ...(link === undefined ? {} : { connectedAt: link.openedAt, outbound: link.outbound }),
    ...(link?.hello === undefined ? {} : { software: link.hello.software }),
    ...(peer.unpinnedUsAt === undefined ? {} : { unpinnedUsAt: peer.unpinnedUsAt }),
    ...policyOf(node, peer),
    ...(dial?.lastError === undefined ? {} : { lastError: dial.lastError }),
    ...(dial?.nextAt === undefined ? {} : { nextDialAt: dial.nextAt }),
  }
}

function policyOf(node: KithNode, { id }: Peer): Pick<PeerReport, 'policy'> {
  const record = node.fleet.policy.of(id)
  if (record === undefined) return {}
  const { counts, lastDenial, since } = record
  if (lastDenial === undefined) return { policy: { since, ...counts } }
  const { at, code, verb, why } = lastDenial
  return { policy: { since, ...counts, lastDenial: { at, code, verb, why } } }
}

function stateOf(peer: Peer, connected: boolean): PeerReport['state'] {
  if (peer.frozen) return 'frozen'
  if (peer.retired) return 'retired'
  if (peer.unpinnedUsAt !== undefined) return 'unpinned-you'
  if (connected) return 'connected'
  return peer.key === undefined ? 'waiting' : 'disconnected'
}
