import { KithError } from '../../protocol/errors.ts'
import type { AskCall, AskFinal } from '../../protocol/verbs.ts'
import { digestOf } from './ask-store.ts'
import { askedBefore } from './after-stop.ts'
import type { AfterStopComponents, UnfinishedAsk } from './after-stop.ts'
import { interrupted, keyOf, turnOf } from './active-ask.ts'
import type { ActiveAsk, EndReason } from './active-ask.ts'
import type { AskRecord } from './ask-store.ts'
import { Feed } from './feed.ts'
import type { AskHandle, AskerInfo } from './handle.ts'
import { failed, runEngine } from './run-engine.ts'
import type { RunEngineComponents } from './run-engine.ts'
import { hereLater } from '../supervisor/owner.ts'
import { Turns } from './turns.ts'
import type { TurnsInit } from './turns.ts'

export type AnswererComponents = RunEngineComponents & AfterStopComponents

/** Answers asks: each is journaled, waits its turn, is claimed on disk, runs at most once, and has one final. */
export class Answerer {
  readonly #components: AnswererComponents
  readonly #active = new Map<string, ActiveAsk>()
  readonly #turns: Turns<ActiveAsk>
  #stopping = false
  /** What runs is ours, whoever asks. */
  #ownLater = hereLater()

  constructor(components: AnswererComponents, init: TurnsInit) {
    this.#components = components
    this.#turns = new Turns(init)
  }

  /** Takes up what the last stop or crash left, and ends what cannot go on. */
  async recover(): Promise<void> {
    this.#stopping = false
    this.#ownLater = hereLater()
    // What an earlier stop of this object has left still has its readers.
    const left = new Map(this.#active)
    for (const active of left.values()) this.#forget(active)
    for await (const ask of askedBefore(this.#components)) {
      const key = keyOf(ask.asker.id, ask.record.ask)
      const active = this.#activate({ ...ask, feed: left.get(key)?.feed ?? ask.feed })
      left.delete(key)
      if (active.parked === undefined) {
        this.#enter(active)
      } else {
        this.#turns.park(active)
        this.#start(active, Promise.resolve())
      }
    }
    for (const { feed } of left.values()) feed.fail(interrupted())
  }

  /** Starts nothing new, and gives what runs `drainMs` to end by itself. Resolves when it has its finals on disk. */
  async stop(drainMs: number): Promise<void> {
    this.#stopping = true
    const running = [...this.#active.values()].filter(({ run }) => run !== undefined)
    for (const active of running) this.#leave(active)
    const cancel = this.#components.clock.after(drainMs, () => {
      for (const { stop } of running) stop.abort(interrupted())
    })
    await Promise.all(running.map(async ({ run }) => await run))
    cancel()
    for (const { cancelTimer } of this.#active.values()) cancelTimer()
  }

  get engine(): string {
    return this.#components.agent.name
  }

  get counts(): { running: number; queued: number } {
    return { running: this.#turns.running, queued: this.#turns.waiting }
  }

  /** The ask with this id of this asker, as it stands now. */
  find(asker: string, ask: string): AskRecord | undefined {
    return (
      this.#active.get(keyOf(asker, ask))?.record ?? this.#components.store.get('in', asker, ask)
    )
  }

  /** The time in the newest id of this asker that was forgotten, in ms since the epoch. */
  newestForgotten(asker: string): number | undefined {
    return this.#components.store.newestForgotten(asker)
  }

  /** The newest event's number of an ask. */
  async lastSeq(record: AskRecord): Promise<number> {
    const active = this.#active.get(keyOf(record.peer, record.ask))
    return active?.feed.lastSeq ?? (await this.#components.store.lastSeq(record))
  }

  /** Whether one more ask of this asker has room: reads only. @throws {KithError} `busy` */
  assertRoom(asker: AskerInfo): void {
    if (this.#stopping) throw new KithError('busy', 'this node is stopping', { position: 0 })
    this.#turns.assertRoom(turnOf(asker))
  }

  /**
   * Takes an ask, on disk before this resolves, or joins the one with its id. `job` is for those of the owner.
   *
   * @throws {KithError} `conflict` when the id stands for another ask, `busy`
   */
  async submit(asker: AskerInfo, call: AskCall, job?: AskRecord['job']): Promise<AskHandle> {
    const ofJob = job === undefined ? {} : { job }
    const digest = digestOf({ ...call, ...ofJob })
    const known = this.find(asker.id, call.ask)
    if (known !== undefined) {
      if (Buffer.compare(known.digest, digest) === 0) return this.#handle(known, 0)
      throw new KithError('conflict', `${call.ask} stands for another ask`, { activeId: call.ask })
    }
    this.assertRoom(asker)
    const { clock, store } = this.#components
    const now = clock.now()
    const position = this.#turns.of(asker.id)
    const record: AskRecord = {
      direction: 'in',
      ask: call.ask,
      peer: asker.id,
      state: 'queued',
      receivedAt: now,
      deadlineAt: now + Math.min(call.timeoutMs, asker.grant.maxSeconds * 1_000),
      digest,
      ...ofJob,
    }
    const active = this.#activate({ record, call, asker, feed: new Feed(), parked: undefined })
    const atOnce = this.#turns.enter(active)
    // Claimed by the same write when it need not wait: one fsync instead of two.
    if (atOnce) active.record = { ...record, state: 'claimed' }
    const created = store.create(active.record, call)
    if (atOnce) this.#start(active, created)
    await created
    return this.#handle(active.record, atOnce ? 0 : position)
  }

  /** The ask with this id, to be read. @throws {KithError} `bad-request` when this asker has none of that id */
  attach(asker: string, ask: string): AskHandle {
    return this.#handle(this.#known(asker, ask), 0)
  }

  /** Ends an ask, unless it has ended; resolves with its record when it has. @throws {KithError} `bad-request` */
  async cancel(asker: string, ask: string): Promise<AskRecord> {
    const active = this.#active.get(keyOf(asker, ask))
    if (active !== undefined) {
      await this.#end(active, new KithError('cancelled', 'the asker cancelled the ask', {}))
    }
    return this.#known(asker, ask)
  }

  /** Ends, after a change of the pins, the asks of those not pinned any more, and what waits of those that may not ask. */
  async review(): Promise<void> {
    await Promise.all(
      [...this.#active.values()].map(async (active) => {
        const reason = this.#reconsider(active)
        if (reason === undefined) return
        const waits = active.run === undefined || active.record.state === 'waiting-approval'
        if (reason.code === 'cancelled' || waits) await this.#end(active, reason)
      }),
    )
  }

  /** Gives an ask the grant that is in force now, or returns why it is to end. */
  #reconsider(active: ActiveAsk): EndReason | undefined {
    const standing = this.#components.standing(active.asker.id)
    if (standing === undefined) return new KithError('cancelled', 'its asker is not pinned', {})
    const { asker, deniedBy: rule } = standing
    active.asker = asker
    if (rule === undefined) return undefined
    return new KithError('denied', 'its asker may not ask now', { rule })
  }

  #known(asker: string, ask: string): AskRecord {
    const record = this.find(asker, ask)
    // The same words for an id that nobody has and one of another asker.
    if (record !== undefined) return record
    throw new KithError('bad-request', `no ask ${ask} of this asker`, { what: 'ask: unknown' })
  }

  #activate(ask: UnfinishedAsk): ActiveAsk {
    const { clock } = this.#components
    const { asker, record } = ask
    const active: ActiveAsk = {
      ...turnOf(asker),
      ...ask,
      stop: new AbortController(),
      left: false,
      // Under a clock that was set back meanwhile, it has no more time than it had at first.
      cancelTimer: clock.after(record.deadlineAt - Math.max(clock.now(), record.receivedAt), () => {
        void this.#end(active, new KithError('deadline', 'the ask took too long', {}))
      }),
      run: undefined,
    }
    this.#active.set(keyOf(asker.id, record.ask), active)
    return active
  }

  #enter(active: ActiveAsk): void {
    if (this.#turns.enter(active)) this.#start(active, Promise.resolve())
  }

  /** Runs an ask that has its turn, once it is on disk. */
  #start(active: ActiveAsk, created: Promise<void>): void {
    this.#follow(
      active,
      created.then(() => this.#ownLater(() => this.#run(active))),
    )
  }

