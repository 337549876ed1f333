import { z } from 'zod'
import { PUBLIC_KEY_BYTES } from './ed25519.ts'
import { KithError } from './errors.ts'
import { bytesOf, inviteSchema } from './invite.ts'
import type { Invite } from './invite.ts'
import { replayKeyLog } from './key-log.ts'
import { MAX_PAIRING_ADDRESSES, PAIRING_FINISH_MS } from './limits.ts'
import {
  PAIRING_NONCE_BYTES,
  commitMessage,
  commitTranscript,
  doneTranscript,
  isSame,
  macOf,
  nonceCommitment,
  offerTranscript,
  pairingWords,
  proposeTranscript,
} from './pairing-messages.ts'
import type {
  CommitMessage,
  DoneMessage,
  OfferMessage,
  PairingMessage,
  ProposeMessage,
} from './pairing-messages.ts'
import { keysShown, pairedPeer, pinDue, refused } from './pairing.ts'
import type { PairingContext, PairingStep, ShownKeys } from './pairing.ts'
import { GRANT_NAMES, nameSchema } from './pin.ts'
import type { GrantName } from './pin.ts'
import { SHA256_BYTES } from './sha256.ts'
import { verify } from './signed.ts'
import { bytes } from './verbs.ts'

const hash = bytesOf(SHA256_BYTES)
/** Both ends of a connection. */
const ends = { remotePeerId: z.string(), ownPeerId: z.string() }

/** What was proposed last, and is not answered yet. */
const proposal = z.strictObject({ ...ends, nonce: bytesOf(PAIRING_NONCE_BYTES), t1: hash })

/** What was agreed on: the inviter may have pinned us from the moment that the commit left. */
const session = z.strictObject({
  ...ends,
  /** The inviter's key in force, and its log. */
  key: bytesOf(PUBLIC_KEY_BYTES),
  log: z.array(bytes),
  seenAt: z.array(z.int().nonnegative()),
  t1: hash,
  t2: hash,
  t4: hash,
  commit: commitMessage,
})

/** A pairing as the node that joins keeps it: CBOR, by the invite's id. Holds the secret. */
export const joinerRecord = z.strictObject({
  invite: inviteSchema,
  /** Our name for the inviter. */
  name: nameSchema,
  /** What it may do here. */
  allow: z.array(z.enum(GRANT_NAMES)),
  /** What we want to do there, of what the invite offers. */
  wants: z.array(z.string()),
  at: z.int().nonnegative(),
  /** Its owner has given it up. What is half paired is kept: only with it can the inviter's last answer be read. */
  givenUp: z.exactOptional(z.literal(true)),
  state: z.discriminatedUnion('is', [
    z.strictObject({ is: z.literal('new') }),
    z.strictObject({ is: z.literal('proposed'), proposal }),
    /** With a proposal too, where a key has been rotated since. */
    z.strictObject({ is: z.literal('half'), session, proposal: z.exactOptional(proposal) }),
    z.strictObject({
      is: z.literal('paired'),
      pairedAt: z.int().nonnegative(),
      words: z.array(z.string()),
      due: z.exactOptional(pairedPeer),
    }),
  ]),
})

export type JoinerRecord = z.infer<typeof joinerRecord>
type Proposal = z.infer<typeof proposal>
type Step = PairingStep<JoinerRecord>

export interface JoinInit {
  ownId: string
  /** Our name for the inviter. */
  name: string
  /** What it may do here. */
  allow: readonly GrantName[]
  /** @default all that the invite offers */
  wants?: readonly string[]
  /** Ms since the epoch. */
  now: number
}

/**
 * The record with which a node begins to redeem an invite.
 *
 * @throws {KithError} `usage` for an invite of this very node, or for rights that it does not offer
 */
