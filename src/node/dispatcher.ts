import type { Logger } from 'pino'
import { KithError, isFailure, isWireCode, toError } from '../protocol/errors.ts'
import type { Body } from '../protocol/message.ts'
import { WireFailure } from './answer.ts'
import type { Answer } from './answer.ts'
import type { Clock } from './clock.ts'
import type { Guard } from './guard.ts'
import type { KnownPeer, Pins } from './pins.ts'
import type { PolicyTelemetry } from './policy/telemetry.ts'

export interface DispatcherComponents {
  pins: Pick<Pins, 'byKey'>
  guard: Guard
  clock: Clock
  log: Logger
  /** A new id that finds a log line. */
  incidentId: () => string
  /** Told how each call of a pinned peer came out: with the code of its failure, or none. */
  onOutcome?: (peer: KnownPeer, verb: string, code: string | undefined) => void
  /** Counts what the rules do with each call. */
  policy?: Pick<PolicyTelemetry, 'admitted' | 'refused'>
}

/** Brings each call that the guard admits to its verb, and turns every failure into what a peer may see of it. */
export class Dispatcher {
  readonly #components: DispatcherComponents

  constructor(components: DispatcherComponents) {
    this.#components = components
  }

  /**
   * The end's body.
   *
   * @throws {WireFailure} and nothing else to a pinned peer
   * @throws {KithError} `not-pinned`, which ends the link: a stranger is told nothing
   */
  dispatch(answer: Answer): Body | Promise<Body> {
    const { clock, guard, onOutcome, pins, policy } = this.#components
    // Looked up for each call: a change of the pins counts from the next frame.
    const peer = pins.byKey(answer.peer.key)
    if (peer === undefined) {
      const { id } = answer.peer
      throw new KithError('not-pinned', `${id} is not pinned`, { peer: id })
    }
    try {
      const { verb, call } = guard.admit(peer, answer, clock.now())
      policy?.admitted(peer.id, answer.call)
      const result = verb.run(call)
      if (!(result instanceof Promise)) {
        onOutcome?.(peer, verb.name, undefined)
        return result
      }
      return result.then(
        (end) => {
          onOutcome?.(peer, verb.name, undefined)
          return end
        },
        (err: unknown) => {
          throw this.#failed(err, peer, answer)
        },
      )
    } catch (err) {
      throw this.#failed(err, peer, answer)
    }
  }

  #failed(err: unknown, peer: KnownPeer, answer: Answer): WireFailure {
    const failure = this.#wireFailure(err, answer)
    const { onOutcome, policy } = this.#components
    const { code, details } = failure
    policy?.refused(peer.id, answer.call, { code, details, why: toError(err).message })
    onOutcome?.(peer, answer.call.verb, failure.code)
    return failure
  }

  #wireFailure(err: unknown, answer: Answer): WireFailure {
    const { call, peer } = answer
    const { incidentId, log } = this.#components
    if (err instanceof WireFailure) return err
    if (isFailure(err) && isWireCode(err.code)) {
      log.debug(
        { peer: peer.id, verb: call.verb, code: err.code, why: err.message },
        'call refused',
      )
      return new WireFailure(err.code, { ...err.details })
    }
    const incident = incidentId()
    if (isFailure(err, 'connection-lost') && answer.signal.aborted) {
      // Every peer may go away at any time. Nobody is there to be told either.
      log.debug({ peer: peer.id, verb: call.verb, incident, why: err.message }, 'caller went away')
    } else {
      log.error({ peer: peer.id, verb: call.verb, incident, err }, 'call failed')
    }
    return new WireFailure('internal', { incident })
  }
}
