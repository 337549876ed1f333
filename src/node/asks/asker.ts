import type { Logger } from 'pino'
import { EMPTY_ANSWER, answerExcess, grown } from '../../protocol/ask.ts'
import type { AnswerSize } from '../../protocol/ask.ts'
import { KithError, isFailure } from '../../protocol/errors.ts'
import { askEnd, askEvent, askSummary, parseBody } from '../../protocol/verbs.ts'
import type { AskCall, AskFinal } from '../../protocol/verbs.ts'
import type { Caller } from '../caller.ts'
import type { Clock } from '../clock.ts'
import type { Links } from '../links.ts'
import type { Peer, Pins } from '../pins.ts'
import { digestOf } from './ask-store.ts'
import type { AskRecord, AskStore } from './ask-store.ts'
import type { AskHandle } from './handle.ts'
import { Feed } from './feed.ts'
import type { AskEvent } from './feed.ts'
import { failed } from './run-engine.ts'
import { verdictOf } from './verdict.ts'
import type { AskStanding } from './verdict.ts'

/** The peer ends an ask at its deadline; we wait so much longer for that end to come. */
const DEADLINE_GRACE_MS = 5_000

/** Wait before an ask is sent again over a link that was lost, or to a peer that was busy. */
const RETRY_MS = 1_000

/** Time for a short call about an ask: cancel and the like. */
const CONTROL_TIMEOUT_MS = 10_000

export interface AskerComponents {
  store: AskStore
  caller: Pick<Caller, 'call'>
  pins: Pick<Pins, 'byId'>
  links: Pick<Links, 'onChange'>
  clock: Clock
  log: Logger
}

interface OutAsk extends Omit<AskStanding, 'cancelled'> {
  record: AskRecord
  call: AskCall
  feed: Feed
  /** Number of the last event taken, and perhaps still on its way to disk. */
  takenSeq: number
  /** Of all events taken. */
  size: AnswerSize
  /** The peer said it has it on disk. */
  accepted: boolean
  /** Its final is decided, and perhaps still on its way to disk. */
  ended: boolean
  /** Resolves when it is on disk. */
  stored: Promise<void>
  /** Writes of events, one after the other. */
  written: Promise<void>
  /** Ends its delivery: by `cancelled`, and with it the ask; by `stopping`, and the ask waits for the next start. */
  stop: AbortController
  /** Ends a wait for the peer. */
  wake: AbortController
  delivery: Promise<void>
}

/** Asks peers: each ask is on disk before any network, is sent until its answer is in, and is answered once. */
export class Asker {
  readonly #components: AskerComponents
  readonly #active = new Map<string, OutAsk>()
  #unlisten: () => void = () => undefined

  constructor(components: AskerComponents) {
    this.#components = components
  }

