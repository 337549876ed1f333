import { KithError, isFailure, toError } from '../protocol/errors.ts'
import { FrameDecoder } from '../protocol/frame.ts'
import { LIVENESS_MISSES, MAX_CALLS_PER_LINK, MAX_REFUSALS } from '../protocol/limits.ts'
import { decodeMessage, encodeMessage } from '../protocol/message.ts'
import type { Body, Call, Hello, Message } from '../protocol/message.ts'
import { Answer, WireFailure } from './answer.ts'
import type { LinkPeer } from './answer.ts'
import type { Channel } from './channel.ts'
import { FrameWriter } from './frame-writer.ts'
import { PendingCalls, cancelled } from './pending-calls.ts'
import type { CallOptions } from './pending-calls.ts'

export interface LinkInit {
  peer: LinkPeer
  /** True when we opened the connection. */
  outbound: boolean
  /** In ms since the epoch. */
  openedAt: number
  /** Our hello. */
  hello: Hello
  /** Looks at the peer's hello before anything else of it is served. What it throws ends the link. */
  greet?: (hello: Hello) => void
  /** Serves a call of the peer. Fails with a `WireFailure`; anything else ends the link. */
  answer: (answer: Answer) => Body | Promise<Body>
}

/** Sweeps without a call after which a link that retires closes: about a second. */
export const RETIRE_SWEEPS = 4

/** The one long-lived stream of a connection: the calls of both sides, told apart by id. */
export class Link {
  readonly peer: LinkPeer
  readonly outbound: boolean
  readonly openedAt: number
  /** Resolves with the peer's hello; rejects when the link ends before it. */
  readonly opened: Promise<Hello>
  /** Resolves with the reason when the link has ended. */
  readonly closed: Promise<Error>
  readonly #channel: Channel
  readonly #writer: FrameWriter
  readonly #decoder = new FrameDecoder()
  readonly #answerCall: LinkInit['answer']
  readonly #greetPeer: LinkInit['greet']
  readonly #opened = Promise.withResolvers<Hello>()
  readonly #closed = Promise.withResolvers<Error>()
  /** Ours. */
  readonly #calls: PendingCalls
  /** The peer's, as far as they are not answered at once. */
  readonly #answers = new Map<number, Answer>()
  #hello: Hello | undefined
  #over = false
  /** Calls of the peer in a row that failed. */
  #refusals = 0
  /** Of a link that retires: sweeps in a row without a call. */
  #idleSweeps: number | undefined
  #heard = true
  #misses = 0

