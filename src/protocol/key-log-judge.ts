import { isByRecoveryKey } from './key-log-chain.ts'
import { readSignedEvent } from './key-event.ts'
import { replayKeyLog, stateAtEnd, validateKeyLog, verifyKeyLog } from './key-log.ts'
import type { KeyLogState, ReplayedEvent } from './key-log.ts'

const HOUR_MS = 3_600_000

/** A peer's key log as this node keeps it. */
export interface HeldKeyLog {
  /** Signed events, the first one first. */
  events: Uint8Array[]
  /** When this node first saw each, by its own clock, in ms since the epoch. */
  seenAt: number[]
  /** Events of another branch, from the one on that stands against ours. While there are any, the peer is frozen. */
  conflict?: Uint8Array[]
  /** So many events, from the first one on, a person has confirmed: only the recovery key contradicts them now. */
  confirmed?: number
}

/** What a log that was shown means beside what is held. */
export interface Verdict {
  /**
   * `new`: nothing was held. `same`, `older`: nothing that counts beside what is held. `grown`: it goes on where ours
   * ends. `recovered`: the recovery key undid events of ours. `forked`: it contradicts ours, or goes on while that is
   * unsettled.
   */
  kind: 'new' | 'same' | 'older' | 'grown' | 'recovered' | 'forked'
  /** What to keep from now on: the very object that was passed when nothing changes. */
  held: HeldKeyLog
  /** What the log in `held.events` says. */
  state: KeyLogState
  /** True while a contradiction is unsettled. */
  frozen: boolean
}

/**
 * What a node makes of a key log that it is shown, at `now` by its own clock. A log never shrinks, and what was seen
 * first stays, unless the recovery key says otherwise in time. Where nobody can tell two branches apart, the node is
 * frozen until the recovery key has confirmed one of them, or a person has.
 *
 * @throws {KithError} `malformed` as `validateKeyLog` does
 */
export function judgeKeyLog(
  held: HeldKeyLog | undefined,
  shown: readonly Uint8Array[],
  now: number,
): Verdict {
  if (held === undefined) {
    const state = validateKeyLog(shown)
    return verdict('new', { events: copies(shown), seenAt: shown.map(() => now) }, state)
  }
  const ours = replayKeyLog(held.events)
  const state = stateAtEnd(ours)
  const theirs = replayKeyLog(shown, state.id)
  verifyKeyLog(theirs, countKnown(held, shown))

  const fork = forkOf(theirs, ours)
  if (fork === theirs.length) return verdict(fork < ours.length ? 'older' : 'same', held, state)
  if (fork < ours.length && outranks(ours, theirs)) return verdict('older', held, state)
  const isDecided = fork < (held.confirmed ?? 0)
  if (isDecided && !outranks(theirs, ours)) return verdict('older', held, state)
  const against = branchAgainst(held)
  const settles = against === undefined || isSettledBy(theirs, against, ours)
  if (fork === ours.length) {
    // While a contradiction is unsettled, nobody knows who makes our branch longer, but for the recovery key.
    if (!settles) return verdict('forked', held, state)
    return verdict('grown', spliced(held, shown, fork, now), stateAtEnd(theirs))
  }
  // Too late to undo what we hold is not too late to say that it is a thief's.
  const inTime = now - seenAt(held, fork) < state.windowHours * HOUR_MS
  if (settles && inTime && outranks(theirs, ours)) {
    return verdict('recovered', spliced(held, shown, fork, now), stateAtEnd(theirs))
  }
  const isBetter = against === undefined || standsBefore(theirs, against, ours)
  const kept = isBetter ? { ...held, conflict: copies(shown.slice(fork)) } : held
  return verdict('forked', kept, state)
}

/**
 * The held log with the branch whose last event has this hash (SHA-256 of the event without its signatures), and
 * without the other: what a person has decided. What was not held before is first seen `now`. What stands against the
 * branch from here on is nothing, unless the recovery key speaks for it. Undefined when neither branch ends in it, or
 * nothing stands against what is held.
 */
export function settleKeyLog(
  held: HeldKeyLog,
  head: Uint8Array,
  now: number,
): HeldKeyLog | undefined {
  const against = branchAgainst(held)
  if (against === undefined) return undefined
  const ours = replayKeyLog(held.events)
  const { events, seenAt } = held
  if (isSameBytes(stateAtEnd(ours).head, head)) return { events, seenAt, confirmed: events.length }
  if (!isSameBytes(stateAtEnd(against).head, head)) return undefined
  const fork = forkOf(against, ours)
  const kept = spliced(held, [...events.slice(0, fork), ...(held.conflict ?? [])], fork, now)
  return { ...kept, confirmed: against.length }
}

