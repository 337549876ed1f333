import { z } from 'zod'
import { INVITE_ID_BYTES, INVITE_SECRET_BYTES, bytesOf, nodeIdSchema } from './invite.ts'
import type { Invite } from './invite.ts'
import { MAX_WRONG_SECRETS, PAIRING_FINISH_MS } from './limits.ts'
import {
  commitMessage,
  commitTranscript,
  doneMessage,
  doneTranscript,
  isSame,
  macOf,
  nonceCommitment,
  offerMessage,
  offerTranscript,
  pairingWords,
  proposeTranscript,
} from './pairing-messages.ts'
import type { CommitMessage, PairingMessage, ProposeMessage } from './pairing-messages.ts'
import { claimedId, keysShown, pairedPeer, pinDue, refused } from './pairing.ts'
import type { PairingContext, PairingStep, ShownKeys } from './pairing.ts'
import { PUBLIC_KEY_BYTES } from './ed25519.ts'
import { GRANT_NAMES, nameSchema } from './pin.ts'
import { SHA256_BYTES } from './sha256.ts'
import { verify } from './signed.ts'
import { bytes } from './verbs.ts'

const time = z.int().nonnegative()
const grants = z.array(z.enum(GRANT_NAMES))

/** What the inviter holds of a joiner that knew the secret, until that one commits. */
const session = z.strictObject({
  joiner: nodeIdSchema,
  /** The joiner's key in force, and its log. */
  key: bytesOf(PUBLIC_KEY_BYTES),
  log: z.array(bytes),
  seenAt: z.array(time),
  /** Both ends of the connection. */
  remotePeerId: z.string(),
  ownPeerId: z.string(),
  addresses: z.array(z.string()),
  /** What it wants, and gets. */
  allow: grants,
  t1: bytesOf(SHA256_BYTES),
  commitment: bytesOf(SHA256_BYTES),
  offer: offerMessage,
})

/** An invite as the node that made it keeps it: CBOR, by the invite's id. Holds the secret. */
export const inviterRecord = z.strictObject({
  invite: bytesOf(INVITE_ID_BYTES),
  secret: bytesOf(INVITE_SECRET_BYTES),
  /** Our name for who redeems it. */
  name: nameSchema,
  /** What it may do here. */
  grants,
  at: time,
  exp: time,
  revoked: z.boolean(),
  wrongSecrets: time,
  state: z.discriminatedUnion('is', [
    z.strictObject({ is: z.literal('open') }),
    z.strictObject({ is: z.literal('pending'), session }),
    z.strictObject({
      is: z.literal('paired'),
      joiner: nodeIdSchema,
      pairedAt: time,
      /** The last two messages: the first gets the second again for as long as the record is kept. */
      remotePeerId: z.string(),
      commit: commitMessage,
      done: doneMessage,
      words: z.array(z.string()),
      due: z.exactOptional(pairedPeer),
    }),
  ]),
})

export type InviterRecord = z.infer<typeof inviterRecord>
type Session = z.infer<typeof session>
type Step = PairingStep<InviterRecord>

/** The record of an invite that was just made, with our own name for whoever redeems it. */
export function inviterRecordOf(
  { invite, secret, grants, exp }: Invite,
  { name, now }: { name: string; now: number },
): InviterRecord {
  const unused = { revoked: false, wrongSecrets: 0, state: { is: 'open' } }
  return inviterRecord.parse({ invite, secret, name, grants, at: now, exp, ...unused })
}

/** The invite as its owner takes it back. One that is used stays so: who redeemed it is a peer. */
export function revokeInvite(record: InviterRecord): InviterRecord {
  return record.state.is === 'paired' ? record : { ...record, revoked: true }
}

export type InviteStatus = 'open' | 'pending' | 'used' | 'revoked' | 'burned' | 'expired'

/** What is to be said of an invite. While one is `open` or `pending`, strangers must be able to reach the lobby. */
export function inviteStatus(record: InviterRecord, now: number): InviteStatus {
  const { state } = record
  if (state.is === 'paired') return 'used'
  if (record.revoked) return 'revoked'
  if (state.is === 'pending') return isFinishable(record, now) ? 'pending' : 'expired'
  if (isBurned(record)) return 'burned'
  return now < record.exp ? 'open' : 'expired'
}

/** What the inviter makes of a message that names this invite. The same message again gets the same answer. */
export function stepInviter(
  record: InviterRecord,
  message: PairingMessage,
  context: PairingContext,
): Step {
  if (!isSame(message.invite, record.invite)) return refused(record, 'wrong invite')
  switch (message.t) {
    case 'propose':
      return takeProposal(record, message, context)
    case 'commit':
      return takeCommit(record, message, context)
    case 'offer':
    case 'done':
      return refused(record, 'wrong message')
  }
}

