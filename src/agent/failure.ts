import { isFailure, isWireCode } from '../protocol/errors.ts'
import type { KithError, WireCode, WireDetails } from '../protocol/errors.ts'
import type { EngineEvent, EngineFailure } from './ports.ts'

/** The event that ends an ask badly. */
export function failed<C extends WireCode>(
  code: C,
  details: WireDetails[C],
  message: string,
): EngineFailure<C> {
  return { kind: 'failed', code, details, message }
}

/** The event that tells of `err`, or undefined when it is none that an asker may be told. */
export function failureOf(err: unknown): EngineFailure | undefined {
  return isWireFailure(err) ? failed(err.code, err.details, err.message) : undefined
}

/**
 * `events` of an answer with their one end: what they throw is the failure that it is, if an asker may be told of it,
 * and is thrown on if not. They may return a failure as well.
 */
export async function* ended(
  events: AsyncGenerator<EngineEvent, EngineFailure | undefined>,
  signal: AbortSignal,
): AsyncGenerator<EngineEvent> {
  try {
    signal.throwIfAborted()
    yield (yield* events) ?? { kind: 'done' }
  } catch (err) {
    const failure = signal.aborted ? abortFailure(signal) : failureOf(err)
    if (failure === undefined) throw err
    yield failure
  }
}

/** The event that ends an aborted ask: `deadline` or `interrupted` if the signal's reason says so, else `cancelled`. */
export function abortFailure(
  signal: AbortSignal,
): EngineFailure<'deadline' | 'interrupted' | 'cancelled'> {
  const reason: unknown = signal.reason
  if (isFailure(reason, 'deadline')) return failed('deadline', {}, 'the time for this ask is over')
  if (isFailure(reason, 'interrupted')) return failed('interrupted', {}, 'the node is stopping')
  return failed('cancelled', {}, 'the ask was cancelled')
}

function isWireFailure(err: unknown): err is KithError<WireCode> {
  return isFailure(err) && isWireCode(err.code)
}
