import { isFailure } from '../../protocol/errors.ts'
import type { AskFinal } from '../../protocol/verbs.ts'
import { singleLine } from '../../protocol/text.ts'
import { WireFailure } from '../answer.ts'
import { failed } from './run-engine.ts'

/** Most entries kept of a peer's details, and most characters of a key and of a text in them. */
const MAX_DETAILS = 16
const MAX_KEY_CHARS = 64
const MAX_DETAIL_CHARS = 256

/** In the details of a `breaker-open`: it is a breaker of ours. A peer cannot say so of its own. */
const OURS = { by: 'here' }

/** How an ask of ours stands when a try to have it answered fails. */
export interface AskStanding {
  /** It may stay in the outbox while the peer is absent. */
  wait: boolean
  /** The call may have reached the peer. */
  sent: boolean
  /** Tries so far: after the first, the peer may have it, and a refusal of one more try says nothing of the ask. */
  tries: number
  cancelled: boolean
}

/**
 * What a failed try means: the ask's final, or undefined when it is worth another.
 *
 * @throws what is no failure of a call
 */
export function verdictOf(err: unknown, ask: AskStanding): AskFinal | undefined {
  if (err instanceof WireFailure) return refused(err, ask)
  if (isFailure(err, 'unreachable')) {
    return ask.sent || ask.wait ? undefined : failed('unreachable', { ...err.details })
  }
  if (isFailure(err, 'breaker-open')) {
    return ask.sent || ask.wait ? undefined : failed('breaker-open', { ...err.details, ...OURS })
  }
  if (isFailure(err, 'connection-lost') || isFailure(err, 'deadline')) return undefined
  if (isFailure(err, 'bad-request')) return failed('bad-request', { ...err.details })
  throw err
}

function refused({ code, details }: WireFailure, ask: AskStanding): AskFinal | undefined {
  const later = code === 'rate-limited' || code === 'busy'
  if (later && (ask.wait || ask.tries > 1)) return undefined
  // Our key has changed, and the next link is one of the new key.
  if (code === 'rotated') return undefined
  // The peer does not know it, so it never got there, and now it never will.
  if (code === 'bad-request' && ask.cancelled) return failed('cancelled')
  return failed(code, plain(details))
}

/** Of a peer's details, what we keep and show: a few short texts and numbers, whatever it sends. */
function plain(details: { [key: string]: unknown }): { [key: string]: string | number } {
  const kept = Object.entries(details)
    .filter(
      (entry): entry is [string, string | number] =>
        typeof entry[1] === 'string' || typeof entry[1] === 'number',
    )
    .filter(([key]) => !Object.hasOwn(OURS, key))
    .slice(0, MAX_DETAILS)
  return Object.fromEntries(
    kept.map(([key, value]) => [
      singleLine(key, MAX_KEY_CHARS),
      typeof value === 'string' ? singleLine(value, MAX_DETAIL_CHARS) : value,
    ]),
  )
}