function verdict(kind: Verdict['kind'], held: HeldKeyLog, state: KeyLogState): Verdict {
  return { kind, held, state, frozen: held.conflict !== undefined }
}

/** How many events of the shown log are held as they are, signatures included, and so were verified before. */
function countKnown(held: HeldKeyLog, shown: readonly Uint8Array[]): number {
  const differs = shown.findIndex((event, sn) => !isSameBytes(event, held.events[sn]))
  return differs === -1 ? shown.length : differs
}

/** Number of the first event of `log` that is not one of `other`: the length of `log` if it has none. */
function forkOf(log: readonly ReplayedEvent[], other: readonly ReplayedEvent[]): number {
  const fork = log.findIndex((event, sn) => !isSameEvent(event, other[sn]))
  return fork === -1 ? log.length : fork
}

/**
 * True when the recovery key speaks for `log`, and not for `other`, from where they part: in that very place, or, where
 * it has signed neither event there, later on. By what it signs, it confirms all that comes before.
 */
function outranks(log: readonly ReplayedEvent[], other: readonly ReplayedEvent[]): boolean {
  const fork = forkOf(log, other)
  const [here, there] = [log, other].map((branch) => isByRecovery(branch, fork))
  if (here !== there) return here === true
  return here === false && isConfirmed(log, fork) && !isConfirmed(other, fork)
}

function isConfirmed(log: readonly ReplayedEvent[], fork: number): boolean {
  return log.some((_, sn) => sn >= fork && isByRecovery(log, sn))
}

/**
 * True when the recovery key has spoken for `log` and not for what stands against ours. Once it has, nothing that goes on
 * from either branch settles that.
 */
function isSettledBy(
  log: readonly ReplayedEvent[],
  against: readonly ReplayedEvent[],
  ours: readonly ReplayedEvent[],
): boolean {
  const goesOn = forkOf(log, against) === against.length
  if (goesOn && isConfirmed(against, forkOf(against, ours))) return false
  return outranks(log, against)
}

/**
 * True when `log` is to be kept as what stands against ours, instead of `against`: it outranks that, or parts from ours
 * in an earlier place and is not outranked. So what has been signed by the recovery key is not forgotten.
 */
function standsBefore(
  log: readonly ReplayedEvent[],
  against: readonly ReplayedEvent[],
  ours: readonly ReplayedEvent[],
): boolean {
  if (outranks(log, against)) return true
  return !outranks(against, log) && forkOf(log, ours) < forkOf(against, ours)
}

/** The whole of the branch that stands against ours, if one does. */
function branchAgainst({ conflict, events }: HeldKeyLog): ReplayedEvent[] | undefined {
  const [first] = conflict ?? []
  if (conflict === undefined || first === undefined) return undefined
  const fork = readSignedEvent(first).event.sn
  return replayKeyLog([...events.slice(0, fork), ...conflict])
}

/** Compared without their signatures: whoever holds a key can sign one event in many valid ways. */
function isSameEvent(a: ReplayedEvent, b: ReplayedEvent | undefined): boolean {
  return isSameBytes(a.signed.bytes, b?.signed.bytes)
}

function isSameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0
}

/** The first event is never in question: it is what the id is of. */
function isByRecovery(log: readonly ReplayedEvent[], sn: number): boolean {
  const [before, event] = [log[sn - 1], log[sn]]
  if (before === undefined || event === undefined) return false
  return isByRecoveryKey(event.signed.event, before.state)
}

/** What is held up to the fork, and from there what was shown. */
function spliced(
  held: HeldKeyLog,
  shown: readonly Uint8Array[],
  fork: number,
  now: number,
): HeldKeyLog {
  const taken = copies(shown.slice(fork))
  const { confirmed } = held
  return {
    events: [...held.events.slice(0, fork), ...taken],
    seenAt: [...held.seenAt.slice(0, fork), ...taken.map(() => now)],
    ...(confirmed === undefined ? {} : { confirmed: Math.min(confirmed, fork) }),
  }
}

function seenAt(held: HeldKeyLog, sn: number): number {
  const at = held.seenAt[sn]
  if (at === undefined) throw new TypeError(`no time for event ${sn}`)
  return at
}

function copies(events: readonly Uint8Array[]): Uint8Array[] {
  return events.map((event) => event.slice())
}
