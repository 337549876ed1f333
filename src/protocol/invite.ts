import { z } from 'zod'
import { decode, encode } from './cbor.ts'
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES } from './ed25519.ts'
import { KithError } from './errors.ts'
import type { InviteFault } from './errors.ts'
import type { KeyLogState } from './key-log.ts'
import {
  MAX_ADDRESS_CHARS,
  MAX_INVITE_LINK_CHARS,
  MAX_PAIRING_ADDRESSES,
  MAX_PAIRING_GRANTS,
  MAX_TIME_MS,
} from './limits.ts'
import { isNodeId } from './node-id.ts'
import { addressSchema, nameSchema } from './pin.ts'
import { SHA256_BYTES } from './sha256.ts'
import { verify } from './signed.ts'

export const INVITE_ID_BYTES = 16
export const INVITE_SECRET_BYTES = 16

const INVITE_VERSION = 1
const LINK_HEAD = 'kith://i/'

/** Exactly so many bytes. */
export function bytesOf(length: number): z.ZodCustom<Uint8Array, Uint8Array> {
  return z.custom<Uint8Array>(
    (value) => value instanceof Uint8Array && value.byteLength === length,
    { message: `not ${length} bytes` },
  )
}

export const nodeIdSchema = z.string().refine(isNodeId, { message: 'no node id' })

/** Where a node can be dialled. */
export const addressesSchema = z
  .array(z.string().max(MAX_ADDRESS_CHARS).pipe(addressSchema))
  .max(MAX_PAIRING_ADDRESSES)

/** Names of rights: also such as only a later version knows. */
export const rightsSchema = z
  .array(z.string().regex(/^[a-z][a-z.-]{0,31}$/))
  .max(MAX_PAIRING_GRANTS)
  .refine((names) => new Set(names).size === names.length, 'something is there twice')

/** What an invite says. The field names are those on the wire. */
export const inviteSchema = z.strictObject({
  v: z.literal(INVITE_VERSION),
  /** Node id of the inviter. */
  id: nodeIdSchema,
  /** Its key in force when it made the invite. */
  k: bytesOf(PUBLIC_KEY_BYTES),
  /** Head of its key log then, and the number of that event. */
  h: bytesOf(SHA256_BYTES),
  sn: z.int().nonnegative(),
  addresses: addressesSchema.min(1),
  /** Which invite. */
  invite: bytesOf(INVITE_ID_BYTES),
  /** Whoever knows it may redeem the invite. Never sent, and never logged. */
  secret: bytesOf(INVITE_SECRET_BYTES),
  /** First moment at which it can no longer be redeemed, in ms since the epoch, by the inviter's clock. */
  exp: z.int().nonnegative().max(MAX_TIME_MS),
  /** Rights that the inviter gives to who redeems it. */
  grants: rightsSchema,
  /** What the inviter would like to be called. */
  name: z.exactOptional(nameSchema),
})

export type Invite = z.infer<typeof inviteSchema>

const envelope = z.strictObject({
  b: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
  s: bytesOf(SIGNATURE_BYTES),
})

export interface InviteInit {
  /** What the inviter's own key log says. */
  own: KeyLogState
  addresses: readonly string[]
  /** 16 random bytes each. */
  inviteId: Uint8Array
  secret: Uint8Array
  /** In ms since the epoch. */
  expiresAt: number
  grants: readonly string[]
  /** @default none */
  name?: string
  /** Signs with the key in force. */
  sign: (kind: 'invite', bytes: Uint8Array) => Uint8Array
}

/**
 * An invite, and the link that carries it: `kith://i/1/` and base64url of the map `{b, s}`. Both hold the secret.
 *
 * @throws {KithError} `usage` when there is no address, or too much for one link
 */
export function createInvite(init: InviteInit): { invite: Invite; link: string } {
  const { own, addresses, inviteId, secret, expiresAt, grants, name, sign } = init
  if (own.keyInForce === undefined) throw new TypeError('a node that has retired invites nobody')
  if (addresses.length === 0) throw unfit('an invite needs an address', 'give one with --address')
  const invite = inviteSchema.parse({
    v: INVITE_VERSION,
    id: own.id,
    k: own.keyInForce,
    h: own.head,
    sn: own.sn,
    addresses: addresses.slice(0, MAX_PAIRING_ADDRESSES),
    invite: inviteId,
    secret,
    exp: expiresAt,
    grants: [...grants],
    ...(name === undefined ? {} : { name }),
  })
  const b = encode(invite)
  const link = `${LINK_HEAD}1/${toBase64Url(encode({ b, s: sign('invite', b) }))}`
  if (link.length > MAX_INVITE_LINK_CHARS) {
    throw unfit('the addresses are too long for one invite', 'name fewer with --address')
  }
  return { invite, link }
}

/**
 * The invite in a link. Its signature is checked, which shows that nothing in it was changed; whether its key is that
 * of the node it names, only the node's key log can say. White space is dropped: mail programs break long lines.
 *
 * @throws {KithError} `bad-invite`. Nothing of the link is in the error.
 */
export function readInvite(text: string, now: number): Invite {
  const link = text.slice(0, 2 * MAX_INVITE_LINK_CHARS).replace(/\s+/gu, '')
  if (!link.startsWith(LINK_HEAD)) throw bad('not a kith link')
  const [, version, body = ''] = /^(\d{1,4})\/(.*)$/u.exec(link.slice(LINK_HEAD.length)) ?? []
  if (version === undefined) throw bad('not a kith link')
  if (version !== String(INVITE_VERSION)) throw bad('unknown version')
  if (link.length > MAX_INVITE_LINK_CHARS) throw bad('damaged')
  const invite = readSigned(fromBase64Url(body))
  if (now >= invite.exp) throw bad('expired')
  return invite
}

function readSigned(bytes: Uint8Array): Invite {
  try {
    const { b, s } = envelope.parse(decode(bytes))
    const invite = inviteSchema.parse(decode(b))
    // What is kept must not hang on a buffer that holds the whole link.
    const { k, h, invite: inviteId, secret } = invite
    const copies = { k: k.slice(), h: h.slice(), invite: inviteId.slice(), secret: secret.slice() }
    if (verify('invite', b, s, k)) return { ...invite, ...copies }
  } catch {
    // The cause would name values of the link, and those are no business of a log.
  }
  throw bad('damaged')
}

const HINTS: Readonly<Record<InviteFault, string>> = {
  'not a kith link': 'an invite begins with kith://i/; ask for it again',
  'unknown version': 'it was made by a later kith; update this one',
  damaged: 'copy the whole link, from kith:// to its last character, or ask for a new one',
  expired: 'ask for a new one; if it should still be good, compare the clocks',
}

function bad(why: InviteFault): KithError<'bad-invite'> {
  return new KithError('bad-invite', `no usable invite: ${why}`, { why }, { hint: HINTS[why] })
}

function unfit(message: string, hint: string): KithError<'usage'> {
  return new KithError('usage', message, { what: 'addresses of an invite' }, { hint })
}

function toBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}

/** What is written otherwise than by `toBase64Url` is damaged too: a link has one form. */
function fromBase64Url(text: string): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(text, 'base64url'))
  if (toBase64Url(bytes) !== text) throw bad('damaged')
  return bytes
}
