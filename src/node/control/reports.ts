import { fingerprintWords } from '../../protocol/node-id.ts'
import type { Pin } from '../../protocol/pin.ts'
import type { AskHandle } from '../asks/handle.ts'
import type { KithNode } from '../node.ts'
import type { Peer } from '../pins.ts'
import type { AskReport, PeerReport, StatusReport } from './api.ts'

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
    ...(dial?.lastError === undefined ? {} : { lastError: dial.lastError }),
    ...(dial?.nextAt === undefined ? {} : { nextDialAt: dial.nextAt }),
  }
}

function stateOf(peer: Peer, connected: boolean): PeerReport['state'] {
  if (peer.frozen) return 'frozen'
  if (connected) return 'connected'
  return peer.key === undefined ? 'waiting' : 'disconnected'
}

export function reportAsk(
  node: KithNode,
  { record }: Pick<AskHandle, 'record'>,
  lastSeq: number,
): AskReport {
  const { ask, deadlineAt, direction, final, finalAt, receivedAt, state } = record
  return {
    ask,
    direction,
    peer: node.desk.nameOf(record),
    state,
    receivedAt,
    deadlineAt,
    ...(finalAt === undefined ? {} : { finalAt }),
    ...(final === undefined ? {} : { final }),
    lastSeq,
  }
}

/** All that `kith status` shows. `readyAfterMs` is how long the start took. */
export function reportStatus(node: KithNode, readyAfterMs: number): StatusReport {
  const { id, key, words } = node.identity
  const { asks, engine, health, software, uptimeMs } = node.summary()
  return {
    ...(node.config.name === undefined ? {} : { name: node.config.name }),
    id,
    key,
    words,
    software,
    pid: process.pid,
    home: node.home.path,
    startedAt: node.startedAt,
    uptimeMs,
    readyAfterMs,
    listening: node.mesh.addresses(),
    lobby: node.lobby.open ? 'open' : 'shut',
    engine,
    health,
    problems: problemsOf(node),
    asks: { ...asks, out: node.asker.pending },
    peers: node.pins.peers().map((peer) => reportPeer(node, peer)),
  }
}

function problemsOf(node: KithNode): StatusReport['problems'] {
  const faults = [node.storeFailure, node.pins.problem].filter((fault) => fault !== undefined)
  const problems: StatusReport['problems'] = faults.map((fault) => ({
    what: fault.message,
    ...('hint' in fault && typeof fault.hint === 'string' ? { hint: fault.hint } : {}),
  }))
  for (const peer of node.pins.peers()) {
    const { lastError } = reportPeer(node, peer)
    const { name } = peer.pin
    if (lastError !== undefined)
      problems.push({ what: `${name}: ${lastError}`, hint: `kith peers show ${name}` })
    else if (peer.key === undefined && peer.pin.addresses.length === 0) {
      problems.push({
        what: `${name} has no address here and has not connected yet`,
        hint: `kith peers set-address ${name} /ip4/…/tcp/…`,
      })
    }
  }
  return problems
}
