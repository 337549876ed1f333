import { readSignedEvent } from '../../protocol/key-event.ts'
import type { RotationDraft } from '../../protocol/key-log-create.ts'
import type { KeyLogState } from '../../protocol/key-log.ts'
import { fingerprintWords } from '../../protocol/node-id.ts'
import { peerIdOf } from '../../protocol/peer-id.ts'
import { requestText, rotationWords } from '../../protocol/rotation-request.ts'
import { sha256 } from '../../protocol/sha256.ts'
import type { Clock } from '../clock.ts'
import { idOfKeyLog } from '../key-logs.ts'
import { keyLogFile } from '../keys/own-log.ts'
import type { KithNode } from '../node.ts'
import type { Peer, Pins } from '../pins.ts'
import type { RotationRequest } from '../rotation-requests.ts'
import type {
  KeyEventReport,
  KeyLogExport,
  KeyReport,
  KeyStandingReport,
  PeerKeysReport,
  RotationReport,
  RotationRequestReport,
} from './routes/keys.ts'

/** A key log for people. `seenAt` is when this node first saw each event. */
export function reportKeyLog(
  events: readonly Uint8Array[],
  seenAt: readonly number[] = [],
): KeyEventReport[] {
  return events.map((signed, index) => {
    const { bytes, event } = readSignedEvent(signed)
    const seen = seenAt[index]
    return {
      sn: event.sn,
      type: event.t,
      ...('k' in event ? { key: peerIdOf(event.k) } : {}),
      hash: Buffer.from(sha256(bytes)).toString('hex'),
      at: event.at,
      ...(event.t === 'rot' ? { why: event.why, graceSeconds: event.grace } : {}),
      ...(event.t === 'rot' && event.lastGood !== undefined ? { lastGoodAt: event.lastGood } : {}),
      ...(seen === undefined ? {} : { seenAt: seen }),
    }
  })
}

/** What is to be said of a node's own keys, whether it runs or not. */
export interface OwnKeyFacts {
  events: readonly Uint8Array[]
  state: KeyLogState
  rotationKey: 'here' | 'off-host'
  waiting: RotationDraft | undefined
  now: number
}

export function reportOwnKeys(facts: OwnKeyFacts): Omit<KeyReport, 'peers' | 'requests'> {
  const { events, now, rotationKey, state, waiting } = facts
  const { id, keyInForce, rotated, sn, windowHours } = state
  const graceEndsAt = rotated === undefined ? 0 : rotated.at + rotated.graceSeconds * 1_000
  return {
    id,
    words: fingerprintWords(id),
    ...(keyInForce === undefined ? {} : { key: peerIdOf(keyInForce) }),
    sn,
    windowHours,
    ...(graceEndsAt > now ? { graceEndsAt } : {}),
    rotationKey,
    log: reportKeyLog(events),
    ...(waiting === undefined ? {} : { waiting: reportRotation(waiting) }),
  }
}

export function reportRotation(draft: RotationDraft): RotationReport {
  return {
    words: rotationWords(draft),
    sn: draft.sn,
    key: peerIdOf(draft.k),
    why: draft.why,
    graceSeconds: draft.grace,
    ...(draft.lastGood === undefined ? {} : { lastGoodAt: draft.lastGood }),
    at: draft.at,
  }
}

export function reportRequest({ draft, peer, request }: RotationRequest): RotationRequestReport {
  return {
    ...reportRotation(draft),
    peer: peer.pin.name,
    id: draft.id,
    request: requestText(request),
  }
}

/** This node's keys, and how far its peers know them. */
export async function reportKeys(node: KithNode): Promise<KeyReport> {
  const { clock, keys, pins, self } = node
  const { events, state } = self
  const requests = await keys.requests.list()
  return {
    ...reportOwnKeys({
      events,
      state,
      rotationKey: await keys.whereRotationKeyIs(),
      waiting: await keys.rotation.waiting(),
      now: clock.now(),
    }),
    peers: pins.peers().map((peer) => reportStanding(node, peer)),
    requests: requests.map((request) => ({
      ...reportRequest(request),
      receivedAt: request.at,
      endorsed: request.endorsed !== undefined,
    })),
  }
}

/** A key log as a file. */
export function reportExport(events: readonly Uint8Array[], frozen: boolean): KeyLogExport {
  const id = idOfKeyLog(events)
  const file = Buffer.from(keyLogFile(events)).toString()
  return { id, words: fingerprintWords(id), events: events.length, frozen, file }
}

/** Why a peer's pin has the key that it has. */
export function reportPeerKeys(
  node: { pins: Pick<Pins, 'keysOf'>; clock: Pick<Clock, 'now'> },
  { id, pin }: Peer,
): PeerKeysReport {
  const known = id === undefined ? undefined : node.pins.keysOf(id)
  if (known === undefined) {
    const log = { log: [], conflict: [] }
    return { peer: pin.name, ...(id === undefined ? {} : { id }), state: 'waiting', ...log }
  }
  const { frozen, held, key, state, superseded } = known
  const inGrace = superseded !== undefined && superseded.until > node.clock.now()
  return {
    peer: pin.name,
    id: state.id,
    state: frozen ? 'frozen' : key === undefined ? 'retired' : 'in-force',
    windowHours: state.windowHours,
    ...(inGrace ? { graceEndsAt: superseded.until } : {}),
    log: reportKeyLog(held.events, held.seenAt),
    conflict: reportKeyLog(held.conflict ?? []),
  }
}

function reportStanding({ keys, links }: KithNode, peer: Peer): KeyStandingReport {
  const receipt = keys.announcer.receiptOf(peer)
  return {
    peer: peer.pin.name,
    state: keys.announcer.standing(peer),
    connected: peer.id !== undefined && links.get(peer.id) !== undefined,
    ...(receipt === undefined ? {} : { sn: receipt.sn, seenAt: receipt.seenAt }),
  }
}
