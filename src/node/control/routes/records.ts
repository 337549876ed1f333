import { z } from 'zod'
import { at, nothing, peerName, route } from './route.ts'

/*
 * What a node keeps of what has happened to it. Hashes are in hex, money is in millionths of a US dollar.
 */

const uint = z.int().nonnegative()
const hash = z.string()
/** In a query, where all is text. */
const time = z.coerce.number().int().nonnegative()

/** Most entries of the audit log in one answer. */
const MAX_ENTRIES = 50_000

export const auditEntryReport = z.strictObject({
  /** Counts from 1 without a gap. */
  seq: uint,
  at,
  hash,
  kind: z.string(),
  who: z.string(),
  what: z.string(),
  details: z.exactOptional(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))),
})

export const auditVerdictReport = z.discriminatedUnion('intact', [
  z.strictObject({
    intact: z.literal(true),
    /** Numbers of the oldest entry, and how many there are. */
    first: uint,
    entries: uint,
    head: z.exactOptional(z.strictObject({ seq: uint, hash })),
    /** The newest entry that the node has signed, and when. */
    signed: z.exactOptional(z.strictObject({ seq: uint, at })),
  }),
  z.strictObject({
    intact: z.literal(false),
    /** The first bad entry. */
    seq: uint,
    problem: z.enum(['edited', 'missing', 'reordered', 'rewritten', 'forged', 'pruned']),
  }),
])

export const witnessReport = z.strictObject({
  peer: peerName,
  state: z.enum(['agrees', 'contradicts', 'holds-none', 'refused', 'unreachable']),
  /** Heads of ours that it holds. */
  held: uint,
  newest: z.exactOptional(z.strictObject({ seq: uint, at })),
  contradiction: z.exactOptional(
    z.strictObject({ seq: uint, at, held: hash, here: z.exactOptional(hash) }),
  ),
})

export const heldReport = z.strictObject({
  peer: peerName,
  /** Heads of its log that are kept here, and the newest of them. */
  kept: uint,
  newest: z.exactOptional(z.strictObject({ seq: uint, hash, receivedAt: at })),
  /** What it has said that does not go together, the oldest first. `shown` is the signed head that stands against `kept`. */
  contradictions: z.array(
    z.strictObject({
      at,
      problem: z.enum(['other', 'shorter', 'withheld', 'pruned']),
      kept: z.strictObject({ seq: uint, hash, receivedAt: at, signed: z.string() }),
      shown: z.strictObject({ seq: uint, hash, signed: z.string() }),
    }),
  ),
})

export const diffReport = z.strictObject({
  since: at,
  until: at,
  /** Of when the state is that was compared; absent when none was kept. */
  comparedWith: z.exactOptional(at),
  changes: z.array(
    z.strictObject({
      kind: z.enum(['peers', 'grants', 'jobs', 'config', 'memory', 'key']),
      subject: z.exactOptional(z.string()),
      what: z.string(),
    }),
  ),
  activity: z.strictObject({
    asked: z.strictObject({ in: uint, out: uint }),
    sessions: uint,
    compactions: uint,
    runs: z.strictObject({ ended: uint, failed: uint }),
    cost: z.strictObject({ microUsd: uint, tokens: uint, calls: uint, unpriced: uint }),
  }),
})

export const digestReport = z.strictObject({
  since: at,
  until: at,
  /** What `kith doctor` has found that is not well. */
  attention: z.array(
    z.strictObject({
      check: z.string(),
      state: z.enum(['warn', 'fail']),
      what: z.string(),
      hint: z.exactOptional(z.string()),
    }),
  ),
  /** Those that are open, the newest first. */
  alerts: z.array(z.strictObject({ at, kind: z.string(), what: z.string(), hint: z.string() })),
  runs: z.strictObject({
    byOutcome: z.record(z.string(), uint),
    slowest: z.array(z.strictObject({ run: z.string(), job: z.string(), ms: uint })),
  }),
  /** Peers that are pinned and were not heard of for long. */
  gone: z.array(z.strictObject({ peer: peerName, lastAt: z.exactOptional(at) })),
  denials: z.array(z.strictObject({ peer: z.string(), calls: uint })),
  compactions: uint,
  cost: diffReport.shape.activity.shape.cost,
})

export const RECORD_ROUTES = {
  /** The newest entries of the audit log that fit, the oldest of them first. */
  audit: route(
    'GET',
    '/v1/audit',
    z.strictObject({
      since: z.exactOptional(time),
      /** With commas between. */
      kinds: z.exactOptional(z.string()),
      who: z.exactOptional(z.string()),
      limit: z.coerce.number().int().min(1).max(MAX_ENTRIES).default(100),
    }),
    z.array(auditEntryReport),
  ),
  verifyAudit: route('GET', '/v1/audit/verify', nothing, auditVerdictReport),
  /** Asks the peers what they hold of our audit log. */
  auditWitnesses: route('GET', '/v1/audit/witnesses', nothing, z.array(witnessReport)),
  /** What is held here of the audit logs of peers. */
  auditHeld: route('GET', '/v1/audit/held', nothing, z.array(heldReport)),
  diff: route('GET', '/v1/diff', z.strictObject({ since: time }), diffReport),
  digest: route('GET', '/v1/digest', z.strictObject({ since: time }), digestReport),
}

export type AuditEntryReport = z.infer<typeof auditEntryReport>
export type AuditVerdictReport = z.infer<typeof auditVerdictReport>
export type WitnessReport = z.infer<typeof witnessReport>
export type HeldReport = z.infer<typeof heldReport>
export type DiffReport = z.infer<typeof diffReport>
export type DigestReport = z.infer<typeof digestReport>

/** A version that is known to be vulnerable. */
export interface VulnerablePackage {
  package: string
  version: string
  id: string
  severity: string
  summary: string
  /** The first version without it. */
  fixed?: string
}

/** What was found. `not-checked`: there is no list that covers these packages, so that nothing is known. */
export interface DependencyReport {
  state: 'clean' | 'vulnerable' | 'not-checked'
  packages: number
  /** When the list was fetched, in ms since the epoch. */
  listAt?: number
  /** Why it was not fetched now, or does not cover all. */
  why?: string
  findings: VulnerablePackage[]
}
