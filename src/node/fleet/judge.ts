import { singleLine } from '../../protocol/text.ts'
import type { StatusEnd } from '../../protocol/status.ts'
import type { FleetState, FleetStatus } from '../control/routes/fleet.ts'

/** What came of asking a peer how it is. */
export type Outcome =
  /** `rttMs` in whole ms, rounded up. */
  | { kind: 'answered'; status: StatusEnd; rttMs: number; at: number }
  /** Its own code: it lives, and says no more. */
  | { kind: 'refused'; code: string }
  | { kind: 'silent'; why: string }

/** What is known of a peer without asking it. */
export interface PeerFacts {
  name: string
  /** Two valid key logs stand against each other. */
  frozen: boolean
  /** Another key than its own answers at its address. */
  otherKey: boolean
  retired: boolean
  unpinnedUs: boolean
  /** It has shown its key log, at some time. */
  met: boolean
}

/** One look at a peer, as one colour and its reasons. */
export interface Verdict {
  state: FleetState
  /** The worst first; none for green. */
  reasons: string[]
  identityChanged?: true
}

/** A clock that is further off than this breaks hours and dates, though not kith. */
const MAX_CLOCK_OFFSET_MS = 60_000

/** A self-audit that is older says nothing of now: a node makes one every few minutes. */
const MAX_AUDIT_AGE_MS = 3_600_000

const MAX_NAME_CHARS = 64
const MAX_REASON_CHARS = 200

/** How a peer is. What it may have been told by somebody else's key comes before what it says itself. */
export function judge(facts: PeerFacts, outcome: Outcome): Verdict {
  const { frozen, met, name, otherKey, retired, unpinnedUs } = facts
  if (frozen) {
    const reason = `its key log stands against itself: kith peers why ${name}`
    return { state: 'red', reasons: [reason], identityChanged: true }
  }
  if (outcome.kind === 'answered') return ofStatus(outcome.status, outcome)
  if (outcome.kind === 'refused') return ofRefusal(outcome.code)
  if (otherKey) {
    return { state: 'red', reasons: ['another key answers at its address'], identityChanged: true }
  }
  if (retired) return { state: 'yellow', reasons: [`it has retired: kith peers remove ${name}`] }
  if (unpinnedUs) return { state: 'denied', reasons: ['it has unpinned this node'] }
  const reasons = [singleLine(outcome.why, MAX_REASON_CHARS)]
  return { state: met ? 'unreachable' : 'never-seen', reasons }
}

/** The status of a peer as it is shown: all texts are safe, and what it left out is said to be missing. */
export function shownStatus(status: StatusEnd, sample: { at: number; rttMs: number }): FleetStatus {
  const { asks, at, audit, backupAgeMs, engine, health, notReady, software, uptimeMs, versions } =
    status
  const clockOffsetMs = at === undefined ? undefined : Math.round(at + sample.rttMs / 2 - sample.at)
  const ageMs = audit?.at === undefined || at === undefined ? undefined : Math.max(0, at - audit.at)
  return {
    software: safe(software),
    ...(versions === undefined ? {} : { versions }),
    health,
    notReady: (notReady ?? []).map(safe),
    engine: safe(engine),
    uptimeMs,
    asks,
    audit: {
      state: audit?.state ?? 'missing',
      findings: (audit?.findings ?? []).map(safe),
      ...(ageMs === undefined ? {} : { ageMs }),
    },
    ...(clockOffsetMs === undefined ? {} : { clockOffsetMs }),
    ...(backupAgeMs === undefined ? {} : { backupAgeMs }),
  }
}

function ofStatus(status: StatusEnd, sample: { at: number; rttMs: number }): Verdict {
  const { audit, clockOffsetMs, health, notReady } = shownStatus(status, sample)
  const names = notReady.length === 0 ? '' : `: ${notReady.join(', ')}`
  const red = [
    ...(audit.state === 'incident' ? [`self-audit found ${listed(audit.findings)}`] : []),
    ...(health === 'unhealthy' ? [`unhealthy${names}`] : []),
  ]
  const yellow = [
    ...(health === 'degraded' ? [`degraded${names}`] : []),
    ...auditReasons(audit),
    ...(Math.abs(clockOffsetMs ?? 0) > MAX_CLOCK_OFFSET_MS ? [clockText(clockOffsetMs ?? 0)] : []),
  ]
  const state = red.length > 0 ? 'red' : yellow.length > 0 ? 'yellow' : 'green'
  return { state, reasons: [...red, ...yellow].map((text) => singleLine(text, MAX_REASON_CHARS)) }
}

/** Silence about itself is no good news. */
function auditReasons({ ageMs = 0, state }: FleetStatus['audit']): string[] {
  if (state === 'missing') return ['its self-audit is missing: its kith may be older']
  if (state === 'not-audited') return ['it does not audit itself']
  return ageMs > MAX_AUDIT_AGE_MS ? ['its self-audit is more than an hour old'] : []
}

function ofRefusal(code: string): Verdict {
  switch (code) {
    case 'denied':
      return { state: 'denied', reasons: ['it does not let this node see its status'] }
    case 'frozen':
      return { state: 'denied', reasons: ['it has frozen this node: kith key status'] }
    case 'unsupported-verb':
      return { state: 'yellow', reasons: ['its kith knows no status: it is older'] }
    default:
      return { state: 'yellow', reasons: [`it answered ${safe(code)}`] }
  }
}

/** In whole minutes: what is the same is said in the same words. */
function clockText(offsetMs: number): string {
  const minutes = Math.round(Math.abs(offsetMs) / 60_000)
  return `its clock is ${minutes} min ${offsetMs > 0 ? 'ahead' : 'behind'}`
}

function listed(findings: readonly string[]): string {
  return findings.join(', ') || 'something'
}

function safe(text: string): string {
  return singleLine(text, MAX_NAME_CHARS)
}
