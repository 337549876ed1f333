import { randomBytes } from 'node:crypto'
import { KithError } from '../../../protocol/errors.ts'
import { pingEnd } from '../../../protocol/verbs.ts'
import { unknownPeer } from '../../asks/ask-desk.ts'
import type { KithNode } from '../../node.ts'
import { editPins } from '../../pin-edits.ts'
import type { Peer } from '../../pins.ts'
import { explain } from '../../policy/explain.ts'
import { reportPeer } from '../peer-report.ts'
import type { PEER_ROUTES, PingReport } from '../routes/peers.ts'
import type { HandlersOf } from '../routes/route.ts'

const PING_TIMEOUT_MS = 10_000

export function peerHandlers(node: KithNode): HandlersOf<typeof PEER_ROUTES> {
  return {
    peers: async () => node.pins.peers().map((peer) => reportPeer(node, peer)),
    editPeers: async (edit) => {
      await editPins(node, edit)
      return node.pins.peers().map((peer) => reportPeer(node, peer))
    },
    explain: async ({ name, ...question }) => {
      const { frozen, id, pin } = find(node, name)
      const record = node.fleet.policy.of(id)
      const { clock, home } = node
      return await explain({ pin, frozen, record, home, now: clock.now() }, question)
    },
    ping: async ({ name, timeoutMs }, signal) => await ping(node, name, timeoutMs, signal),
  }
}

async function ping(
  node: KithNode,
  name: string,
  timeoutMs = PING_TIMEOUT_MS,
  signal: AbortSignal,
): Promise<PingReport> {
  const peer = find(node, name)
  // Before the clock starts: a dial is no part of a round trip.
  await node.dialer.connect(peer, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]))
  const nonce = new Uint8Array(randomBytes(16))
  const sentAt = performance.now()
  const options = { deadlineMs: timeoutMs, signal }
  const end = await node.caller.call(peer, 'ping', { nonce }, pingEnd, options)
  const rttMs = performance.now() - sentAt
  if (Buffer.compare(end.nonce, nonce) !== 0) {
    throw new KithError('bad-request', `${name} sent another nonce back`, { what: 'nonce' })
  }
  return {
    peer: name,
    rttMs,
    clockOffsetMs: Math.round(end.at + rttMs / 2 - node.clock.now()),
    software: end.software,
    uptimeMs: end.uptimeMs,
  }
}

function find(node: KithNode, name: string): Peer {
  const peer = node.pins.byName(name)
  if (peer === undefined) throw unknownPeer(name)
  return peer
}
