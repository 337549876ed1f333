/* PROTOCOL.md §5, "Holding a peer's log". */
import { hash, readEvent, trace } from './key-log.ts'
import type { Step } from './key-log.ts'

export interface Held {
  events: Uint8Array[]
  seenAt: number[]
  conflict?: Uint8Array[]
}

/** What a log that is shown is judged as, and what is held then. @throws {Refused} */
export function judge(
  held: Held | undefined,
  shown: Uint8Array[],
  now: number,
): { kind: string; held: Held } {
  if (held === undefined) {
    trace(shown)
    return { kind: 'new', held: { events: shown, seenAt: shown.map(() => now) } }
  }
  const ours = trace(held.events)
  const theirs = trace(shown, ours[0]?.after.id)
  const fork = theirs.findIndex(({ after }, place) => after.head !== ours[place]?.after.head)
  if (fork === -1) return { kind: theirs.length < ours.length ? 'older' : 'same', held }

  const taken = {
    events: [...held.events.slice(0, fork), ...shown.slice(fork)],
    seenAt: [...held.seenAt.slice(0, fork), ...shown.slice(fork).map(() => now)],
  }
  const other = branchOf(held)
  const settled = other === undefined || settles(theirs, other, ours)
  if (fork === ours.length) {
    return settled ? { kind: 'grown', held: taken } : { kind: 'forked', held }
  }
  if (isAbove(ours, theirs)) return { kind: 'older', held }
  const window = (ours[0]?.after.windowHours ?? 0) * 3_600_000
  const inTime = now < (held.seenAt[fork] ?? 0) + window
  if (isAbove(theirs, ours) && inTime && settled) return { kind: 'recovered', held: taken }
  if (other !== undefined && !isAbove(theirs, other)) {
    const later = fork >= partOf(other, ours)
    if (later || isAbove(other, theirs)) return { kind: 'forked', held }
  }
  return { kind: 'forked', held: { ...held, conflict: shown.slice(fork) } }
}

/** The branch that the conflict is the end of. */
function branchOf({ conflict = [], events }: Held): Step[] | undefined {
  const [first] = conflict
  if (first === undefined) return undefined
  return trace([...events.slice(0, readEvent(first).integer('sn')), ...conflict])
}

/** The first place where `log` has another event than `other`, or one more. */
function partOf(log: Step[], other: Step[]): number {
  let place = 0
  while (place < log.length && log[place]?.after.head === other[place]?.after.head) place++
  return place
}

/** PROTOCOL.md: `log` outranks `other`. */
function isAbove(log: Step[], other: Step[]): boolean {
  const part = partOf(log, other)
  if (isByRecoveryKey(log, part)) return !isByRecoveryKey(other, part)
  if (isByRecoveryKey(other, part)) return false
  return isConfirmed(log, part) && !isConfirmed(other, part)
}

function settles(log: Step[], other: Step[], ours: Step[]): boolean {
  if (!isAbove(log, other)) return false
  return partOf(log, other) < other.length || !isConfirmed(other, partOf(other, ours))
}

function isConfirmed(log: Step[], from: number): boolean {
  return log.some((_, place) => place >= from && isByRecoveryKey(log, place))
}

function isByRecoveryKey(log: Step[], place: number): boolean {
  const event = log[place]?.event
  if (event?.kind === 'rec') return true
  return event?.kind === 'end' && hash(event.hex('by')) === log[place - 1]?.after.r
}
