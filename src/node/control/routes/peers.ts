import { z } from 'zod'
import { GRANT_NAMES } from '../../../protocol/pin.ts'
import { at, nothing, peerName, route } from './route.ts'

const count = z.int()

/** What our rules did with the calls of a peer. */
const policyReport = z.strictObject({
  since: at,
  /** Calls that were let in. */
  allowed: count,
  /** Of these, asks of whose answer something was kept back: a tool that was refused, or a secret. */
  filtered: count,
  /** Of these, asks that waited for a person. */
  review: count,
  /** Calls that may not be made so, and calls that may be made later. */
  denied: count,
  limited: count,
  /** The last of both. */
  lastDenial: z.exactOptional(
    z.strictObject({ at, code: z.string(), verb: z.string(), why: z.string() }),
  ),
})

export const peerReport = z.strictObject({
  name: peerName,
  id: z.exactOptional(z.string()),
  key: z.exactOptional(z.string()),
  words: z.exactOptional(z.array(z.string())),
  addresses: z.array(z.string()),
  allow: z.array(z.enum(GRANT_NAMES)),
  ask: z.record(z.string(), z.unknown()),
  callsPerMinute: z.number(),
  confirmed: z.exactOptional(z.string()),
  /** `waiting`: it has not shown its key log yet. `unpinned-you`: it has said that it unpinned this node. */
  state: z.enum(['connected', 'disconnected', 'waiting', 'frozen', 'retired', 'unpinned-you']),
  connectedAt: z.exactOptional(at),
  outbound: z.exactOptional(z.boolean()),
  unpinnedUsAt: z.exactOptional(at),
  software: z.exactOptional(z.string()),
  /** Why the last dial failed, and when the next is due. */
  lastError: z.exactOptional(z.string()),
  nextDialAt: z.exactOptional(at),
  policy: z.exactOptional(policyReport),
})

/** Where a rule is written; the line is that of the peer's entry when the rule stands at its default. */
const place = z.strictObject({ file: z.string(), line: z.exactOptional(z.int()) })

export const explainReport = z.strictObject({
  peer: peerName,
  verb: z.string(),
  allowed: z.boolean(),
  /** What the peer is told when it is refused. */
  code: z.exactOptional(z.string()),
  rule: z.string(),
  why: z.string(),
  where: z.exactOptional(place),
  /** What to type next. */
  hint: z.exactOptional(z.string()),
  /** When a call was last refused so. */
  at: z.exactOptional(at),
  /** The last call of this verb that was refused. */
  last: z.exactOptional(
    z.strictObject({
      at,
      code: z.string(),
      verb: z.exactOptional(z.string()),
      rule: z.string(),
      why: z.string(),
      where: z.exactOptional(place),
    }),
  ),
})

export const pingReport = z.strictObject({
  peer: peerName,
  rttMs: z.number(),
  /** How far the peer's clock is ahead of ours, in ms; half the round trip is its error. */
  clockOffsetMs: z.number(),
  software: z.string(),
  uptimeMs: z.number(),
})

/** Changes of peers.yaml, as `store/peers-file.ts` makes them. */
export const peerEdit = z.discriminatedUnion('op', [
  z.strictObject({
    op: z.literal('add'),
    peer: z.strictObject({
      name: peerName,
      id: z.exactOptional(z.string()),
      key: z.exactOptional(z.string()),
      addresses: z.exactOptional(z.array(z.string())),
      allow: z.exactOptional(z.array(z.enum(GRANT_NAMES))),
    }),
  }),
  z.strictObject({ op: z.literal('remove'), name: peerName }),
  z.strictObject({ op: z.literal('allow'), name: peerName, grants: z.array(z.enum(GRANT_NAMES)) }),
  z.strictObject({ op: z.literal('deny'), name: peerName, grants: z.array(z.enum(GRANT_NAMES)) }),
  z.strictObject({
    op: z.literal('set-addresses'),
    name: peerName,
    addresses: z.array(z.string()),
  }),
  z.strictObject({ op: z.literal('rename'), name: peerName, to: peerName }),
])

const peerPath = z.strictObject({ name: peerName })

export const PEER_ROUTES = {
  peers: route('GET', '/v1/peers', nothing, z.array(peerReport)),
  editPeers: route('POST', '/v1/peers', peerEdit, z.array(peerReport)),
  explain: route(
    'GET',
    '/v1/peers/:name/explain',
    peerPath.extend({
      verb: z.string().min(1).max(64),
      /** What decides on a refusal with this code, rather than on a call that comes now. */
      code: z.exactOptional(z.string().min(1).max(64)),
    }),
    explainReport,
  ),
  ping: route(
    'POST',
    '/v1/peers/:name/ping',
    peerPath.extend({ timeoutMs: z.exactOptional(z.int().min(1).max(600_000)) }),
    pingReport,
  ),
}

export type PeerReport = z.infer<typeof peerReport>
export type ExplainReport = z.infer<typeof explainReport>
export type PingReport = z.infer<typeof pingReport>
