import { z } from 'zod'
import { MAX_ROTATION_GRACE_SECONDS } from '../../../protocol/limits.ts'
import { at, nothing, peerName, route } from './route.ts'

/** Opens what is sealed in this home. It is used and forgotten. */
const passphrase = z.exactOptional(z.string().max(1_024))
const words = z.string().max(1_024)
const text = z.string().max(8_192)

/** What an event of a key log says, for people. */
export const keyEventReport = z.strictObject({
  sn: z.int(),
  type: z.enum(['icp', 'rot', 'rec', 'end']),
  /** Peer id of the key that it brings. */
  key: z.exactOptional(z.string()),
  /** Hex of its SHA-256. */
  hash: z.string(),
  at,
  why: z.exactOptional(z.enum(['routine', 'compromise'])),
  graceSeconds: z.exactOptional(z.int()),
  lastGoodAt: z.exactOptional(at),
  /** When this node first saw it. */
  seenAt: z.exactOptional(at),
})

export const keyStandingReport = z.strictObject({
  peer: peerName,
  /** What it has last said that it holds of our key log. `unknown`: no node runs that could tell. */
  state: z.enum(['acknowledged', 'unseen', 'frozen', 'unknown']),
  connected: z.boolean(),
  sn: z.exactOptional(z.int()),
  seenAt: z.exactOptional(at),
})

/** A rotation that is prepared, or asked for. */
export const rotationReport = z.strictObject({
  /** Eight words of this very rotation. */
  words: z.array(z.string()),
  sn: z.int(),
  /** Peer id of the key to come. */
  key: z.string(),
  why: z.enum(['routine', 'compromise']),
  graceSeconds: z.int(),
  lastGoodAt: z.exactOptional(at),
  at,
})

/** One of another node, for a key that is kept here. */
export const rotationRequestReport = rotationReport.extend({
  peer: peerName,
  id: z.string(),
  request: z.string(),
})

export const keyReport = z.strictObject({
  id: z.string(),
  words: z.array(z.string()),
  /** Peer id of the key in use. A retired node has none. */
  key: z.exactOptional(z.string()),
  sn: z.int(),
  windowHours: z.int(),
  /** Until then the key before the last rotation may still announce it. */
  graceEndsAt: z.exactOptional(at),
  rotationKey: z.enum(['here', 'off-host']),
  log: z.array(keyEventReport),
  peers: z.array(keyStandingReport),
  /** A rotation of this node that waits for its rotation key. */
  waiting: z.exactOptional(rotationReport),
  /** Rotations of other nodes that wait for a key that is kept here, and when each came. */
  requests: z.array(rotationRequestReport.extend({ receivedAt: at, endorsed: z.boolean() })),
})

export const rotateReport = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('rotated'), report: keyReport }),
  /** The rotation key is elsewhere: `kith key request` says where to. */
  z.strictObject({ state: z.literal('waiting'), rotation: rotationReport }),
])

export const drillReport = z.strictObject({
  /** The worst of all. */
  state: z.enum(['ok', 'warn', 'fail']),
  findings: z.array(
    z.strictObject({
      /** The peer, or the part of this node, that it is about. */
      check: z.string(),
      /** `unchecked`: a drill cannot tell, and says how to. */
      state: z.enum(['ok', 'warn', 'fail', 'unchecked']),
      what: z.string(),
      hint: z.exactOptional(z.string()),
    }),
  ),
})

/** Why the pin of a peer has the key that it has. */
export const peerKeysReport = z.strictObject({
  peer: peerName,
  id: z.exactOptional(z.string()),
  state: z.enum(['in-force', 'frozen', 'retired', 'waiting']),
  windowHours: z.exactOptional(z.int()),
  /** The key before the last rotation may fetch and announce until then. */
  graceEndsAt: z.exactOptional(at),
  log: z.array(keyEventReport),
  /** Events that stand against those of the log. */
  conflict: z.array(keyEventReport),
})

/** What is kept of a frozen peer's key log. */
export const settlementReport = z.strictObject({
  peer: peerName,
  id: z.string(),
  /** Those of the node: both branches have them. */
  words: z.array(z.string()),
  /** Of the last event, whole. */
  hash: z.string(),
  log: z.array(keyEventReport),
})

/** The end of this node, and which of its peers have acknowledged it. */
export const retireReport = z.strictObject({
  id: z.string(),
  sn: z.int(),
  peers: z.array(z.strictObject({ peer: peerName, told: z.boolean() })),
})

/** A key log as a file, in the form of `identity.json`: public, and enough for a recovery in an empty home. */
export const keyLogExport = z.strictObject({
  id: z.string(),
  words: z.array(z.string()),
  events: z.int(),
  /** Another log stands against it, so that this one may be a thief's. */
  frozen: z.boolean(),
  file: z.string(),
})

