import { z } from 'zod'
import { GRANT_NAMES } from '../../../protocol/pin.ts'
import { at, nothing, peerName, route } from './route.ts'

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
})

export const explainReport = z.strictObject({
  peer: peerName,
  verb: z.string(),
  allowed: z.boolean(),
  rule: z.string(),
  why: z.string(),
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
    peerPath.extend({ verb: z.string().min(1).max(64) }),
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
