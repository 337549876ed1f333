import { z } from 'zod'
import { isFailure } from './errors.ts'
import { nodeIdSchema } from './invite.ts'
import { judgeKeyLog } from './key-log-judge.ts'
import type { HeldKeyLog } from './key-log-judge.ts'
import { readSignedEvent } from './key-event.ts'
import { nodeIdOf } from './node-id.ts'
import type { PairingMessage } from './pairing-messages.ts'
import { peerIdOf } from './peer-id.ts'
import { GRANT_NAMES, nameSchema } from './pin.ts'
import { bytes } from './verbs.ts'

/** All that a step of a pairing takes from outside: who is at both ends, the time, chance and the key in force. */
export interface PairingContext {
  /** Ms since the epoch, by our own clock. */
  now: number
  ownId: string
  /** Our key log. The key in force in it is that of `ownPeerId`. */
  ownLog: readonly Uint8Array[]
  /** Peer ids of both ends of the connection, as Noise has proved them. */
  ownPeerId: string
  remotePeerId: string
  /** 16 fresh random bytes. */
  nonce: Uint8Array
  /** What this node holds of that node's key log already. */
  heldLog: (id: string) => HeldKeyLog | undefined
  /** Signs with the key in force. */
  sign: (kind: 'pair-commit' | 'pair-done', bytes: Uint8Array) => Uint8Array
}

/** The other node, as it is to be pinned. */
export const pairedPeer = z.strictObject({
  /** Our name for it. */
  name: nameSchema,
  id: nodeIdSchema,
  addresses: z.array(z.string()),
  /** What it may do here. */
  allow: z.array(z.enum(GRANT_NAMES)),
  /** Its key log, valid. */
  log: z.array(bytes),
  /** The same four on both sides, for people to compare. */
  words: z.array(z.string()),
})

export type PairedPeer = z.infer<typeof pairedPeer>

/** Why a message changed nothing and gets no answer. For our own log: the other side is not told. */
export const PAIRING_REFUSALS = [
  'wrong invite',
  'wrong message',
  'own invite',
  'revoked',
  'burned',
  'expired',
  'wrong secret',
  'taken',
  'used',
  'grants',
  'key log',
  'not begun',
  'other connection',
  'wrong nonce',
  'bad signature',
] as const

export type PairingRefusal = (typeof PAIRING_REFUSALS)[number]

/** Wanted again by every step until `pinned` says that it is done. */
export interface PinEffect {
  kind: 'pin'
  peer: PairedPeer
}

/** What a step wants done beside its record and its answer. */
export type PairingEffect =
  | PinEffect
  /** `by` has shown that it knows the secret of an invite which another node redeems, or has redeemed. */
  | { kind: 'alert'; alert: 'invite-reused'; by: string }
  /** The last of too many proposals that did not know the secret. */
  | { kind: 'alert'; alert: 'invite-burned' }
  /** For our own log alone. */
  | { kind: 'failed'; why: PairingRefusal }

/**
 * What became of a message. In this order, the caller stores `record`, which is what decides; does what `effects` say;
 * stores `pinned(record)` if one of them was a pin; and sends `reply`. At its start, it first pins what `pinDue` names.
 * A crash anywhere in between is then made good by the other side's sending its message again. Without a reply the
 * caller keeps silent.
 */
export interface PairingStep<R> {
  /** The very object that was passed when nothing changes. */
  record: R
  reply?: PairingMessage
  effects: PairingEffect[]
}

/** A record of either side: `due` is the pin that is decided on and not yet made. */
interface Owing {
  state: { is: string; due?: PairedPeer }
}

/** The pin that a record asks for, if it still does. */
export function pinDue({ state }: Owing): PinEffect[] {
  return state.due === undefined ? [] : [{ kind: 'pin', peer: state.due }]
}

/** The record once the other node is pinned: it does not ask for that again, also not when the owner unpins it. */
export function pinned<R extends Owing>(record: R): R {
  const { due, ...state } = record.state
  return due === undefined ? record : { ...record, state }
}

/** A message that changes nothing and gets no answer. */
export function refused<R>(
  record: R,
  why: PairingRefusal,
  ...alerts: PairingEffect[]
): PairingStep<R> {
  return { record, effects: [...alerts, { kind: 'failed', why }] }
}

/** The id in a key log that nobody has checked yet, or undefined when there is none. */
export function claimedId(log: readonly Uint8Array[]): string | undefined {
  const [first] = log
  if (first === undefined) return undefined
  return orUndefined(() => nodeIdOf(readSignedEvent(first).bytes))
}

/** A key log that was shown over a connection whose key is in force in it. */
export interface ShownKeys {
  key: Uint8Array
  log: HeldKeyLog
}

/**
 * The keys of this node, if the log that it shows is valid and contradicts nothing that is held, and the key in force by
 * all that is known is the remote end's; else undefined.
 */
export function keysShown(
  log: readonly Uint8Array[],
  id: string,
  held: HeldKeyLog | undefined,
  { now, remotePeerId }: PairingContext,
): ShownKeys | undefined {
  const verdict = orUndefined(() => judgeKeyLog(held, log, now))
  if (verdict === undefined || verdict.frozen) return undefined
  // Where we hold more than is shown, this is what we hold.
  const { id: shown, keyInForce: key } = verdict.state
  if (shown !== id || key === undefined || peerIdOf(key) !== remotePeerId) return undefined
  return { key, log: verdict.held }
}

/** What `run` returns, or undefined where it throws `malformed`. */
function orUndefined<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (err) {
    if (isFailure(err, 'malformed')) return undefined
    throw err
  }
}
