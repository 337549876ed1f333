import { raceSignal } from 'race-signal'
import { isFailure, toError } from '../../protocol/errors.ts'
import { statusEnd } from '../../protocol/status.ts'
import { WireFailure } from '../answer.ts'
import type { Caller } from '../caller.ts'
import type { Clock } from '../clock.ts'
import type { DialState } from '../dialer.ts'
import type { Peer } from '../pins.ts'
import type { Outcome } from './judge.ts'

export interface LookComponents {
  caller: Pick<Caller, 'call'>
  links: { get: (id: string) => unknown }
  dialer: { state: (name: string) => DialState | undefined }
  clock: Clock
}

export interface LookOptions {
  /** Time for a dial and the answer together, in ms. */
  timeoutMs: number
  /** Also a peer without a link, which is dialled for it. */
  dial: boolean
  signal: AbortSignal
}

/** Asks a peer how it is. Never rejects: whatever comes of it is an outcome, within `timeoutMs`. */
export async function look(
  { caller, clock, dialer, links }: LookComponents,
  peer: Peer,
  { dial, signal, timeoutMs }: LookOptions,
): Promise<Outcome> {
  const linked = peer.id !== undefined && links.get(peer.id) !== undefined
  if (!linked && !dial) {
    return { kind: 'silent', why: dialer.state(peer.pin.name)?.lastError ?? 'it has no connection' }
  }
  const late = new AbortController()
  const cancel = clock.after(timeoutMs, () => {
    late.abort(new Error(`it did not answer within ${timeoutMs / 1_000} s`))
  })
  const ending = AbortSignal.any([signal, late.signal])
  const sentAt = performance.now()
  try {
    const options = { deadlineMs: timeoutMs, signal: ending }
    const call = caller.call(peer, 'status', {}, statusEnd, options)
    // A dial that is shared with others goes on without us.
    const status = await raceSignal(call, ending)
    return {
      kind: 'answered',
      status,
      rttMs: Math.ceil(performance.now() - sentAt),
      at: clock.now(),
    }
  } catch (err) {
    if (late.signal.aborted) return silent(late.signal.reason)
    if (err instanceof WireFailure) return { kind: 'refused', code: err.code }
    // It has answered what is no status: whoever it is, it lives.
    if (isFailure(err, 'bad-request')) return { kind: 'refused', code: 'an end that does not fit' }
    return silent(isFailure(err, 'unreachable') ? new Error(err.details.reason) : err)
  } finally {
    cancel()
  }
}

function silent(err: unknown): Outcome {
  return { kind: 'silent', why: toError(err).message }
}
