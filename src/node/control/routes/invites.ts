import { z } from 'zod'
import { MAX_ADDRESS_CHARS, MAX_PAIRING_ADDRESSES } from '../../../protocol/limits.ts'
import { addressSchema, GRANT_NAMES, nameSchema } from '../../../protocol/pin.ts'
import { peerReport } from './peers.ts'
import { at, nothing, peerName, route } from './route.ts'

/** Longest life of an invite, in seconds: 30 days. */
const MAX_TTL_SECONDS = 2_592_000

/** Longest text that is looked at as a link; whatever is longer is none. */
const MAX_LINK_CHARS = 4_096

const inviteId = z.string().regex(/^[0-9a-f]{32}$/, 'no id of an invite')
const rights = z.array(z.enum(GRANT_NAMES))
const words = z.array(z.string())

const inviteReport = z.strictObject({
  invite: inviteId,
  /** Our name for who redeems it, as it was when the invite was made. */
  name: peerName,
  allow: rights,
  at,
  expiresAt: at,
  state: z.enum(['open', 'pending', 'used', 'revoked', 'burned', 'expired']),
  /** Who has redeemed it, when, and the words that its owner sees too. */
  used: z.exactOptional(z.strictObject({ by: z.string(), at, words })),
  /** Our name for that node now, and how people made sure of it; neither once it is unpinned. */
  peer: z.exactOptional(peerName),
  confirmed: z.exactOptional(z.string()),
})

const joinReport = z.strictObject({
  invite: inviteId,
  /** Our name for the inviter. */
  name: peerName,
  /** Its node id. */
  id: z.string(),
  at,
  /** `half`: the inviter may have pinned this node already. `over`: nothing more is tried. */
  state: z.enum(['trying', 'half', 'paired', 'over']),
  until: at,
  /** Since the node was started. */
  attempts: z.int(),
  lastError: z.exactOptional(z.string()),
  nextAt: z.exactOptional(at),
  paired: z.exactOptional(z.strictObject({ at, words })),
  peer: z.exactOptional(peerName),
  confirmed: z.exactOptional(z.string()),
})

export const pairingsReport = z.strictObject({
  /** Made here, the oldest first. */
  invites: z.array(inviteReport),
  /** Redeemed here, the oldest first. */
  joins: z.array(joinReport),
})

export const INVITE_ROUTES = {
  invites: route('GET', '/v1/invites', nothing, pairingsReport),
  /** The only answer that has a link in it. */
  invite: route(
    'POST',
    '/v1/invites',
    z.strictObject({
      name: nameSchema,
      allow: rights,
      ttlSeconds: z.int().min(1).max(MAX_TTL_SECONDS),
      /** Instead of those where the node can be reached by all that it knows. */
      addresses: z.exactOptional(
        z
          .array(z.string().max(MAX_ADDRESS_CHARS).pipe(addressSchema))
          .min(1)
          .max(MAX_PAIRING_ADDRESSES),
      ),
    }),
    z.strictObject({ ...inviteReport.shape, link: z.string() }),
  ),
  /** Also gives up an invite that is being redeemed here. */
  revokeInvite: route(
    'POST',
    '/v1/invites/:which/revoke',
    z.strictObject({ which: z.string().min(1).max(64) }),
    pairingsReport,
  ),
  /** Answers as soon as the node has taken it on: it goes on by itself. */
  join: route(
    'POST',
    '/v1/joins',
    z.strictObject({
      link: z.string().max(MAX_LINK_CHARS),
      name: z.exactOptional(nameSchema),
      allow: rights,
      wants: z.exactOptional(rights),
    }),
    joinReport,
  ),
  /** Answers once it is over, or more than `after` attempts were made. */
  followJoin: route(
    'POST',
    '/v1/joins/:invite/follow',
    z.strictObject({ invite: inviteId, after: z.int().nonnegative() }),
    joinReport,
  ),
  /** Says that two people have compared words; these very ones, if they are given. */
  confirmPeer: route(
    'POST',
    '/v1/peers/:name/confirm',
    z.strictObject({ name: peerName, words: z.exactOptional(z.string().max(256)) }),
    z.strictObject({ ...peerReport.shape, compared: z.exactOptional(words) }),
  ),
}

export type InviteReport = z.infer<typeof inviteReport>
export type JoinReport = z.infer<typeof joinReport>
export type PairingsReport = z.infer<typeof pairingsReport>
