import { z } from 'zod'
import { at, peerName, route, streamRoute } from './route.ts'

/** How a peer is, as one colour. `never-seen`: it is away, and was never met. */
export const FLEET_STATES = [
  'green',
  'yellow',
  'red',
  'unreachable',
  'denied',
  'never-seen',
] as const

export type FleetState = (typeof FLEET_STATES)[number]

const state = z.enum(FLEET_STATES)

/** What a peer told of itself. What a version of its kith does not tell is left out. */
export const fleetStatus = z.strictObject({
  software: z.string(),
  /** Lowest and highest version of links that it speaks. */
  versions: z.exactOptional(z.tuple([z.int(), z.int()])),
  health: z.enum(['healthy', 'degraded', 'unhealthy']),
  /** Names of what is not as it should be; no reasons. */
  notReady: z.array(z.string()),
  engine: z.string(),
  uptimeMs: z.int(),
  asks: z.strictObject({ running: z.int(), queued: z.int() }),
  /** What it found when it looked at itself. `missing`: it did not say. */
  audit: z.strictObject({
    state: z.enum(['green', 'incident', 'not-audited', 'missing']),
    /** Names of what it found, for an incident. */
    findings: z.array(z.string()),
    ageMs: z.exactOptional(z.int()),
  }),
  /** How far its clock is ahead of ours, in ms; half the round trip is its error. */
  clockOffsetMs: z.exactOptional(z.int()),
  /** How old its last backup is, in ms. */
  backupAgeMs: z.exactOptional(z.int()),
})

export const fleetRow = z.strictObject({
  name: peerName,
  id: z.exactOptional(z.string()),
  /** That of the last sample. */
  state,
  /** Why it is not green, the worst first; none for green. */
  reasons: z.array(z.string()),
  /** Another key answers at its address, or its key log stands against itself: `state` is red. */
  identityChanged: z.exactOptional(z.literal(true)),
  /** Since when `state` is so. */
  since: at,
  /** When the last sample was taken. */
  sampledAt: at,
  /** When it was green last. */
  lastOkAt: z.exactOptional(at),
  rttMs: z.exactOptional(z.int()),
  /** That of the last sample that had an answer. */
  status: z.exactOptional(fleetStatus),
  /** The last version of its software that stayed green for the soak time. */
  lastGood: z.exactOptional(z.strictObject({ software: z.string(), at })),
  /** What several samples agree on: it is what alerts go by. */
  steady: z.strictObject({ state, since: at }),
})

export const fleetHint = z.strictObject({
  /**
   * `offline`: it is this node that is off-line. `outage`: a provider fails everywhere. `regression`: a version of kith
   * is red everywhere. `skew`: peers have different versions.
   */
  kind: z.enum(['offline', 'outage', 'regression', 'skew']),
  what: z.string(),
  /** What to type or to do next. */
  hint: z.exactOptional(z.string()),
})

export const fleetReport = z.strictObject({
  at,
  /** The worst of all rows; `offline` when this node is. `kith fleet` exits with 0, 1, 2, 3, 4, in this order. */
  state: z.enum(['green', 'yellow', 'unreachable', 'red', 'offline']),
  /** In the order of peers.yaml. */
  rows: z.array(fleetRow),
  hints: z.array(fleetHint),
})

export const fleetSample = z.strictObject({
  at,
  state,
  reasons: z.array(z.string()),
  software: z.exactOptional(z.string()),
  rttMs: z.exactOptional(z.int()),
})

/** True from a query is text. */
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((word) => word === 'true')])

/** Shortest and longest time that a peer may be given. */
const timeoutMs = z.coerce.number().int().min(100).max(60_000)

export const FLEET_ROUTES = {
  /** What is known now; with `fresh`, every peer is asked first. */
  fleet: route(
    'GET',
    '/v1/fleet',
    z.strictObject({
      fresh: z.exactOptional(flag),
      /** Time that each peer has to answer, in ms. */
      timeoutMs: z.exactOptional(timeoutMs),
    }),
    fleetReport,
  ),
  /** What is known now, then again whenever a row or a hint changes. */
  fleetEvents: streamRoute('/v1/fleet/events', z.strictObject({}), fleetReport),
  /** Samples of one peer, the newest first: where something has changed, and one now and then between. */
  fleetHistory: route(
    'GET',
    '/v1/fleet/:name/history',
    z.strictObject({
      name: peerName,
      limit: z.coerce.number().int().min(1).max(1_000).default(50),
    }),
    z.strictObject({ name: peerName, samples: z.array(fleetSample) }),
  ),
}

export type FleetReport = z.infer<typeof fleetReport>
export type FleetRow = z.infer<typeof fleetRow>
export type FleetStatus = z.infer<typeof fleetStatus>
export type FleetHint = z.infer<typeof fleetHint>
export type FleetSample = z.infer<typeof fleetSample>
