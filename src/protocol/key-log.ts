import { encode } from './cbor.ts'
import { isSoundPoint, publicKeyOf } from './ed25519.ts'
import { encodeSignedEvent, readSignedEvent, refusal } from './key-event.ts'
import type { InceptionEvent, SignedEvent } from './key-event.ts'
import { DEFAULT_RECOVERY_WINDOW_HOURS, MAX_KEY_LOG_EVENTS } from './limits.ts'
import { nodeIdOf } from './node-id.ts'
import { sha256 } from './sha256.ts'
import { sign, verify } from './signed.ts'

/** What a valid key log says today. */
export interface KeyLogState {
  /** The node's id, from its first event. */
  id: string
  /** Number of the last event. The first has 0. */
  sn: number
  /** SHA-256 of the last event, which the next one must name. */
  head: Uint8Array
  /** The Ed25519 public key that the node speaks with. */
  keyInForce: Uint8Array
  /** SHA-256 of the key that the next rotation must bring. */
  nextCommitment: Uint8Array
  /** SHA-256 of the key that may take the node back from a thief. */
  recoveryCommitment: Uint8Array
  /** How long after a rotation that key may still undo it, by the clock of whoever saw it. */
  windowHours: number
}

export interface InceptionInit {
  /** Secret seed of the first key in force. */
  seed: Uint8Array
  /** Public keys of which the log holds only hashes until they are used. */
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
export async function createInception(
  init: InceptionInit,
): Promise<{ signedEvent: Uint8Array; id: string }> {
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
  const { id } = await validateKeyLog([signedEvent])
  return { signedEvent, id }
}

/**
 * What the key log of these signed events says, the first event first. With `expectedId`, it must be
 * the log of that node.
 *
 * @throws {KithError} `malformed`, with one of `KEY_LOG_REFUSALS` as `what`.
 */
export async function validateKeyLog(
  events: readonly Uint8Array[],
  expectedId?: string,
): Promise<KeyLogState> {
  if (events.length > MAX_KEY_LOG_EVENTS) throw refusal('too many events')
  // All of it is read before the first signature is checked: those are what costs.
  const [first, ...rest] = events.map(readSignedEvent)
  if (first === undefined) throw refusal('empty log')
  if (expectedId !== undefined && nodeIdOf(first.bytes) !== expectedId) throw refusal('wrong id')
  let state = await begin(first)
  for (const next of rest) state = append(state, next)
  return state
}

async function begin({ event, bytes, signatures }: SignedEvent): Promise<KeyLogState> {
  if (event.sn !== 0) throw refusal('wrong sequence number')
  checkKeys(event)
  const [signature, ...others] = signatures
  if (signature === undefined || others.length > 0) throw refusal('bad signature')
  if (!(await verify('icp', bytes, signature, event.k))) throw refusal('bad signature')
  return {
    id: nodeIdOf(bytes),
    sn: event.sn,
    head: sha256(bytes),
    keyInForce: event.k,
    nextCommitment: event.n,
    recoveryCommitment: event.r,
    windowHours: event.w,
  }
}

/** The log with one more event. No kind that may follow another is known yet. */
function append(state: KeyLogState, { event }: SignedEvent): KeyLogState {
  if (event.sn !== state.sn + 1) throw refusal('wrong sequence number')
  throw refusal('inception not first')
}

/** One key in two places would let a thief of the first also rotate, or recover. */
function checkKeys({ k, n, r }: InceptionEvent): void {
  if (!isSoundPoint(k)) throw refusal('weak key')
  const inForce = sha256(k)
  if (isEqual(inForce, n) || isEqual(inForce, r) || isEqual(n, r)) {
    throw refusal('keys not distinct')
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
