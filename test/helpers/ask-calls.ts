import { Answer } from '../../src/node/answer.ts'
import type { KnownPeer } from '../../src/node/pins.ts'
import { nodeIdOf } from '../../src/protocol/node-id.ts'
import type { Pin } from '../../src/protocol/pin.ts'
import { uuidV7 } from '../../src/protocol/uuid.ts'
import type { AskCall } from '../../src/protocol/verbs.ts'
import type { Body } from '../../src/protocol/message.ts'
import { peerOf } from './stub-pins.ts'

/** 2026-11-21T09:00Z, when a `ManualClock` starts. */
export const NOW = Date.UTC(2026, 10, 21, 9)

/** A node id that is one, always the same for a name. */
export function idOf(name: string): string {
  return nodeIdOf(Buffer.from(`kith test ${name}`))
}

/** The node called `name`, which may ask, with an id that the wire takes. */
export function askerPeer(
  name: string,
  ask: Partial<Pin['ask']> = {},
  pin: Partial<Pin> = {},
): KnownPeer {
  const peer = peerOf(name, { allow: ['ping', 'ask', 'status'], ...pin })
  return { ...peer, id: idOf(name), pin: { ...peer.pin, ask: { ...peer.pin.ask, ...ask } } }
}

/** An ask id made at `at`; `nth` tells those of one time apart. */
export function askId(nth = 0, at = NOW): string {
  return uuidV7(at, Buffer.from(nth.toString(16).padStart(20, '0'), 'hex'))
}

/** What the node called `name` asks. */
export function askCallOf(name: string, changes: Partial<AskCall> = {}): AskCall {
  return { ask: askId(), text: 'hi', chain: [idOf(name)], timeoutMs: 60_000, ...changes }
}

/** A call as the guard gets it. */
export function answerTo(
  peer: KnownPeer,
  verb: string,
  body: Body,
  event: (seq: number, body: Body) => Promise<void> | undefined = () => undefined,
): Answer {
  const call = { t: 'call', id: 1, body, verb, deadlineMs: 10_000 } as const
  return new Answer({ id: peer.id, key: peer.key }, call, event)
}
