import { KithError, toError } from '../protocol/errors.ts'
import type { Body } from '../protocol/message.ts'

export interface CallOptions {
  /** How long to wait for the end, in ms; the sweeps see to it. */
  deadlineMs: number
  signal?: AbortSignal | undefined
  onEvent?: ((seq: number, body: Body) => void) | undefined
}

interface PendingCall {
  resolve: (body: Body) => void
  reject: (reason: Error) => void
  onEvent: CallOptions['onEvent']
  deadlineMs: number
  /** Set by the first sweep that sees the call, so that making one reads no clock. */
  deadlineAt: number | undefined
}

/** The calls that one side of a link has made and that have no end yet. */
export class PendingCalls {
  readonly #calls = new Map<number, PendingCall>()
  readonly #onGiveUp: (id: number) => void
  #nextId = 1

  /** `onGiveUp` is told of each call whose end nobody waits for any more. */
  constructor(onGiveUp: (id: number) => void) {
    this.#onGiveUp = onGiveUp
  }

  get size(): number {
    return this.#calls.size
  }

  /** A new call: its id, and what becomes of it. */
  open({ deadlineMs, onEvent, signal }: CallOptions): { id: number; end: Promise<Body> } {
    const id = this.#nextId++
    const { promise, resolve, reject } = Promise.withResolvers<Body>()
    this.#calls.set(id, { resolve, reject, onEvent, deadlineMs, deadlineAt: undefined })
    if (signal === undefined) return { id, end: promise }
    const onAbort = (): void => {
      this.#giveUp(id, cancelled())
    }
    signal.addEventListener('abort', onAbort, { once: true })
    const end = promise.finally(() => {
      signal.removeEventListener('abort', onAbort)
    })
    return { id, end }
  }

  /** Hands a piece of a reply on. A caller that cannot take it gives its own call up, and no more than that. */
  event(id: number, seq: number, body: Body): void {
    try {
      this.#calls.get(id)?.onEvent?.(seq, body)
    } catch (err) {
      this.#giveUp(id, toError(err))
    }
  }

  resolve(id: number, body: Body): void {
    this.#take(id)?.resolve(body)
  }

  reject(id: number, reason: Error): void {
    this.#take(id)?.reject(reason)
  }

  rejectAll(reason: Error): void {
    for (const id of [...this.#calls.keys()]) this.reject(id, reason)
  }

  /** Gives up those whose deadline has passed. */
  sweep(now: number): void {
    for (const [id, call] of this.#calls) {
      call.deadlineAt ??= now + call.deadlineMs
      if (now >= call.deadlineAt) {
        this.#giveUp(id, new KithError('deadline', 'no answer before the deadline', {}))
      }
    }
  }

  #giveUp(id: number, reason: Error): void {
    const call = this.#take(id)
    if (call === undefined) return
    this.#onGiveUp(id)
    call.reject(reason)
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#calls.get(id)
    this.#calls.delete(id)
    return call
  }
}

export function cancelled(): KithError<'cancelled'> {
  return new KithError('cancelled', 'the call was cancelled here', {})
}