  /** Holds on to an ask until its final is on disk; then the next one gets the turn. */
  #follow(active: ActiveAsk, run: Promise<void>): void {
    active.run = run
      .catch((err: unknown) => {
        this.#components.log.error({ ask: active.record.ask, err }, 'ask lost its store')
        active.feed.fail(new Error(`ask ${active.record.ask} lost its store`, { cause: err }))
      })
      .finally(() => {
        // One that the stop leaves as it is has no end to be read, and stays until its readers have gone.
        if (active.left) return
        this.#forget(active)
        this.#startNext()
      })
  }

  async #run(active: ActiveAsk): Promise<void> {
    const { store } = this.#components
    // On disk before the engine starts: after a crash, a claimed ask is never run again.
    if (active.record.state !== 'claimed') {
      const reason = this.#reconsider(active)
      if (reason !== undefined) {
        await this.#finish(active, failed(reason.code, { ...reason.details }))
        return
      }
      if (active.parked === undefined) active.record = await store.advance(active.record, 'claimed')
    }
    const final = await runEngine(this.#components, active, (waits) => {
      this.#wait(active, waits)
    })
    if (final !== undefined) await this.#finish(active, final)
  }

  /** Lets others have the turn of an ask while it waits for a person. */
  #wait(active: ActiveAsk, waits: boolean): void {
    if (!waits) {
      this.#turns.unpark(active)
      return
    }
    this.#turns.park(active)
    if (this.#stopping) this.#leave(active)
    else this.#startNext()
  }

  /** Ends the run of an ask that waits for a person, and leaves it on disk to go on after the stop. */
  #leave(active: ActiveAsk): void {
    if (active.parked === undefined) return
    active.left = true
    active.stop.abort(interrupted())
  }

  #startNext(): void {
    const next = this.#stopping ? undefined : this.#turns.next()
    if (next !== undefined) this.#start(next, Promise.resolve())
  }

  async #finish(active: ActiveAsk, final: AskFinal): Promise<void> {
    active.record = await this.#components.store.finish(active.record, final)
    active.feed.end(final)
  }

  async #end(active: ActiveAsk, reason: EndReason): Promise<void> {
    if (active.run === undefined) {
      this.#turns.leave(active)
      this.#follow(active, this.#finish(active, failed(reason.code, { ...reason.details })))
    } else {
      active.stop.abort(reason)
    }
    await active.run
  }

  #forget(active: ActiveAsk): void {
    active.cancelTimer()
    this.#turns.leave(active)
    this.#active.delete(keyOf(active.asker.id, active.record.ask))
  }

  #handle(record: AskRecord, position: number): AskHandle {
    const active = this.#active.get(keyOf(record.peer, record.ask))
    const { store } = this.#components
    return {
      record,
      position,
      read: (after, signal) => active?.feed.read(after, signal) ?? store.replay(record, after),
    }
  }
}
