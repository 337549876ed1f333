import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { encode } from './cbor.ts'
import type { CborValue } from './cbor.ts'
import { SIGNATURE_BYTES } from './ed25519.ts'
import { KithError } from './errors.ts'
import { INVITE_ID_BYTES, addressesSchema, bytesOf, rightsSchema } from './invite.ts'
import { MAX_KEY_EVENT_BYTES, MAX_KEY_LOG_EVENTS } from './limits.ts'
import { wordsOf } from './node-id.ts'
import { SHA256_BYTES, sha256 } from './sha256.ts'

export const PAIRING_NONCE_BYTES = 16
const MAC_BYTES = 32

const inviteId = bytesOf(INVITE_ID_BYTES)
const keyLog = z
  .array(
    z.custom<Uint8Array>(
      (value) => value instanceof Uint8Array && value.byteLength <= MAX_KEY_EVENT_BYTES,
      { message: 'no event' },
    ),
  )
  .min(1)
  .max(MAX_KEY_LOG_EVENTS)

/** Joiner to inviter: I have the invite, this is who I am, and this is what I want. */
export const proposeMessage = z.strictObject({
  t: z.literal('propose'),
  invite: inviteId,
  /** Hash of the joiner's nonce, which it keeps to itself until the inviter has chosen its own. */
  commitment: bytesOf(SHA256_BYTES),
  /** The joiner's key log. */
  log: keyLog,
  /** Where the joiner can be dialled; none when it cannot. */
  addresses: addressesSchema,
  /** Rights that the joiner wants, of those that the invite offers. */
  grants: rightsSchema,
  mac: bytesOf(MAC_BYTES),
})

/** Inviter to joiner: this is who I am, and this is what I give. */
export const offerMessage = z.strictObject({
  t: z.literal('offer'),
  invite: inviteId,
  nonce: bytesOf(PAIRING_NONCE_BYTES),
  /** The inviter's key log. */
  log: keyLog,
  grants: rightsSchema,
  mac: bytesOf(MAC_BYTES),
})

/** Joiner to inviter: agreed, and from here on I hold to it. */
export const commitMessage = z.strictObject({
  t: z.literal('commit'),
  invite: inviteId,
  nonce: bytesOf(PAIRING_NONCE_BYTES),
  sig: bytesOf(SIGNATURE_BYTES),
})

/** Inviter to joiner: you are pinned. */
export const doneMessage = z.strictObject({
  t: z.literal('done'),
  invite: inviteId,
  sig: bytesOf(SIGNATURE_BYTES),
})

export const pairingMessage = z.discriminatedUnion('t', [
  proposeMessage,
  offerMessage,
  commitMessage,
  doneMessage,
])

export type ProposeMessage = z.infer<typeof proposeMessage>
export type OfferMessage = z.infer<typeof offerMessage>
export type CommitMessage = z.infer<typeof commitMessage>
export type DoneMessage = z.infer<typeof doneMessage>
export type PairingMessage = z.infer<typeof pairingMessage>

/** A decoded value as a message of a pairing. @throws {KithError} `malformed` */
export function readPairingMessage(value: CborValue): PairingMessage {
  const parsed = pairingMessage.safeParse(value)
  if (parsed.success) return parsed.data
  throw new KithError('malformed', 'no message of a pairing', { what: 'pairing message' })
}

/** The two nodes of a pairing, and the keys that the connection has proved, as peer ids. */
export interface PairingParties {
  joiner: string
  joinerPeerId: string
  inviter: string
  inviterPeerId: string
}

/** T1: all that is proposed, by whom, to whom, and over which connection. */
export function proposeTranscript(
  message: Omit<ProposeMessage, 'mac'>,
  parties: PairingParties,
): Uint8Array {
  const { t, invite, commitment, log, addresses, grants } = message
  return transcript({ t, invite, commitment, log, addresses, grants, ...parties })
}

/** T2: all that is offered, and T1. */
export function offerTranscript(t1: Uint8Array, message: Omit<OfferMessage, 'mac'>): Uint8Array {
  const { t, invite, nonce, log, grants } = message
  return transcript({ t, invite, nonce, log, grants, before: t1 })
}

/** T3, which the joiner signs: T2, and the joiner's nonce. */
export function commitTranscript(t2: Uint8Array, nonce: Uint8Array): Uint8Array {
  return transcript({ t: 'commit', nonce, before: t2 })
}

/** T4, which the inviter signs: T3. */
export function doneTranscript(t3: Uint8Array): Uint8Array {
  return transcript({ t: 'done', before: t3 })
}

const TRANSCRIPT_TAG = new TextEncoder().encode('kith/pairing/1')
const NONCE_TAG = new TextEncoder().encode('kith/pairing-nonce/1')
const WORDS_TAG = new TextEncoder().encode('kith/pairing-words/1')

function transcript(fields: { [key: string]: CborValue }): Uint8Array {
  return sha256(TRANSCRIPT_TAG, encode(fields))
}

/** What a joiner says of its nonce before it says the nonce. */
export function nonceCommitment(nonce: Uint8Array): Uint8Array {
  return sha256(NONCE_TAG, nonce)
}

/**
 * Four words that both sides show. Neither side could choose its nonce knowing the other's, so somebody between two
 * people with two pairings of their own gets the same words on both sides once in 2^44 tries, each at the lobby's pace.
 */
export function pairingWords(t4: Uint8Array): string[] {
  return wordsOf(sha256(WORDS_TAG, t4))
}

/** HMAC-SHA256 (RFC 2104) of a transcript under the invite's secret. */
export function macOf(secret: Uint8Array, transcript: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha256', secret).update(transcript).digest())
}

/** Whether both are the same bytes, in a time that does not depend on where they differ. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b)
}
