import { KithError } from '../protocol/errors.ts'
import { FrameDecoder } from '../protocol/frame.ts'
import { LIVENESS_MISSES, MAX_CALLS_PER_LINK } from '../protocol/limits.ts'
import { decodeMessage, encodeMessage } from '../protocol/message.ts'
import type { Body, Call, Hello, Message } from '../protocol/message.ts'
import { Answer, WireFailure } from './answer.ts'
import type { LinkPeer } from './answer.ts'
import type { Channel } from './channel.ts'
import { FrameWriter } from './frame-writer.ts'

export interface LinkInit {
  peer: LinkPeer
  /** True when we opened the connection. */
  outbound: boolean
  /** In ms since the epoch. */
  openedAt: number
  /** Our hello. */
  hello: Hello
  /** Serves a call of the peer. Fails with a `WireFailure`; anything else ends the link. */
  answer: (answer: Answer) => Body | Promise<Body>
}

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
  readonly #opened = Promise.withResolvers<Hello>()
  readonly #closed = Promise.withResolvers<Error>()
  /** Ours. */
  readonly #calls = new Map<number, PendingCall>()
  /** The peer's, as far as they are not answered at once. */
  readonly #answers = new Map<number, Answer>()
  #hello: Hello | undefined
  #nextId = 1
  #over = false
  #retiring = false
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
   */
  call(verb: string, body: Body, options: CallOptions): Promise<Body> {
    const { deadlineMs, signal, onEvent } = options
    if (this.#over) return Promise.reject(this.#lost('it has ended'))
    if (signal?.aborted === true) return Promise.reject(cancelled())
    const id = this.#nextId++
    const { promise, resolve, reject } = Promise.withResolvers<Body>()
    this.#calls.set(id, { resolve, reject, onEvent, deadlineMs, deadlineAt: undefined })
    this.#write({ t: 'call', id, body, verb, deadlineMs: Math.max(1, Math.ceil(deadlineMs)) })
    if (signal === undefined) return promise
    const onAbort = (): void => {
      this.#giveUp(id, cancelled())
    }
    signal.addEventListener('abort', onAbort, { once: true })
    return promise.finally(() => {
      signal.removeEventListener('abort', onAbort)
    })
  }

  /** Ends the calls whose deadline passed, and a link whose peer does not read. Wanted a few times a second. */
  sweep(now: number): void {
    for (const [id, call] of this.#calls) {
      call.deadlineAt ??= now + call.deadlineMs
      if (now >= call.deadlineAt) {
        this.#giveUp(id, new KithError('deadline', 'no answer before the deadline', {}))
      }
    }
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

  /** Closes as soon as no call is under way: another link to the same peer has taken over. */
  retire(): void {
    this.#retiring = true
    this.#closeIfRetired()
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
        this.#take(decodeMessage(body))
        if (this.#over) return
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
        this.#calls.get(message.id)?.onEvent?.(message.seq, message.body)
        break
      case 'end':
        this.#settle(message.id)?.resolve(message.body)
        break
      case 'fail':
        this.#settle(message.id)?.reject(new WireFailure(message.code, message.details))
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
        this.#write({ t: 'end', id: call.id, body: result })
        return
      }
      this.#answers.set(call.id, answer)
      void result
        .then(
          (body) => {
            this.#write({ t: 'end', id: call.id, body })
          },
          (err: unknown) => {
            this.#fail(call.id, err)
          },
        )
        .finally(() => {
          this.#answers.delete(call.id)
          this.#closeIfRetired()
        })
    } catch (err) {
      this.#fail(call.id, err)
    }
  }

  #fail(id: number, err: unknown): void {
    if (err instanceof WireFailure) {
      this.#write({ t: 'fail', id, code: err.code, details: err.details })
    } else {
      this.abort(toError(err))
    }
  }

  #settle(id: number): PendingCall | undefined {
    const call = this.#calls.get(id)
    this.#calls.delete(id)
    if (this.#retiring) queueMicrotask(() => this.#closeIfRetired())
    return call
  }

  #giveUp(id: number, reason: Error): void {
    const call = this.#settle(id)
    if (call === undefined) return
    this.#write({ t: 'cancel', id })
    call.reject(reason)
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
      return false
    }
  }

  #closeIfRetired(): void {
    if (this.#retiring && this.#calls.size === 0 && this.#answers.size === 0) {
      this.abort(this.#lost('another link took over'))
    }
  }

  #end(reason: Error): void {
    if (this.#over) return
    this.#over = true
    const lost = this.#lost(reason.message)
    this.#opened.reject(lost)
    for (const call of this.#calls.values()) call.reject(lost)
    for (const answer of this.#answers.values()) answer.abort(lost)
    this.#calls.clear()
    this.#writer.close()
    this.#closed.resolve(reason)
  }

  #lost(why: string): KithError<'connection-lost'> {
    return new KithError('connection-lost', `lost the link to ${this.peer.id}: ${why}`, {
      peer: this.peer.id,
    })
  }
}

function cancelled(): KithError<'cancelled'> {
  return new KithError('cancelled', 'the call was cancelled here', {})
}

function toError(err: unknown): Error {
  return err instanceof Error ? err : new Error(String(err))
}