export const KEY_ROUTES = {
  key: route('GET', '/v1/key', nothing, keyReport),
  rotate: route(
    'POST',
    '/v1/key/rotate',
    z.strictObject({
      why: z.enum(['routine', 'compromise']),
      graceSeconds: z.int().min(0).max(MAX_ROTATION_GRACE_SECONDS),
      lastGoodAt: z.exactOptional(at),
      passphrase,
    }),
    rotateReport,
  ),
  /** The rotation that waits, as text; with a peer, that one is asked. Without a running node, it has to be signed. */
  requestRotation: route(
    'POST',
    '/v1/key/request',
    z.strictObject({ via: z.exactOptional(peerName), passphrase }),
    z.strictObject({
      rotation: rotationReport,
      request: z.string(),
      endorsement: z.exactOptional(z.string()),
    }),
  ),
  completeRotation: route(
    'POST',
    '/v1/key/complete',
    z.strictObject({ endorsement: text, passphrase }),
    keyReport,
  ),
  /** What a request wants, whichever way it came. */
  inspectRotation: route(
    'POST',
    '/v1/key/inspect',
    z.strictObject({ request: text }),
    rotationRequestReport,
  ),
  /** Endorses this very request with a rotation key that is kept here. */
  signRotation: route(
    'POST',
    '/v1/key/sign',
    z.strictObject({ request: text, passphrase }),
    z.strictObject({ endorsement: z.string() }),
  ),
  keepRotationKey: route(
    'POST',
    '/v1/key/keep',
    z.strictObject({ peer: peerName, words, passphrase }),
    nothing,
  ),
  /** The words of this node's own rotation key. */
  exportRotationKey: route(
    'POST',
    '/v1/key/export',
    z.strictObject({ passphrase }),
    z.strictObject({ words: z.array(z.string()) }),
  ),
  /** Erases it from this host. The words are the proof that somebody has it elsewhere. */
  forgetRotationKey: route('POST', '/v1/key/forget', z.strictObject({ words }), nothing),
  /** Proves that these are the words that would recover this node, and changes nothing. */
  checkRecovery: route(
    'POST',
    '/v1/key/recover/check',
    z.strictObject({ words }),
    z.strictObject({ id: z.string(), sn: z.int() }),
  ),
  /** Nothing is in force before `commitRecovery`: first its words have to be safe. */
  prepareRecovery: route(
    'POST',
    '/v1/key/recover',
    z.strictObject({
      words,
      /** How the new keys are kept. */
      protection: z.union([
        z.strictObject({ clear: z.literal(true) }),
        z.strictObject({ passphrase: z.string().min(1).max(1_024) }),
      ]),
      rotationKeyOffHost: z.exactOptional(z.literal(true)),
    }),
    z.strictObject({
      recoveryWords: z.array(z.string()),
      rotationWords: z.exactOptional(z.array(z.string())),
    }),
  ),
  commitRecovery: route('POST', '/v1/key/recover/commit', nothing, keyReport),
  /** Ends this node for good, by these words or by the rotation key of this host, and stops it. */
  retire: route(
    'POST',
    '/v1/key/retire',
    z.strictObject({ words: z.exactOptional(words), passphrase }),
    retireReport,
  ),
  /** The key log of a peer as it is held here; without one, that of this node. */
  exportKeyLog: route(
    'GET',
    '/v1/key/log',
    z.strictObject({ peer: z.exactOptional(peerName) }),
    keyLogExport,
  ),
  /** Plays a rotation through with stand-ins for all keys and peers. Changes nothing. */
  drillRotation: route('POST', '/v1/key/drill', z.strictObject({ passphrase }), drillReport),
  peerKeys: route(
    'GET',
    '/v1/peers/:name/keys',
    z.strictObject({ name: peerName }),
    peerKeysReport,
  ),
  /** Keeps the branch of a frozen peer whose last event has this hash, and forgets the other. */
  settlePeer: route(
    'POST',
    '/v1/peers/:name/settle',
    z.strictObject({
      name: peerName,
      /** Hex; the first 8 digits or more. */
      hash: z.string().regex(/^[0-9a-f]{8,64}$/),
      /** Says what would be kept, and changes nothing. */
      dryRun: z.exactOptional(z.literal(true)),
    }),
    settlementReport,
  ),
}

/** Routes that need no running node: peers learn of it at the next start. */
export type OfflineKeyRoute =
  | 'key'
  | 'rotate'
  | 'requestRotation'
  | 'completeRotation'
  | 'exportRotationKey'
  | 'forgetRotationKey'
  | 'checkRecovery'
  | 'prepareRecovery'
  | 'commitRecovery'
  | 'retire'
  | 'exportKeyLog'
  | 'drillRotation'

/** Those that make a node anew whose home is gone. */
export type LostNodeRoute = 'key' | 'checkRecovery' | 'prepareRecovery' | 'commitRecovery'

export type DrillReport = z.infer<typeof drillReport>
export type KeyEventReport = z.infer<typeof keyEventReport>
export type KeyReport = z.infer<typeof keyReport>
export type KeyStandingReport = z.infer<typeof keyStandingReport>
export type KeyLogExport = z.infer<typeof keyLogExport>
export type RetireReport = z.infer<typeof retireReport>
export type PeerKeysReport = z.infer<typeof peerKeysReport>
export type SettlementReport = z.infer<typeof settlementReport>
export type RotationReport = z.infer<typeof rotationReport>
export type RotationRequestReport = z.infer<typeof rotationRequestReport>
export type RotateReport = z.infer<typeof rotateReport>
