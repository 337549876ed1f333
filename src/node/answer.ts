import type { KithError, WireCode } from '../protocol/errors.ts'
import type { Body, Call } from '../protocol/message.ts'

/** A failure as it goes over the wire: no message and no stack of ours. */
export class WireFailure extends Error {
  override readonly name = 'WireFailure'
  readonly code: WireCode
  readonly details: { [key: string]: Body }

  constructor(code: WireCode, details: { [key: string]: Body }) {
    super(code)
    this.code = code
    this.details = details
  }
}

/** Who is at the other end of a link, as the connection proved. */
export interface LinkPeer {
  /** Node id. */
  id: string
  /** Peer id: libp2p's text form of the key in use. */
  key: string
}

/** A call of the peer that is being served. */
export class Answer {
  readonly peer: LinkPeer
  readonly call: Call
  /** When the caller gives up, in ms since the epoch: set by the first sweep that sees the call. */
  deadlineAt: number | undefined
  readonly #event: (seq: number, body: Body) => Promise<void> | undefined
  #controller: AbortController | undefined

  constructor(
    peer: LinkPeer,
    call: Call,
    event: (seq: number, body: Body) => Promise<void> | undefined,
  ) {
    this.peer = peer
    this.call = call
    this.#event = event
  }

  /** Aborts when the caller cancels, its deadline passes, or the link goes. Made when first asked for. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    return this.#controller.signal
  }

  abort(reason: KithError): void {
    this.#controller ??= new AbortController()
    this.#controller.abort(reason)
  }

  /** Sends a piece of the reply. Wait for what it returns, if anything, before sending the next. */
  event(seq: number, body: Body): Promise<void> | undefined {
    return this.#event(seq, body)
  }
}
