import { MAX_CHAIN } from './limits.ts'
import type { AskGrant, AskHours, GrantName, Pin } from './pin.ts'

/** What each verb needs: a name in `allow`, or no more than being pinned. A verb not listed is refused. */
export const VERB_GRANTS: Readonly<Record<string, GrantName | 'pinned'>> = {
  ping: 'ping',
  ask: 'ask',
  'ask.attach': 'ask',
  'ask.cancel': 'ask',
  'ask.get': 'ask',
  status: 'status',
  'audit.head': 'audit',
  'approval.list': 'approve',
  'approval.answer': 'approve',
  'job.run': 'job.run',
  'key.log': 'pinned',
  'key.announce': 'pinned',
  'key.request': 'key.rotate',
  'peer.bye': 'pinned',
  'peer.copy': 'pinned',
}

/** `rule` is the key of peers.yaml that decided, or `verb` or `pinned`; `why` is for our own operator. */
export type GrantDecision =
  { allowed: true; rule: string } | { allowed: false; rule: string; why: string }

export interface GrantCircumstances {
  /** Ms since the epoch. */
  now: number
  /** Nodes that an ask has come through, its first asker and the caller included. */
  chainLength: number
}

/** Whether `pin` covers a call of `verb`, and which rule says so. Rates, budgets and queues come after this. */
export function decideGrant(
  pin: Pin,
  verb: string,
  { now, chainLength }: GrantCircumstances,
): GrantDecision {
  const grant = Object.hasOwn(VERB_GRANTS, verb) ? VERB_GRANTS[verb] : undefined
  if (grant === undefined) return refuse('verb', `${JSON.stringify(verb)} is no verb of this node`)
  if (grant === 'pinned') return { allowed: true, rule: 'pinned' }
  if (!pin.allow.includes(grant)) return refuse('allow', `${grant} is not among what is allowed`)
  // Attach, cancel and get concern an ask that was let in: its answer can be fetched after hours.
  return verb === 'ask' ? decideAsk(pin.ask, now, chainLength) : { allowed: true, rule: 'allow' }
}

function decideAsk(ask: AskGrant, now: number, chainLength: number): GrantDecision {
  if (ask.untilAt !== undefined && now >= ask.untilAt) {
    return refuse('until', `asks were allowed until ${new Date(ask.untilAt).toISOString()}`)
  }
  if (ask.hours !== undefined && !isOpen(ask.hours, now)) {
    const { fromMinute, toMinute, zone } = ask.hours
    const hours = `${clock(fromMinute)} to ${clock(toMinute)}`
    return refuse('hours', `it is ${clock(minuteIn(zone, now))} in ${zone}; asks go from ${hours}`)
  }
  const depth = Math.min(ask.depth, MAX_CHAIN - 1)
  if (chainLength - 1 > depth) {
    return refuse('depth', `it came through ${chainLength - 1} other nodes; ${depth} are allowed`)
  }
  return { allowed: true, rule: 'allow' }
}

function refuse(rule: string, why: string): GrantDecision {
  return { allowed: false, rule, why }
}

function isOpen({ fromMinute, toMinute, zone }: AskHours, now: number): boolean {
  const minute = minuteIn(zone, now)
  return fromMinute < toMinute
    ? fromMinute <= minute && minute < toMinute
    : fromMinute <= minute || minute < toMinute
}

/** Minutes since midnight on the clocks of `zone`. */
function minuteIn(zone: string, now: number): number {
  const format = { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
  const [hour, minute] = new Intl.DateTimeFormat('en-GB', format).format(now).split(':')
  return Number(hour) * 60 + Number(minute)
}

/** `07:00`. */
function clock(minutes: number): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}