export function joinerRecordOf(invite: Invite, init: JoinInit): JoinerRecord {
  const { ownId, name, allow, wants = invite.grants, now } = init
  if (invite.id === ownId) {
    const hint = 'give the link to the node that is to join'
    throw new KithError('usage', 'this node made the invite itself', { what: 'invite' }, { hint })
  }
  const missing = wants.find((grant) => !invite.grants.includes(grant))
  if (missing !== undefined) {
    const hint = `it offers: ${invite.grants.join(', ')}`
    throw new KithError('usage', `the invite does not offer ${missing}`, { what: 'want' }, { hint })
  }
  return { invite, name, allow: [...allow], wants: [...wants], at: now, state: { is: 'new' } }
}

/**
 * The record of a pairing as its owner gives it up, to be kept for `joinAgain`; undefined when there is nothing in it
 * that the inviter may hold to.
 */
export function giveUpJoin(record: JoinerRecord): JoinerRecord | undefined {
  return record.state.is === 'half' ? { ...record, givenUp: true } : undefined
}

/**
 * The record with which a link is redeemed once more that was given up. The inviter may have paired with us and answers
 * with the `done` that it gave then, so the session goes on; names and rights are those of now. Another link with the
 * same id may lead to somebody else, and begins anew.
 *
 * @throws {KithError} as `joinerRecordOf`
 */
export function joinAgain(given: JoinerRecord, invite: Invite, init: JoinInit): JoinerRecord {
  const isSameLink = given.invite.id === invite.id && isSame(given.invite.secret, invite.secret)
  if (!isSameLink) return joinerRecordOf(invite, init)
  return { ...joinerRecordOf(given.invite, init), state: given.state }
}

export interface JoinerContext extends PairingContext {
  /** Where this node can be dialled. More than the inviter takes are left out. */
  ownAddresses: readonly string[]
}

/**
 * What the joiner says first on a new connection to the inviter, and the record to store before it is sent; undefined
 * once paired. Safe to say again at any time, over any connection.
 */
export function joinerOpening(
  record: JoinerRecord,
  context: JoinerContext,
): { record: JoinerRecord; message: ProposeMessage | CommitMessage } | undefined {
  const { state } = record
  if (state.is === 'paired') return undefined
  if (state.is === 'half' && isBetween(state.session, context)) {
    return { record, message: state.session.commit }
  }
  // A nonce stays hidden until the commit: until then it can be used again.
  const nonce = state.is === 'new' ? context.nonce : (state.proposal?.nonce ?? context.nonce)
  const { message, t1 } = propose(record, nonce, context)
  const { ownPeerId, remotePeerId } = context
  const proposal: Proposal = { remotePeerId, ownPeerId, nonce, t1 }
  const next = state.is === 'half' ? { ...state, proposal } : { is: 'proposed' as const, proposal }
  return { record: { ...record, state: next }, message }
}

/** What the joiner makes of a message that names this invite. */
export function stepJoiner(
  record: JoinerRecord,
  message: PairingMessage,
  context: PairingContext,
): Step {
  if (!isSame(message.invite, record.invite.invite)) return refused(record, 'wrong invite')
  switch (message.t) {
    case 'offer':
      return takeOffer(record, message, context)
    case 'done':
      return takeDone(record, message, context)
    case 'propose':
    case 'commit':
      return refused(record, 'wrong message')
  }
}

/**
 * True when the inviter no longer takes what this record would send: nothing more will come of it, unless the inviter
 * had committed before and its answer was lost.
 */
export function isOverdue({ invite, state }: JoinerRecord, now: number): boolean {
  if (state.is === 'paired') return false
  return now >= (state.is === 'half' ? invite.exp + PAIRING_FINISH_MS : invite.exp)
}