  constructor(channel: Channel, init: LinkInit) {
    this.peer = init.peer
    this.outbound = init.outbound
    this.openedAt = init.openedAt
    this.opened = this.#opened.promise
    // Whoever opened the link waits for it; a link that nobody waits for may end unheard.
    this.opened.catch(() => undefined)
    this.closed = this.#closed.promise
    this.#answerCall = init.answer
    this.#greetPeer = init.greet
    this.#calls = new PendingCalls((id) => {
      this.#write({ t: 'cancel', id })
    })
    this.#channel = channel
    this.#writer = new FrameWriter((bytes) => this.#send(bytes))
    channel.listen({
      bytes: (chunk) => {
        this.#read(chunk)
      },
      drain: () => {
        this.#writer.onDrain()
      },
      closed: (reason) => {
        this.#end(reason ?? new Error('the connection ended'))
      },
    })
    this.#write(init.hello)
  }

  /** The peer's hello, once it came. */
  get hello(): Hello | undefined {
    return this.#hello
  }

  get over(): boolean {
    return this.#over
  }

  /**
   * The body of the call's end.
   *
   * @throws {WireFailure} what the peer answered
   * @throws {KithError} `connection-lost`, `deadline`, or `cancelled` when the signal aborts
   * @throws what `onEvent` threw, and `TypeError` for a body that has no encoding
   */
  call(verb: string, body: Body, options: CallOptions): Promise<Body> {
    if (this.#over) return Promise.reject(this.#lost('it has ended'))
    if (options.signal?.aborted === true) return Promise.reject(cancelled())
    const { id, end } = this.#calls.open(options)
    const deadlineMs = Math.max(1, Math.ceil(options.deadlineMs))
    try {
      this.#write({ t: 'call', id, body, verb, deadlineMs })
    } catch (err) {
      this.#calls.reject(id, toError(err))
    }
    return end
  }

  /** Ends the calls whose deadline passed, and a link whose peer does not read. Wanted a few times a second. */
  sweep(now: number): void {
    this.#calls.sweep(now)
    this.#closeIfRetired()
    for (const answer of this.#answers.values()) {
      answer.deadlineAt ??= now + answer.call.deadlineMs
      if (now >= answer.deadlineAt) {
        answer.abort(new KithError('deadline', 'the caller has given up', {}))
      }
    }
    if (this.#writer.stalled(now)) this.abort(this.#lost('the peer does not read'))
  }

  /**
   * Counts an interval of the liveness clock, and ends the link after too many without a byte. It counts intervals
   * and not time: a stall of our own event loop is one of them, however long, and what came meanwhile is read
   * before the next.
   *
   * @returns true when the link was quiet and should be sent a ping
   */
  beat(): boolean {
    if (this.#over) return false
    const heard = this.#heard
    this.#heard = false
    this.#misses = heard ? 0 : this.#misses + 1
    if (this.#misses > LIVENESS_MISSES) this.abort(this.#lost('the peer is silent'))
    return !heard && !this.#over
  }

  /**
   * Closes once no call has been under way for some sweeps: another link to the same peer has taken over, but the
   * peer may not have heard of it yet, and still call on this one.
   */
  retire(): void {
    this.#idleSweeps ??= 0
  }

  /** Ends the link and its connection at once. */
  abort(reason: Error): void {
    if (this.#over) return
    this.#channel.abort(reason)
    this.#end(reason)
  }

  #read(chunk: Uint8Array): void {
    this.#heard = true
    try {
      for (const body of this.#decoder.push(chunk)) {
        // A channel may bring more after its end, and a message may be what ends the link.
        if (this.#over) return
        this.#take(decodeMessage(body))
      }
    } catch (err) {
      this.abort(toError(err))
    }
  }

  #take(message: Message): void {
    if (this.#hello === undefined || message.t === 'hello') {
      this.#greet(message)
      return
    }
    switch (message.t) {
      case 'call':
        this.#serve(message)
        break
      case 'event':
        this.#calls.event(message.id, message.seq, message.body)
        break
      case 'end':
        this.#calls.resolve(message.id, message.body)
        break
      case 'fail':
        this.#calls.reject(message.id, new WireFailure(message.code, message.details))
        break
      case 'cancel':
        this.#answers
          .get(message.id)
          ?.abort(new KithError('cancelled', 'the caller cancelled the call', {}))
        break
    }
  }

  #greet(message: Message): void {
    if (message.t !== 'hello' || this.#hello !== undefined) {
      throw new KithError('malformed', 'hello comes first, and once', { what: 'hello' })
    }
    this.#greetPeer?.(message)
    this.#hello = message
    this.#opened.resolve(message)
  }

  #serve(call: Call): void {
    if (this.#answers.has(call.id)) {
      throw new KithError('malformed', 'a call id that is in use', { what: 'call id' })
    }
    if (this.#answers.size >= MAX_CALLS_PER_LINK) {
      this.#fail(call.id, new WireFailure('busy', { position: this.#answers.size }))
      return
    }
    const answer = new Answer(this.peer, call, (seq, body) => {
      this.#write({ t: 'event', id: call.id, seq, body })
      return this.#writer.drained()
    })
    try {
      const result = this.#answerCall(answer)
      // Most calls are answered at once, and need no record and no promise.
      if (!(result instanceof Promise)) {
        this.#refusals = 0
        this.#write({ t: 'end', id: call.id, body: result })
        return
      }
      this.#answers.set(call.id, answer)
      void result
        .then((body) => {
          this.#refusals = 0
          this.#write({ t: 'end', id: call.id, body })
        })
        .catch((err: unknown) => {
          this.#fail(call.id, err)
        })
        .catch((err: unknown) => {
          // A failure without an encoding is a fault of ours, as an end without one is.
          this.abort(toError(err))
        })
        .finally(() => {
          this.#answers.delete(call.id)
        })
    } catch (err) {
      this.#fail(call.id, err)
    }
  }

  #fail(id: number, err: unknown): void {
    if (err instanceof WireFailure) {
      this.#write({ t: 'fail', id, code: err.code, details: err.details })
      if (++this.#refusals > MAX_REFUSALS)
        this.abort(this.#lost('the peer calls without end what it may not'))
    } else {
      this.abort(toError(err))
    }
  }

  #write(message: Message): void {
    if (this.#over) return
    this.#writer.write(encodeMessage(message))
    if (this.#writer.overfull) this.abort(this.#lost('the peer does not read'))
  }

  #send(bytes: Uint8Array): boolean {
    try {
      return this.#channel.send(bytes)
    } catch (err) {
      this.abort(toError(err))
      // Not full, but gone: nobody shall wait for its drain.
      return true
    }
  }

  #closeIfRetired(): void {
    if (this.#idleSweeps === undefined) return
    const idle = this.#calls.size === 0 && this.#answers.size === 0
    this.#idleSweeps = idle ? this.#idleSweeps + 1 : 0
    if (this.#idleSweeps >= RETIRE_SWEEPS) this.abort(this.#lost('another link took over'))
  }

  #end(reason: Error): void {
    if (this.#over) return
    this.#over = true
    const lost = isFailure(reason, 'connection-lost') ? reason : this.#lost(reason.message)
    this.#opened.reject(lost)
    this.#calls.rejectAll(lost)
    for (const answer of this.#answers.values()) answer.abort(lost)
    this.#writer.close()
    this.#closed.resolve(reason)
  }

  #lost(why: string): KithError<'connection-lost'> {
    return new KithError('connection-lost', `lost the link to ${this.peer.id}: ${why}`, {
      peer: this.peer.id,
    })
  }
}
