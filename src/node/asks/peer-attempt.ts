import { isFailure } from '../../protocol/errors.ts'
import type { Breakers, Entered } from '../agent/breakers.ts'
import { WireFailure } from '../answer.ts'

/** The breaker that holds asks to the peer of this name. */
export function peerBreaker(name: string): string {
  return `peer ${name}`
}

/**
 * A try of an ask that its peer's breaker let through, and what it says of the peer. Good is every answer, a refusal
 * too; bad are silence, a lost link, and a fault within the peer. Of what ends here, nothing is told.
 */
export class PeerAttempt {
  readonly #entered: Entered
  #told = false

  private constructor(entered: Entered) {
    this.#entered = entered
  }

  /** @throws {KithError} `breaker-open` */
  static enter(breakers: Pick<Breakers, 'enter'>, name: string): PeerAttempt {
    return new PeerAttempt(breakers.enter(peerBreaker(name)))
  }

  /** The peer says something. A probe is over with that: others need not wait until a long answer is whole. */
  heard(): void {
    if (this.#entered.probes) this.#tell('succeeded')
  }

  ended(): void {
    this.#tell('succeeded')
  }

  failed(err: unknown, stop: AbortSignal): void {
    if (stop.aborted) this.#tell('withdrawn')
    else if (err instanceof WireFailure)
      this.#tell(err.code === 'internal' ? 'failed' : 'succeeded')
    else this.#tell(isSilence(err) ? 'failed' : 'withdrawn')
  }

  #tell(outcome: 'succeeded' | 'failed' | 'withdrawn'): void {
    if (this.#told) return
    this.#told = true
    this.#entered[outcome]()
  }
}

function isSilence(err: unknown): boolean {
  return (
    isFailure(err, 'unreachable') || isFailure(err, 'connection-lost') || isFailure(err, 'deadline')
  )
}