/** Whoever is the first to prove the secret has the invite for itself, until its owner revokes it. */
function takeProposal(
  record: InviterRecord,
  message: ProposeMessage,
  context: PairingContext,
): Step {
  const { state } = record
  const { now, ownId, ownPeerId, remotePeerId, heldLog } = context
  if (record.revoked) return refused(record, 'revoked')
  if (state.is === 'open' && isBurned(record)) return refused(record, 'burned')
  const joiner = claimedId(message.log)
  if (joiner === undefined) return refused(record, 'key log')
  if (joiner === ownId) return refused(record, 'own invite')
  const t1 = proposeTranscript(message, {
    joiner,
    joinerPeerId: remotePeerId,
    inviter: ownId,
    inviterPeerId: ownPeerId,
  })
  if (!isSame(message.mac, macOf(record.secret, t1))) return countWrong(record, now)
  const begun = state.is === 'pending' ? state.session : undefined
  const held = heldLog(joiner) ?? heldIn(begun, joiner)
  const shown = keysShown(message.log, joiner, held, context)
  if (shown === undefined) return refused(record, 'key log')
  const owner = state.is === 'paired' ? state.joiner : begun?.joiner
  if (owner !== undefined && owner !== joiner) {
    const why = state.is === 'paired' ? 'used' : 'taken'
    return refused(record, why, { kind: 'alert', alert: 'invite-reused', by: joiner })
  }
  // One of the two has rotated, or lost the answer: what was agreed on stands.
  if (state.is === 'paired') return { record, reply: state.done, effects: pinDue(record) }
  if (begun === undefined ? now >= record.exp : !isFinishable(record, now)) {
    return refused(record, 'expired')
  }
  if (begun !== undefined && isSame(begun.t1, t1)) {
    return { record, reply: begun.offer, effects: [] }
  }
  return offer(record, message, { joiner, t1, shown }, context)
}

function offer(
  record: InviterRecord,
  message: ProposeMessage,
  { joiner, t1, shown }: { joiner: string; t1: Uint8Array; shown: ShownKeys },
  { nonce, ownLog, ownPeerId, remotePeerId }: PairingContext,
): Step {
  const { invite, secret } = record
  const allow = record.grants.filter((name) => message.grants.includes(name))
  if (allow.length < message.grants.length) return refused(record, 'grants')
  const offered = { t: 'offer' as const, invite, nonce, log: [...ownLog], grants: [...allow] }
  const reply = { ...offered, mac: macOf(secret, offerTranscript(t1, offered)) }
  const session: Session = {
    joiner,
    key: shown.key,
    log: shown.log.events,
    seenAt: shown.log.seenAt,
    remotePeerId,
    ownPeerId,
    addresses: message.addresses,
    allow,
    t1,
    commitment: message.commitment,
    offer: reply,
  }
  return { record: { ...record, state: { is: 'pending', session } }, reply, effects: [] }
}

function takeCommit(record: InviterRecord, message: CommitMessage, context: PairingContext): Step {
  const { state } = record
  const { now, ownPeerId, remotePeerId, heldLog } = context
  if (state.is === 'paired') {
    const { commit, done } = state
    if (remotePeerId !== state.remotePeerId) return refused(record, 'other connection')
    if (!isSame(message.nonce, commit.nonce)) return refused(record, 'wrong nonce')
    if (!isSame(message.sig, commit.sig)) return refused(record, 'bad signature')
    return { record, reply: done, effects: pinDue(record) }
  }
  if (record.revoked) return refused(record, 'revoked')
  if (state.is === 'open') return refused(record, 'not begun')
  if (!isFinishable(record, now)) return refused(record, 'expired')
  const { session } = state
  const { joiner, t1, offer } = session
  if (remotePeerId !== session.remotePeerId || ownPeerId !== session.ownPeerId) {
    return refused(record, 'other connection')
  }
  if (!isSame(nonceCommitment(message.nonce), session.commitment)) {
    return refused(record, 'wrong nonce')
  }
  const t3 = commitTranscript(offerTranscript(t1, offer), message.nonce)
  if (!verify('pair-commit', t3, message.sig, session.key)) return refused(record, 'bad signature')
  // Its key may have been rotated away since, and we may have heard of it elsewhere.
  const shown = keysShown(session.log, joiner, heldLog(joiner), context)
  if (shown === undefined) return refused(record, 'key log')
  return pair(record, session, message, doneTranscript(t3), context)
}

function pair(
  record: InviterRecord,
  { addresses, allow, joiner, log, remotePeerId }: Session,
  commit: CommitMessage,
  t4: Uint8Array,
  { now, sign }: PairingContext,
): Step {
  const { invite, name } = record
  const words = pairingWords(t4)
  const done = { t: 'done' as const, invite, sig: sign('pair-done', t4) }
  const due = { name, id: joiner, addresses, allow, log, words }
  const paired = { joiner, pairedAt: now, remotePeerId, commit, done, words, due }
  const next = { ...record, state: { is: 'paired' as const, ...paired } }
  return { record: next, reply: done, effects: pinDue(next) }
}

function countWrong(record: InviterRecord, now: number): Step {
  const over = record.state.is === 'paired' || isBurned(record) || now >= record.exp
  if (over) return refused(record, 'wrong secret')
  const counted = { ...record, wrongSecrets: record.wrongSecrets + 1 }
  return isBurned(counted)
    ? refused(counted, 'wrong secret', { kind: 'alert', alert: 'invite-burned' })
    : refused(counted, 'wrong secret')
}

function isBurned({ wrongSecrets }: InviterRecord): boolean {
  return wrongSecrets >= MAX_WRONG_SECRETS
}

/** True while a pairing that was begun in time may come to its end. */
function isFinishable({ exp }: InviterRecord, now: number): boolean {
  return now < exp + PAIRING_FINISH_MS
}

function heldIn(begun: Session | undefined, joiner: string) {
  return begun?.joiner === joiner ? { events: begun.log, seenAt: begun.seenAt } : undefined
}
