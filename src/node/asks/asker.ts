import { KithError, isFailure } from '../../protocol/errors.ts'
import type { AskCall, AskFinal } from '../../protocol/verbs.ts'
import type { Breakers } from '../agent/breakers.ts'
import type { Clock } from '../clock.ts'
import type { Links } from '../links.ts'
import type { Peer } from '../pins.ts'
import { digestOf } from './ask-store.ts'
import type { AskRecord, AskStore } from './ask-store.ts'
import type { AskHandle } from './handle.ts'
import { outAsk } from './out-ask.ts'
import type { OutAsk, OutAskInit } from './out-ask.ts'
import { peerBreaker } from './peer-attempt.ts'
import { failed } from './run-engine.ts'
import { sendAsk, sendCancel } from './send-ask.ts'
import type { SendAskComponents } from './send-ask.ts'
import { hereLater } from '../supervisor/owner.ts'

/** The peer ends an ask at its deadline; we wait so much longer for that end to come. */
const DEADLINE_GRACE_MS = 5_000

/** Wait before an ask is sent again over a link that was lost, or to a peer that was busy. */
const RETRY_MS = 1_000

export interface AskerComponents extends SendAskComponents {
  store: AskStore
  breakers: Pick<Breakers, 'enter' | 'makeDue'>
  links: Pick<Links, 'onChange'>
  clock: Clock
}

/** Asks peers: each ask is on disk before any network, is sent until its answer is in, and is answered once. */
export class Asker {
  readonly #components: AskerComponents
  readonly #active = new Map<string, OutAsk>()
  #unlisten: () => void = () => undefined
  /** What is under way is ours, whoever asks. */
  #ownLater = hereLater()

  constructor(components: AskerComponents) {
    this.#components = components
  }

  /** Takes up the asks that a stop or a crash left without an answer, and cancels those that nobody waits for now. */
  async start(): Promise<void> {
    const { breakers, links, pins, store } = this.#components
    this.#ownLater = hereLater()
    this.#unlisten = links.onChange((peer, up) => {
      if (!up) return
      const pinned = pins.byId(peer.id)
      if (pinned !== undefined) breakers.makeDue(peerBreaker(pinned.pin.name))
      for (const ask of this.#active.values()) if (ask.record.peer === peer.id) ask.wake.abort()
    })
    for (const unfinished of await store.unfinished()) {
      if (unfinished.direction !== 'out') continue
      // An ask that was running here has ended with its process, and so has its need of others.
      const orphan = unfinished.onBehalfOf !== undefined && unfinished.cancelled !== true
      const record = orphan ? await store.noteCancel(unfinished) : unfinished
      const call = await store.call(record)
      if (call === undefined) continue
      const events = await Array.fromAsync(store.events(record))
      const stored = Promise.resolve()
      this.#deliver({ record, call, events, stored, wait: true, sent: true })
    }
  }

  /** Resolves when no delivery of ours is under way; the asks stay in the store. */
  async stop(): Promise<void> {
    this.#unlisten()
    for (const { stop, wake } of this.#active.values()) {
      stop.abort(new KithError('stopping', 'this node is stopping', {}))
      wake.abort()
    }
    const asks = [...this.#active.values()]
    await Promise.all(asks.map(({ delivery }) => delivery))
    // Who reads on does so from the store, after the next start.
    for (const { feed } of asks) feed.fail(new KithError('stopping', 'this node is stopping', {}))
  }

  /** Asks on their way, by state. */
  get pending(): number {
    return this.#active.size
  }

  /**
   * Sends an ask, or joins the one with its id. On disk when this resolves. `onBehalfOf` is the ask to us for which
   * it is made.
   *
   * @throws {KithError} `conflict`
   */
  async ask(
    peer: Peer & { id: string },
    call: AskCall,
    wait: boolean,
    onBehalfOf?: string,
  ): Promise<AskHandle> {
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
      ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
    }
    const stored = store.create(record, call)
    this.#deliver({ record, call, events: [], stored, wait, sent: false })
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
      await sendCancel(this.#components, ask)
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

  #deliver(init: OutAskInit): void {
    const { record, stored } = init
    const ask = outAsk(init)
    this.#active.set(record.ask, ask)
    ask.delivery = stored
      .then(() => this.#ownLater(() => this.#run(ask)))
      .catch((err: unknown) => {
        this.#components.log.error({ ask: record.ask, err }, 'ask could not be delivered')
        ask.feed.fail(new Error(`ask ${record.ask} could not be delivered`, { cause: err }))
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
          : await sendAsk(this.#components, ask, peer, leftMs)
      if (final !== undefined) {
        await this.#finish(ask, final)
        return
      }
      ask.wake = new AbortController()
      await clock.sleep(RETRY_MS, AbortSignal.any([ask.wake.signal, ask.stop.signal]))
    }
    if (isFailure(ask.stop.signal.reason, 'cancelled')) await this.#finish(ask, failed('cancelled'))
  }

  async #finish(ask: OutAsk, final: AskFinal): Promise<void> {
    ask.ended = true
    await ask.written
    ask.record = await this.#components.store.finish(ask.record, final)
    ask.feed.end(final)
    ask.stop.abort(new KithError('stopping', 'the ask has ended', {}))
  }
}
