import type {
  KeyEvent,
  RecoveryEvent,
  RetirementEvent,
  RotationEvent,
  SignedEvent,
} from './key-event.ts'
import { refusal } from './key-log-refusal.ts'
import { MAX_ROTATION_SN } from './limits.ts'
import { nodeIdOf } from './node-id.ts'
import { sha256 } from './sha256.ts'

/** What a valid key log says today. */
export interface KeyLogState {
  /** The node's id, from its first event. */
  id: string
  /** Number of the last event. The first has 0. */
  sn: number
  /** SHA-256 of the last event, which the next one must name. */
  head: Uint8Array
  /** The Ed25519 public key that the node speaks with. Undefined: the node is retired. */
  keyInForce: Uint8Array | undefined
  /** SHA-256 of the rotation key, which must sign the next rotation. */
  nextCommitment: Uint8Array
  /** SHA-256 of the key that may take the node back from a thief. */
  recoveryCommitment: Uint8Array
  /** How long after a rotation that key may still undo it, by the clock of whoever saw it. */
  windowHours: number
  /** The last change of key, while it is the last event. */
  rotated?: {
    /** The key in force before. */
    before: Uint8Array
    why: 'routine' | 'compromise' | 'recovery'
    /** How long the key before may still announce its successor. */
    graceSeconds: number
    /** When it was made, in ms since the epoch, by the owner's clock. */
    at: number
    /** Until when the key before was the owner's alone, as far as the owner knows. */
    lastGoodAt?: number
  }
}

/** What a log says that begins with this event. @throws {KithError} `malformed` */
export function beginKeyLog({ event, bytes }: SignedEvent): KeyLogState {
  if (event.sn !== 0) throw refusal('wrong sequence number')
  // A later event with number 0 is read as one that stands where an inception must.
  if (event.t !== 'icp') throw refusal('inception not first')
  const { k, n, r, w } = event
  checkDistinct([sha256(k), n, r])
  return {
    id: nodeIdOf(bytes),
    sn: 0,
    head: sha256(bytes),
    keyInForce: k,
    nextCommitment: n,
    recoveryCommitment: r,
    windowHours: w,
  }
}

/** What a log in this state says after one more event. @throws {KithError} `malformed` */
export function followKeyLog(before: KeyLogState, { event, bytes }: SignedEvent): KeyLogState {
  if (event.t !== 'icp' && event.id !== before.id) throw refusal('wrong id')
  if (event.sn !== before.sn + 1) throw refusal('wrong sequence number')
  if (event.t === 'icp') throw refusal('inception not first')
  const { keyInForce } = before
  if (keyInForce === undefined) throw refusal('retired')
  if (!isEqual(event.p, before.head)) throw refusal('bad link')
  const { id, nextCommitment, recoveryCommitment, windowHours } = before
  const { sn } = event
  const commitments = { nextCommitment, recoveryCommitment }
  const after = { id, sn, head: sha256(bytes), ...commitments, windowHours }
  switch (event.t) {
    case 'rot':
      return { ...after, ...rotate(before, keyInForce, event) }
    case 'rec':
      return { ...after, ...recover(before, keyInForce, event) }
    case 'end':
      return { ...after, ...retire(before, event) }
  }
}

type Change = Pick<KeyLogState, 'keyInForce'> & Partial<KeyLogState>

function rotate(state: KeyLogState, before: Uint8Array, event: RotationEvent): Change {
  const { N, k, n, why, grace, at, lastGood, sn } = event
  const { nextCommitment, recoveryCommitment } = state
  if (sn > MAX_ROTATION_SN) throw refusal('too many events')
  if (!isEqual(sha256(N), nextCommitment)) throw refusal('wrong commitment')
  checkDistinct([sha256(before), nextCommitment, recoveryCommitment, sha256(k), n])
  const lastGoodAt = lastGood === undefined ? {} : { lastGoodAt: lastGood }
  return {
    keyInForce: k,
    nextCommitment: n,
    rotated: { before, why, graceSeconds: grace, at, ...lastGoodAt },
  }
}

function recover(state: KeyLogState, before: Uint8Array, event: RecoveryEvent): Change {
  const { R, k, n, r, at } = event
  const { nextCommitment, recoveryCommitment } = state
  if (!isEqual(sha256(R), recoveryCommitment)) throw refusal('wrong commitment')
  checkDistinct([sha256(before), nextCommitment, recoveryCommitment, sha256(k), n, r])
  return {
    keyInForce: k,
    nextCommitment: n,
    recoveryCommitment: r,
    rotated: { before, why: 'recovery', graceSeconds: 0, at },
  }
}

function retire(state: KeyLogState, { by }: RetirementEvent): Change {
  const hash = sha256(by)
  const known = [state.nextCommitment, state.recoveryCommitment].some((held) => isEqual(hash, held))
  if (!known) throw refusal('wrong commitment')
  return { keyInForce: undefined }
}

/** The keys that must have signed an event, in the order of its signatures. `before` was in force until then. */
export function signersOf(event: KeyEvent, before: Uint8Array | undefined): Uint8Array[] {
  switch (event.t) {
    case 'icp':
      return [event.k]
    case 'rot':
      return event.why === 'routine' && before !== undefined
        ? [event.N, event.k, before]
        : [event.N, event.k]
    case 'rec':
      return [event.R, event.k]
    case 'end':
      return [event.by]
  }
}

/** True for an event that the recovery key has signed: at one place of a log, it outranks the rotation key. */
export function isByRecoveryKey(
  event: KeyEvent,
  before: Pick<KeyLogState, 'recoveryCommitment'>,
): boolean {
  if (event.t === 'end') return isEqual(sha256(event.by), before.recoveryCommitment)
  return event.t === 'rec'
}

/** One key in two places would let a thief of the first also rotate, or recover. */
function checkDistinct(hashes: readonly Uint8Array[]): void {
  const distinct = new Set(hashes.map((hash) => Buffer.from(hash).toString('hex')))
  if (distinct.size < hashes.length) throw refusal('keys not distinct')
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
