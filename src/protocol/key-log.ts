import { encode } from './cbor.ts'
import { isSoundPoint, publicKeyOf } from './ed25519.ts'
import { encodeSignedEvent } from './key-event-fields.ts'
import { readSignedEvent } from './key-event.ts'
import type { SignedEvent } from './key-event.ts'
import { beginKeyLog, followKeyLog, signersOf } from './key-log-chain.ts'
import type { KeyLogState } from './key-log-chain.ts'
import { refusal } from './key-log-refusal.ts'
import { DEFAULT_RECOVERY_WINDOW_HOURS, MAX_KEY_LOG_EVENTS } from './limits.ts'
import { nodeIdOf } from './node-id.ts'
import { sha256 } from './sha256.ts'
import { sign, verify } from './signed.ts'

export type { KeyLogState } from './key-log-chain.ts'

export interface InceptionInit {
  /** Secret seed of the first key in force. */
  seed: Uint8Array
  /** Public rotation and recovery key, of which the log holds only hashes until they are used. */
  nextKey: Uint8Array
  recoveryKey: Uint8Array
  /** In ms since the epoch. */
  at: number
  /** 16 random bytes. */
  nonce: Uint8Array
  /** 1 to 720. @default 72 */
  windowHours?: number
}

/**
 * Makes a node: the signed first event of its key log, and the id that it gives.
 *
 * @throws {KithError} `malformed` as `validateKeyLog` does, for what it would refuse.
 */
export function createInception(init: InceptionInit): { signedEvent: Uint8Array; id: string } {
  const { seed, nextKey, recoveryKey, at, nonce, windowHours } = init
  if (!isSoundPoint(nextKey) || !isSoundPoint(recoveryKey)) throw refusal('weak key')
  const event = encode({
    v: 1,
    t: 'icp',
    sn: 0,
    k: publicKeyOf(seed),
    n: sha256(nextKey),
    r: sha256(recoveryKey),
    w: windowHours ?? DEFAULT_RECOVERY_WINDOW_HOURS,
    at,
    nonce,
  })
  const signedEvent = encodeSignedEvent(event, [sign('icp', event, seed)])
  const { id } = validateKeyLog([signedEvent])
  return { signedEvent, id }
}

/**
 * What the key log of these signed events says, the first event first. With `expectedId`, it must be
 * the log of that node.
 *
 * @throws {KithError} `malformed`, with one of `KEY_LOG_REFUSALS` as `what`.
 */
export function validateKeyLog(events: readonly Uint8Array[], expectedId?: string): KeyLogState {
  const replayed = replayKeyLog(events, expectedId)
  verifyKeyLog(replayed)
  return stateAtEnd(replayed)
}

/** An event of a key log, and what the log says up to it. */
export interface ReplayedEvent {
  signed: SignedEvent
  state: KeyLogState
}

/**
 * The events of a key log, each with what the log says then. Everything is checked but the keys' soundness and the
 * signatures: for a log whose signatures were checked before.
 *
 * @throws {KithError} as `validateKeyLog`
 */
export function replayKeyLog(events: readonly Uint8Array[], expectedId?: string): ReplayedEvent[] {
  if (events.length > MAX_KEY_LOG_EVENTS) throw refusal('too many events')
  const [first, ...rest] = events.map(readSignedEvent)
  if (first === undefined) throw refusal('empty log')
  if (expectedId !== undefined && nodeIdOf(first.bytes) !== expectedId) throw refusal('wrong id')
  let state = beginKeyLog(first)
  const replayed = [{ signed: first, state }]
  for (const signed of rest) {
    state = followKeyLog(state, signed)
    replayed.push({ signed, state })
  }
  return replayed
}

/**
 * Checks the keys and signatures of a replayed log, except those of its first `known` events. It is what costs: up to
 * three signatures an event, a third of a millisecond each.
 *
 * @throws {KithError} as `validateKeyLog`
 */
export function verifyKeyLog(replayed: readonly ReplayedEvent[], known = 0): void {
  for (const [sn, { signed }] of replayed.entries()) {
    if (sn >= known) checkSignatures(signed, replayed[sn - 1]?.state)
  }
}

/** What a replayed log says after its last event. */
export function stateAtEnd(replayed: readonly ReplayedEvent[]): KeyLogState {
  const last = replayed.at(-1)
  if (last === undefined) throw refusal('empty log')
  return last.state
}

/**
 * What a log in this state says with one more event.
 *
 * @throws {KithError} `malformed` when no valid log goes on like this
 */
export function appendEvent(state: KeyLogState, signedEvent: Uint8Array): KeyLogState {
  if (state.sn + 1 >= MAX_KEY_LOG_EVENTS) throw refusal('too many events')
  const signed = readSignedEvent(signedEvent)
  const next = followKeyLog(state, signed)
  checkSignatures(signed, state)
  return next
}

function checkSignatures({ event, bytes, signatures }: SignedEvent, before?: KeyLogState): void {
  const signers = signersOf(event, before?.keyInForce)
  if (!signers.every(isSoundPoint)) throw refusal('weak key')
  if (signatures.length !== signers.length) throw refusal('bad signature')
  for (const [i, signature] of signatures.entries()) {
    const signer = signers[i]
    if (signer === undefined || !verify(event.t, bytes, signature, signer)) {
      throw refusal('bad signature')
    }
  }
}
