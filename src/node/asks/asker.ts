import type { Logger } from 'pino'
import { KithError, isFailure } from '../../protocol/errors.ts'
import { askEnd, askEvent, askSummary, parseBody } from '../../protocol/verbs.ts'
import type { AskCall, AskFinal } from '../../protocol/verbs.ts'
import { WireFailure } from '../answer.ts'
import type { Caller } from '../caller.ts'
import type { Clock } from '../clock.ts'
import type { Links } from '../links.ts'
import type { Peer, Pins } from '../pins.ts'
import { digestOf } from './ask-store.ts'
import type { AskRecord, AskStore } from './ask-store.ts'
import type { AskHandle } from './handle.ts'
import { Feed } from './feed.ts'
import { failed } from './run-engine.ts'

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

interface OutAsk {
  record: AskRecord
  call: AskCall
  feed: Feed
  /** Stay in the outbox while the peer is absent, until the deadline. */
  wait: boolean
  /** The call may have reached the peer: from here on only the peer, or the deadline, ends the ask. */
  sent: boolean
  /** The peer said it has it on disk. */
  accepted: boolean
  /** Tries so far: after the first, the peer may have it, and a refusal of one more try says nothing of the ask. */
  tries: number
  /** Its final is decided, and perhaps still on its way to disk. */
  ended: boolean
  /** Writes of events, one after the other. */
  written: Promise<void>
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
      this.#deliver(record, call, new Feed(events), { wait: true, sent: true })
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
    const known = this.#active.get(call.ask)?.record ?? store.get('out', peer.id, call.ask)
    if (known !== undefined) {
      if (Buffer.compare(known.digest, digest) === 0) return this.#handle(known)
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
    await store.create(record, call)
    this.#deliver(record, call, new Feed(), { wait, sent: false })
    return this.#handle(record)
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
    if (ask.sent) {
      ask.record = await this.#components.store.noteCancel(ask.record)
      await this.#sendCancel(ask)
    } else {
      await this.#finish(ask, failed('cancelled'))
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
    feed: Feed,
    { wait, sent }: { wait: boolean; sent: boolean },
  ): void {
    const ask: OutAsk = {
      record,
      call,
      feed,
      wait,
      sent,
      accepted: feed.lastSeq > 0,
      tries: sent ? 1 : 0,
      ended: false,
      written: Promise.resolve(),
      stop: new AbortController(),
      wake: new AbortController(),
      delivery: Promise.resolve(),
    }
    this.#active.set(record.ask, ask)
    ask.delivery = this.#run(ask)
      .catch((err: unknown) => {
        this.#components.log.error({ ask: record.ask, err }, 'ask could not be delivered')
      })
      .finally(() => {
        this.#active.delete(record.ask)
      })
  }

  async #run(ask: OutAsk): Promise<void> {
    const { clock, pins } = this.#components
    while (!ask.stop.signal.aborted) {
      const leftMs = ask.record.deadlineAt + DEADLINE_GRACE_MS - clock.now()
      const peer = pins.byId(ask.record.peer)
      const final =
        leftMs <= 0
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
  }

  /** One try: the final, or undefined to try again. */
  async #send(ask: OutAsk, peer: Peer, leftMs: number): Promise<AskFinal | undefined> {
    const { caller } = this.#components
    const attach = { ask: ask.record.ask, after: ask.feed.lastSeq }
    const [verb, body] = ask.accepted
      ? (['ask.attach', attach] as const)
      : (['ask', ask.call] as const)
    try {
      if (ask.record.cancelled === true) await this.#sendCancel(ask)
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
      // With a piece missing, the rest is fetched by number.
      return end.lastSeq === ask.feed.lastSeq ? { outcome: 'done', end } : undefined
    } catch (err) {
      await ask.written
      return this.#verdict(ask, err)
    }
  }

  /** Stores and shows an event that is the next one; any other was here before, or comes again. */
  #take(ask: OutAsk, seq: number, body: unknown): void {
    const event = { seq, body: parseBody(askEvent, body) }
    if (event.body.kind === 'accepted') {
      ask.accepted = true
      return
    }
    ask.written = ask.written.then(async () => {
      if (seq !== ask.feed.lastSeq + 1) return
      await this.#components.store.addEvent(ask.record, event)
      ask.feed.push(event)
    })
  }

  /** What a failed try means: the ask's final, or undefined when it is worth another. */
  #verdict(ask: OutAsk, err: unknown): AskFinal | undefined {
    if (err instanceof WireFailure) {
      const later = err.code === 'rate-limited' || err.code === 'busy'
      if (later && (ask.wait || ask.tries > 1)) return undefined
      return failed(err.code, plain(err.details))
    }
    if (ask.stop.signal.aborted) return undefined
    if (isFailure(err, 'unreachable') && !ask.sent && !ask.wait) {
      return failed('unreachable', { ...err.details })
    }
    if (
      isFailure(err, 'unreachable') ||
      isFailure(err, 'connection-lost') ||
      isFailure(err, 'deadline')
    ) {
      return undefined
    }
    if (isFailure(err, 'bad-request')) return failed('bad-request', { ...err.details })
    throw err
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
    if (ask.ended) return
    ask.ended = true
    await ask.written
    ask.record = await this.#components.store.finish(ask.record, final)
    ask.feed.end(final)
    ask.stop.abort(new KithError('cancelled', 'the ask has ended', {}))
  }
}

/** Of a peer's details, what we keep and show: text and numbers. */
function plain(details: { [key: string]: unknown }): { [key: string]: string | number } {
  return Object.fromEntries(
    Object.entries(details).filter(
      (entry): entry is [string, string | number] =>
        typeof entry[1] === 'string' || typeof entry[1] === 'number',
    ),
  )
}