  /** Takes up the asks that a stop or a crash left without an answer. */
  async start(): Promise<void> {
    const { links, store } = this.#components
    this.#unlisten = links.onChange((peer, up) => {
      if (!up) return
      for (const ask of this.#active.values()) if (ask.record.peer === peer.id) ask.wake.abort()
    })
    for (const record of await store.unfinished()) {
      if (record.direction !== 'out') continue
      const call = await store.call(record)
      if (call === undefined) continue
      const events = await Array.fromAsync(store.events(record))
      const stored = Promise.resolve()
      this.#deliver(record, call, events, { stored, wait: true, sent: true })
    }
  }

  /** Resolves when no delivery of ours is under way; the asks stay in the store. */
  async stop(): Promise<void> {
    this.#unlisten()
    for (const { stop, wake } of this.#active.values()) {
      stop.abort(new KithError('stopping', 'this node is stopping', {}))
      wake.abort()
    }
    await Promise.all([...this.#active.values()].map(({ delivery }) => delivery))
  }

  /** Asks on their way, by state. */
  get pending(): number {
    return this.#active.size
  }

  /** Sends an ask, or joins the one with its id. On disk when this resolves. @throws {KithError} `conflict` */
  async ask(peer: Peer & { id: string }, call: AskCall, wait: boolean): Promise<AskHandle> {
    const { clock, store } = this.#components
    const digest = digestOf(call)
    const active = this.#active.get(call.ask)
    const known = active?.record ?? store.get('out', peer.id, call.ask)
    if (known !== undefined) {
      await active?.stored
      const same = known.peer === peer.id && Buffer.compare(known.digest, digest) === 0
      if (same) return this.attach(known)
      throw new KithError('conflict', `${call.ask} stands for another ask`, { activeId: call.ask })
    }
    const now = clock.now()
    const record: AskRecord = {
      direction: 'out',
      ask: call.ask,
      peer: peer.id,
      state: 'received',
      receivedAt: now,
      deadlineAt: now + call.timeoutMs,
      digest,
    }
    const stored = store.create(record, call)
    this.#deliver(record, call, [], { stored, wait, sent: false })
    await stored
    return this.attach(record)
  }

  /** The answer to an ask of ours, as far as it is in and as it comes. */
  attach(record: AskRecord): AskHandle {
    const { ask, peer } = record
    // Whoever read `record` may have waited since, and the ask may have ended meanwhile.
    const current = this.#active.get(ask)?.record ?? this.#components.store.get('out', peer, ask)
    return this.#handle(current ?? record)
  }

  /** Tells the peer to end an ask, now or when it is there again. An ask that was never sent ends here. */
  async cancel(record: AskRecord): Promise<void> {
    const ask = this.#active.get(record.ask)
    if (ask === undefined) return
    if (ask.sent && !ask.ended) {
      const noted = this.#components.store.noteCancel(ask.record)
      // Before the wait: the ask may end meanwhile, and its final must not be lost to this record.
      ask.record = { ...ask.record, cancelled: true }
      await noted
      await this.#sendCancel(ask)
    } else {
      ask.stop.abort(new KithError('cancelled', 'cancelled before it was sent', {}))
      await ask.delivery
    }
  }

  #handle(record: AskRecord): AskHandle {
    const ask = this.#active.get(record.ask)
    const { store } = this.#components
    return {
      record,
      position: 0,
      read: (after, signal) => ask?.feed.read(after, signal) ?? store.replay(record, after),
    }
  }

  #deliver(
    record: AskRecord,
    call: AskCall,
    events: readonly AskEvent[],
    { sent, stored, wait }: { sent: boolean; stored: Promise<void>; wait: boolean },
  ): void {
    const feed = new Feed(events)
    const ask: OutAsk = {
      record,
      call,
      feed,
      takenSeq: feed.lastSeq,
      size: events.reduce((sum, { body }) => grown(sum, body), EMPTY_ANSWER),
      wait,
      sent,
      accepted: feed.lastSeq > 0,
      tries: sent ? 1 : 0,
      ended: false,
      stored,
      written: Promise.resolve(),
      stop: new AbortController(),
      wake: new AbortController(),
      delivery: Promise.resolve(),
    }
    this.#active.set(record.ask, ask)
    ask.delivery = stored
      .then(() => this.#run(ask))
      .catch((err: unknown) => {
        this.#components.log.error({ ask: record.ask, err }, 'ask could not be delivered')
        feed.fail(new Error(`ask ${record.ask} could not be delivered`, { cause: err }))
      })
      .finally(() => {
        this.#active.delete(record.ask)
      })
  }

  async #run(ask: OutAsk): Promise<void> {
    const { clock, pins } = this.#components
    while (!ask.stop.signal.aborted) {
      const leftMs = ask.record.deadlineAt + DEADLINE_GRACE_MS - clock.now()
      // What was never sent has no end that could still be on its way.
      const isOver = leftMs <= (ask.sent ? 0 : DEADLINE_GRACE_MS)
      const peer = pins.byId(ask.record.peer)
      const final = isOver
        ? failed('deadline')
        : peer === undefined
          ? failed('not-pinned', { peer: ask.record.peer })
          : await this.#send(ask, peer, leftMs)
      if (final !== undefined) {
        await this.#finish(ask, final)
        return
      }
      ask.wake = new AbortController()
      await clock.sleep(RETRY_MS, AbortSignal.any([ask.wake.signal, ask.stop.signal]))
    }
    if (isFailure(ask.stop.signal.reason, 'cancelled')) await this.#finish(ask, failed('cancelled'))
  }

  /** One try: the final, or undefined to try again. */
  async #send(ask: OutAsk, peer: Peer, leftMs: number): Promise<AskFinal | undefined> {
    const { caller } = this.#components
    const attach = { ask: ask.record.ask, after: ask.feed.lastSeq }
    const cancelled = ask.record.cancelled === true
    // What was cancelled is not sent once more: it would begin now if it never got there.
    const [verb, body] =
      ask.accepted || cancelled ? (['ask.attach', attach] as const) : (['ask', ask.call] as const)
    try {
      if (cancelled) await this.#sendCancel(ask)
      const end = await caller.call(peer, verb, body, askEnd, {
        deadlineMs: leftMs,
        signal: ask.stop.signal,
        onSent: () => {
          ask.sent = true
          ask.tries++
        },
        onEvent: (seq, event) => {
          this.#take(ask, seq, event)
        },
      })
      await ask.written
      // With a piece missing, the rest is fetched by number. The end of another ask is none of this one.
      const whole = end.ask === ask.record.ask && end.lastSeq === ask.feed.lastSeq
      return whole ? { outcome: 'done', end } : undefined
    } catch (err) {
      await ask.written
      if (ask.stop.signal.aborted) return undefined
      if (isFailure(err, 'too-large')) {
        // A peer that has no end is not read to its end: it is told, and the ask is over here.
        await this.#sendCancel(ask)
        return failed(err.code, { ...err.details })
      }
      return verdictOf(err, { ...ask, cancelled })
    }
  }

  /** Stores and shows the next event; any other was here or comes again. @throws {KithError} `bad-request`, `too-large` */
  #take(ask: OutAsk, seq: number, body: unknown): void {
    const event = { seq, body: parseBody(askEvent, body) }
    if (event.body.kind === 'accepted') {
      ask.accepted = true
      return
    }
    if (seq !== ask.takenSeq + 1) return
    // Before it waits for the disk: what waits is in memory.
    const size = grown(ask.size, event.body)
    const excess = answerExcess(size)
    if (excess !== undefined) throw new KithError('too-large', 'the answer is too long', excess)
    ask.takenSeq = seq
    ask.size = size
    ask.written = ask.written.then(async () => {
      await this.#components.store.addEvent(ask.record, event)
      ask.feed.push(event)
    })
  }

  async #sendCancel(ask: OutAsk): Promise<void> {
    const peer = this.#components.pins.byId(ask.record.peer)
    if (peer === undefined) return
    const options = { deadlineMs: CONTROL_TIMEOUT_MS, signal: ask.stop.signal }
    await this.#components.caller
      .call(peer, 'ask.cancel', { ask: ask.record.ask }, askSummary, options)
      // The ask's own end tells how it went; without a link, the next try cancels first.
      .catch((err: unknown) => {
        this.#components.log.debug({ ask: ask.record.ask, err }, 'cancel not delivered')
      })
  }

  async #finish(ask: OutAsk, final: AskFinal): Promise<void> {
    ask.ended = true
    await ask.written
    ask.record = await this.#components.store.finish(ask.record, final)
    ask.feed.end(final)
    ask.stop.abort(new KithError('stopping', 'the ask has ended', {}))
  }
}
