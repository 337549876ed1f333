import { APICallError, JSONParseError, ToolChoiceViolationError, TypeValidationError } from 'ai'
import { toError } from '../../../protocol/errors.ts'
import { singleLine } from '../../../protocol/text.ts'
import { retryAfterMs } from './retry.ts'

/**
 * Why a call of a model came to nothing.
 *
 * - `rate-limited`, `overloaded`: the provider says to come later
 * - `unreachable`: no connection; `broken`: an error or nonsense for an answer; `cut`: the connection ended within
 *   one; `silent`: nothing came for too long; `empty`: an answer without a word; `endless`: calls of tools where there should have been one
 * - `refused`: the provider does not take this request, or this key
 */
export type FaultKind =
  | 'rate-limited'
  | 'overloaded'
  | 'unreachable'
  | 'broken'
  | 'cut'
  | 'silent'
  | 'empty'
  | 'endless'
  | 'refused'

const WITHOUT_PROVIDER: ReadonlySet<FaultKind> = new Set([
  'rate-limited',
  'refused',
  'empty',
  'endless',
])

/** A model that calls tools where it was to answer. */
export const ENDLESS: ModelFault = {
  kind: 'endless',
  message: 'the model calls tools without coming to an end',
}

export interface ModelFault {
  kind: FaultKind
  /** For our own operator: in one line, without our keys. */
  message: string
  /** Of the HTTP response. */
  status?: number
  /** How long the provider asks to wait. */
  retryAfterMs?: number
}

/** Longest word of a provider in a message, in code points. */
const MAX_MESSAGE_CHARS = 300

export interface FaultContext {
  /** True once a part of the answer was there. */
  begun: boolean
  /** Takes our keys out of what a provider says. */
  scrub: (text: string) => string
  /** In ms since the epoch. */
  now: number
}

/** What `thrown` by a call of a model says. */
export function faultOf(thrown: unknown, { begun, now, scrub }: FaultContext): ModelFault {
  const said = (what: string): string =>
    `${what}: ${singleLine(scrub(messageOf(thrown)), MAX_MESSAGE_CHARS)}`
  if (ToolChoiceViolationError.isInstance(thrown)) return ENDLESS
  if (JSONParseError.isInstance(thrown) || TypeValidationError.isInstance(thrown)) {
    return { kind: 'broken', message: said('the provider sent what is no answer') }
  }
  if (!APICallError.isInstance(thrown)) {
    return { kind: 'broken', message: said('the provider reports an error') }
  }
  const { responseHeaders = {}, statusCode } = thrown
  if (begun) return { kind: 'cut', message: said('the answer was cut off') }
  if (statusCode === undefined) {
    return { kind: 'unreachable', message: said('the provider cannot be reached') }
  }
  const waitMs = retryAfterMs(responseHeaders, now)
  return {
    kind: kindOf(statusCode),
    status: statusCode,
    message: said(`the provider answered ${statusCode}`),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  }
}

/** True for a fault of the provider itself, which says how it does. */
export function isProviderDown({ kind }: ModelFault): boolean {
  return !WITHOUT_PROVIDER.has(kind)
}

/** True if the same request may be answered when it is made again. */
export function isPassing({ kind }: ModelFault): boolean {
  return kind !== 'refused' && kind !== 'endless'
}

/** A 2xx is an answer that is none. 529 is Anthropic's word for `overloaded`. */
function kindOf(status: number): FaultKind {
  if (status === 429) return 'rate-limited'
  if (status === 503 || status === 529) return 'overloaded'
  if (status === 408 || status >= 500 || status < 300) return 'broken'
  return 'refused'
}

/** Some providers report an error within a stream as a plain object. */
function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return withCause(thrown)
  if (typeof thrown === 'object' && thrown !== null && 'message' in thrown) {
    return String(thrown.message)
  }
  return toError(thrown).message
}

function withCause({ cause, message }: Error): string {
  if (!(cause instanceof Error) || message.includes(cause.message)) return message
  return `${message} (${cause.message})`
}
