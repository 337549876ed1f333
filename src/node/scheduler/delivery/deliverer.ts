import type { Logger } from 'pino'
import { toError } from '../../../protocol/errors.ts'
import { singleLine } from '../../../protocol/text.ts'
import type { Clock } from '../../clock.ts'
import { afterTry, sinkText } from './delivery.ts'
import type { Delivery, TryEnd } from './delivery.ts'
import type { DeliveryStore } from './delivery-store.ts'

/** Tries that are under way at once to places of one kind, each to another one. */
const MAX_PARALLEL = 8

/** The longest time between two looks, in ms: a clock that was set shows then. */
const LOOK_MS = 60_000

/** Longest line about a failure, in UTF-16 units. */
const MAX_WHY_CHARS = 300

export interface DelivererComponents {
  deliveries: Pick<DeliveryStore, 'change' | 'open'>
  /** One try. May reject, which counts as one that failed; at once when `signal` aborts. */
  deliver: (delivery: Delivery, signal: AbortSignal) => Promise<TryEnd>
  clock: Clock
  /** In [0, 1). */
  random: () => number
  log: Logger
  /** Told of each that will not arrive. */
  onDead: (delivery: Delivery) => void
}

/**
 * Brings results to where they are to go: each by itself, again and again with longer waits, over restarts. A place
 * that hangs holds up what goes there and nothing else, as long as fewer than `MAX_PARALLEL` of its kind do. Each try may be the
 * second of what has arrived already.
 */
export class Deliverer {
  readonly #components: DelivererComponents
  /** By delivery, the place it goes to. */
  readonly #busy = new Map<string, { kind: string; place: string; done: Promise<void> }>()
  #stopping = new AbortController()
  #waker = new AbortController()
  #looping: Promise<void> = Promise.resolve()

  constructor(components: DelivererComponents) {
    this.#components = components
  }

  start(): void {
    this.#stopping = new AbortController()
    this.#looping = this.#loop(this.#stopping.signal)
  }

  /** Resolves when no try is under way. What was cut short is tried again after the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    // What has broken it was told when it did.
    await this.#looping.catch(() => undefined)
    await this.#idle()
  }

  /** Resolves once all that is due now was tried. */
  async settle(): Promise<void> {
    do await this.#idle()
    while (this.#look() > 0)
  }

  /** Looks at once at what there is to do. */
  wake(): void {
    this.#waker.abort()
  }

  /** Begins what is due and has its place to itself. Returns how many are under way then. */
  #look(): number {
    if (this.#stopping.signal.aborted) return 0
    const now = this.#components.clock.now()
    const due = this.#waiting()
      .filter(({ at }) => at <= now)
      .sort((a, b) => a.at - b.at)
    for (const { delivery } of due) {
      const { kind } = delivery.to
      const place = JSON.stringify(delivery.to)
      const busy = [...this.#busy.values()].filter((one) => one.kind === kind)
      if (busy.length >= MAX_PARALLEL || busy.some((one) => one.place === place)) continue
      const done = this.#try(delivery)
        .catch((err: unknown) => {
          const fields = { delivery: delivery.delivery, err }
          this.#components.log.error(fields, 'the end of a delivery could not be stored')
        })
        .finally(() => {
          this.#busy.delete(delivery.delivery)
          this.wake()
        })
      this.#busy.set(delivery.delivery, { kind, place, done })
    }
    return this.#busy.size
  }

  /** Resolves when no try is under way that is now. */
  async #idle(): Promise<void> {
    await Promise.all([...this.#busy.values()].map(({ done }) => done))
  }

  async #loop(signal: AbortSignal): Promise<void> {
    const { clock } = this.#components
    while (!signal.aborted) {
      this.#waker = new AbortController()
      this.#look()
      const now = clock.now()
      // What has come already waits for one that is under way, whose end wakes us.
      const later = this.#waiting().flatMap(({ at }) => (at > now ? [at] : []))
      const waitMs = Math.min(LOOK_MS, ...later.map((at) => at - now))
      await clock.sleep(waitMs, AbortSignal.any([signal, this.#waker.signal]))
    }
  }

  #waiting(): { delivery: Delivery; at: number }[] {
    return this.#components.deliveries.open().flatMap((delivery) => {
      const { nextAt, state } = delivery
      if (state !== 'waiting' || nextAt === undefined) return []
      return this.#busy.has(delivery.delivery) ? [] : [{ delivery, at: nextAt }]
    })
  }

  async #try(delivery: Delivery): Promise<void> {
    const { clock, deliver, deliveries, log, onDead, random } = this.#components
    const { signal } = this.#stopping
    const end = await deliver(delivery, signal).catch(failed)
    // What this node has cut short says nothing of the place.
    if (end.kind === 'failed' && signal.aborted) return
    const chance = { now: clock.now(), random: random() }
    const changed = await deliveries.change(delivery.run, (row) =>
      row.delivery === delivery.delivery ? afterTry(row, end, chance) : undefined,
    )
    for (const row of changed) {
      const { job, run, state, tries } = row
      const fields = { job, run, to: sinkText(row.to), state, tries }
      if (state === 'dead') {
        log.warn({ ...fields, failure: row.failure?.code }, 'a result will not arrive')
        onDead(row)
      } else log.info(fields, state === 'done' ? 'a result has arrived' : 'a delivery has failed')
    }
  }
}

function failed(thrown: unknown): TryEnd {
  const why = singleLine(toError(thrown).message, MAX_WHY_CHARS)
  return { kind: 'failed', code: 'internal', why, again: true }
}
