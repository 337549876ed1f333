import { KithError } from './errors.ts'

/**
 * Why a key log, one event of it or a receipt is refused: `what` in the details of a `malformed`. PROTOCOL.md says
 * what each means, in this order.
 */
export const KEY_LOG_REFUSALS = [
  'too many events',
  'empty log',
  'event too large',
  'not canonical',
  'not a signed event',
  'unknown version',
  'unknown event type',
  'missing field',
  'unknown field',
  'wrong field',
  'wrong time',
  'wrong id',
  'wrong sequence number',
  'inception not first',
  'retired',
  'bad link',
  'wrong commitment',
  'keys not distinct',
  'weak key',
  'bad signature',
] as const

export type KeyLogRefusal = (typeof KEY_LOG_REFUSALS)[number]

/** The error for a key log that is refused, for this reason. */
export function refusal(what: KeyLogRefusal, detail = '', cause?: unknown): KithError<'malformed'> {
  return new KithError(
    'malformed',
    `key log refused: ${what} ${detail}`.trimEnd(),
    { what },
    { cause },
  )
}