function propose(
  { invite, wants }: JoinerRecord,
  nonce: Uint8Array,
  { ownAddresses, ownId, ownLog, ownPeerId, remotePeerId }: JoinerContext,
): { message: ProposeMessage; t1: Uint8Array } {
  const proposed = {
    t: 'propose' as const,
    invite: invite.invite,
    commitment: nonceCommitment(nonce),
    log: [...ownLog],
    addresses: ownAddresses.slice(0, MAX_PAIRING_ADDRESSES),
    grants: [...wants],
  }
  const t1 = proposeTranscript(proposed, {
    joiner: ownId,
    joinerPeerId: ownPeerId,
    inviter: invite.id,
    inviterPeerId: remotePeerId,
  })
  return { message: { ...proposed, mac: macOf(invite.secret, t1) }, t1 }
}

function takeOffer(record: JoinerRecord, message: OfferMessage, context: PairingContext): Step {
  const { invite, state, wants } = record
  if (state.is === 'half' && isAnswered(state.session, message)) {
    return { record, reply: state.session.commit, effects: [] }
  }
  if (state.is === 'new' || state.is === 'paired' || state.proposal === undefined) {
    return refused(record, 'not begun')
  }
  const { nonce, remotePeerId, t1 } = state.proposal
  if (!isBetween(state.proposal, context)) return refused(record, 'other connection')
  const t2 = offerTranscript(t1, message)
  if (!isSame(message.mac, macOf(invite.secret, t2))) return refused(record, 'wrong secret')
  if (!message.grants.every((grant) => wants.includes(grant))) return refused(record, 'grants')
  const shown = inviterKeys(record, message.log, context)
  if (shown === undefined) return refused(record, 'key log')
  const t3 = commitTranscript(t2, nonce)
  const sig = context.sign('pair-commit', t3)
  const commit: CommitMessage = { t: 'commit', invite: invite.invite, nonce, sig }
  const session = {
    remotePeerId,
    ownPeerId: context.ownPeerId,
    key: shown.key,
    log: shown.log.events,
    seenAt: shown.log.seenAt,
    t1,
    t2,
    t4: doneTranscript(t3),
    commit,
  }
  return { record: { ...record, state: { is: 'half', session } }, reply: commit, effects: [] }
}

/** Also in answer to a proposal: the inviter had committed to what was agreed on before. */
function takeDone(record: JoinerRecord, message: DoneMessage, { now }: PairingContext): Step {
  const { allow, invite, name, state } = record
  if (state.is === 'paired') return { record, effects: pinDue(record) }
  if (state.is !== 'half') return refused(record, 'used')
  const { key, log, t4 } = state.session
  if (!verify('pair-done', t4, message.sig, key)) return refused(record, 'bad signature')
  const words = pairingWords(t4)
  const { addresses, id } = invite
  const due = { name, id, addresses, allow, log, words }
  const next = { ...record, state: { is: 'paired' as const, pairedAt: now, words, due } }
  return { record: next, effects: pinDue(next) }
}

/** The inviter's keys, if its log goes on from the event that the invite was made at. */
function inviterKeys(
  { invite, state }: JoinerRecord,
  log: readonly Uint8Array[],
  context: PairingContext,
): ShownKeys | undefined {
  const { h, id, k, sn } = invite
  const begun = state.is === 'half' ? state.session : undefined
  const held = begun === undefined ? undefined : { events: begun.log, seenAt: begun.seenAt }
  const shown = keysShown(log, id, context.heldLog(id) ?? held, context)
  if (shown === undefined) return undefined
  const then = replayKeyLog(log)[sn]?.state
  const sameKey = then?.keyInForce !== undefined && isSame(then.keyInForce, k)
  return sameKey && isSame(then.head, h) ? shown : undefined
}

function isBetween(
  between: { remotePeerId: string; ownPeerId: string },
  { ownPeerId, remotePeerId }: PairingContext,
): boolean {
  return between.ownPeerId === ownPeerId && between.remotePeerId === remotePeerId
}

/** True for the very offer that was committed to. */
function isAnswered(
  { t1, t2 }: { t1: Uint8Array; t2: Uint8Array },
  message: OfferMessage,
): boolean {
  return isSame(offerTranscript(t1, message), t2)
}
