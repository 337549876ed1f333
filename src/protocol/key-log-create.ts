import { encode } from './cbor.ts'
import { isSoundPoint, publicKeyOf } from './ed25519.ts'
import { encodeSignedEvent } from './key-event-fields.ts'
import { readEvent } from './key-event.ts'
import type { RotationEvent } from './key-event.ts'
import { appendEvent } from './key-log.ts'
import type { KeyLogState } from './key-log.ts'
import { refusal } from './key-log-refusal.ts'
import { KithError } from './errors.ts'
import { MAX_KEY_LOG_EVENTS, MAX_ROTATION_SN } from './limits.ts'
import { sha256 } from './sha256.ts'
import { sign, verify } from './signed.ts'

/** What the node that rotates wants: a rotation without the two fields that its rotation key brings. */
export interface RotationDraft {
  id: string
  sn: number
  /** SHA-256 of the event before. */
  p: Uint8Array
  /** The new public key. */
  k: Uint8Array
  why: 'routine' | 'compromise'
  /** In seconds. */
  grace: number
  /** In ms since the epoch. */
  lastGood?: number
  at: number
}

export interface RotationInit {
  /** The new public key. */
  key: Uint8Array
  why: 'routine' | 'compromise'
  /** 0 to 604,800; 0 when compromised. */
  graceSeconds: number
  /** Only when compromised: until when the key before was its owner's alone. */
  lastGoodAt?: number
  /** In ms since the epoch. */
  at: number
}

/**
 * What a rotation of this log would say, before its rotation key is asked.
 *
 * @throws {KithError} `malformed`: `retired`, `too many events`, or for a value that no rotation may have
 */
export function draftRotation(state: KeyLogState, init: RotationInit): RotationDraft {
  const { key, why, graceSeconds, lastGoodAt, at } = init
  checkOpen(state)
  if (state.sn + 1 > MAX_ROTATION_SN) throw refusal('too many events')
  if (!isSoundPoint(key)) throw refusal('weak key')
  const { id, head } = state
  const lastGood = lastGoodAt === undefined ? {} : { lastGood: lastGoodAt }
  const draft = { id, sn: state.sn + 1, p: head, k: key, why, grace: graceSeconds, ...lastGood, at }
  // A draft that could not become an event is refused before anybody is asked to sign it.
  readEvent(encodeRotation(draft, key, head))
  return draft
}

/** A draft that the rotation key has signed: the encoding of the whole event, and the signature. */
export interface EndorsedRotation {
  bytes: Uint8Array
  signature: Uint8Array
}

/**
 * The draft as an event, signed by whoever holds the rotation key.
 *
 * @throws {KithError} `malformed` for a draft that could not become an event, a weak key, or one that is used twice
 */
export function endorseRotation(
  draft: RotationDraft,
  init: { rotationSeed: Uint8Array; nextRotationKey: Uint8Array },
): EndorsedRotation {
  const { rotationSeed, nextRotationKey } = init
  const rotationKey = publicKeyOf(rotationSeed)
  const keys = [draft.k, rotationKey, nextRotationKey]
  if (!keys.every(isSoundPoint)) throw refusal('weak key')
  if (new Set(keys.map(hexOf)).size < keys.length) throw refusal('keys not distinct')
  const bytes = encodeRotation(draft, rotationKey, sha256(nextRotationKey))
  readEvent(bytes)
  return { bytes, signature: sign('rot', bytes, rotationSeed) }
}

/**
 * The signed event of an endorsed draft, signed by the new key and, when routine, by the one before. Whether the
 * log's commitment is to that rotation key is for `validateKeyLog` to say.
 *
 * @throws {KithError} `malformed`: `other draft` when another one was endorsed, else as `readSignedEvent`, and
 *   `bad signature`
 */
export function completeRotation(
  draft: RotationDraft,
  endorsed: EndorsedRotation,
  seeds: { seed: Uint8Array; seedBefore?: Uint8Array },
): Uint8Array {
  const { bytes, signature } = endorsed
  const event = readEvent(bytes)
  if (event.t !== 'rot' || !isDraftOf(draft, event, bytes)) {
    throw new KithError('malformed', 'another rotation was endorsed', { what: 'other draft' })
  }
  if (!verify('rot', bytes, signature, event.N)) throw refusal('bad signature')
  const signers = [seeds.seed]
  if (draft.why === 'routine') {
    if (seeds.seedBefore === undefined) throw new TypeError('no seed of the key before')
    signers.push(seeds.seedBefore)
  }
  const signatures = signers.map((seed) => sign('rot', bytes, seed))
  return encodeSignedEvent(bytes, [signature, ...signatures])
}

export interface RecoveryInit {
  recoverySeed: Uint8Array
  /** Secret seed of the new key in force. */
  seed: Uint8Array
  /** New public keys, of which the log holds only hashes until they are used. */
  nextRotationKey: Uint8Array
  nextRecoveryKey: Uint8Array
  at: number
}

/**
 * The signed event that takes a node back. `state` is what the log said at the fork point, the event before the first
 * one that is undone.
 *
 * @throws {KithError} `malformed` as `validateKeyLog` does, for what it would refuse.
 */
export function createRecovery(state: KeyLogState, init: RecoveryInit): Uint8Array {
  const { recoverySeed, seed, nextRotationKey, nextRecoveryKey, at } = init
  checkOpen(state)
  if (![nextRotationKey, nextRecoveryKey].every(isSoundPoint)) throw refusal('weak key')
  const bytes = encode({
    v: 1,
    t: 'rec',
    id: state.id,
    sn: state.sn + 1,
    p: state.head,
    R: publicKeyOf(recoverySeed),
    k: publicKeyOf(seed),
    n: sha256(nextRotationKey),
    r: sha256(nextRecoveryKey),
    at,
  })
  const signatures = [recoverySeed, seed].map((signer) => sign('rec', bytes, signer))
  return checked(state, encodeSignedEvent(bytes, signatures))
}

/**
 * The signed event that ends a node, by the seed of its rotation or its recovery key.
 *
 * @throws {KithError} `malformed` as `validateKeyLog` does, for what it would refuse.
 */
export function createRetirement(
  state: KeyLogState,
  init: { seed: Uint8Array; at: number },
): Uint8Array {
  const { seed, at } = init
  checkOpen(state)
  const bytes = encode({
    v: 1,
    t: 'end',
    id: state.id,
    sn: state.sn + 1,
    p: state.head,
    by: publicKeyOf(seed),
    at,
  })
  return checked(state, encodeSignedEvent(bytes, [sign('end', bytes, seed)]))
}

function checkOpen(state: KeyLogState): void {
  if (state.keyInForce === undefined) throw refusal('retired')
  if (state.sn + 1 >= MAX_KEY_LOG_EVENTS) throw refusal('too many events')
}

function checked(state: KeyLogState, signedEvent: Uint8Array): Uint8Array {
  appendEvent(state, signedEvent)
  return signedEvent
}

function encodeRotation(draft: RotationDraft, N: Uint8Array, n: Uint8Array): Uint8Array {
  return encode({ v: 1, t: 'rot', ...draft, N, n })
}

/** What was endorsed is the draft itself: with its own N and n, the draft has the very same encoding. */
function isDraftOf(draft: RotationDraft, { N, n }: RotationEvent, bytes: Uint8Array): boolean {
  return Buffer.compare(encodeRotation(draft, N, n), bytes) === 0
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
