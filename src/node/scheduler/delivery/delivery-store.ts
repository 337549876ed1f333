import { z } from 'zod'
import type { Database, Operation } from '../../../store/database.ts'
import { Repository } from '../../../store/repository.ts'
import { overCap, RUN_CAPS } from '../retention.ts'
import type { EndedRun } from '../retention.ts'
import { deliverySchema, isOpen } from './delivery.ts'
import type { Delivery } from './delivery.ts'

/** Those that are removed in one batch: few enough that other writes need not wait long behind it. */
const PRUNE_DELIVERIES = 500

/** No path: each of those begins with a slash. */
const LAST = 'last'

/**
 * Keeps deliveries, and knows those that are still to arrive. Changes come one after another, and each is on disk
 * before anybody acts on it.
 */
export class DeliveryStore {
  readonly #database: Database
  readonly #rows: Repository<Delivery>
  /** Keys of those that are open, so that a start need not read all. */
  readonly #openKeys: Repository<null>
  /** The highest order of all, under `LAST`, and of what has arrived at each path. */
  readonly #orders: Repository<number>
  readonly #open = new Map<string, Delivery>()
  readonly #written = new Map<string, number>()
  #last = 0
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(database: Database) {
    this.#database = database
    this.#rows = new Repository(database, 'deliveries', deliverySchema)
    this.#openKeys = new Repository(database, 'deliveries-open', z.null())
    this.#orders = new Repository(database, 'deliveries-order', z.int().nonnegative())
  }

  static async open(database: Database): Promise<DeliveryStore> {
    const store = new DeliveryStore(database)
    for await (const key of store.#openKeys.keys()) {
      const delivery = await store.#rows.get(key)
      if (delivery !== undefined) store.#open.set(key, delivery)
    }
    for await (const [key, order] of store.#orders.entries()) {
      if (key === LAST) store.#last = order
      else store.#written.set(key, order)
    }
    return store
  }

  /** The changes that store new ones, for `Database.write`. Call `take` once they are written. */
  add(deliveries: readonly Delivery[]): Operation[] {
    if (deliveries.length === 0) return []
    const last = this.#orders.put(LAST, this.#last)
    return [...deliveries.flatMap((delivery) => this.#put(delivery)), last]
  }

  /** Knows the deliveries of a run from now on, as they are on disk. */
  async take(run: string): Promise<void> {
    await this.change(run, () => undefined)
  }

  /** Those that are still to arrive, the oldest first. */
  open(): Delivery[] {
    return [...this.#open.values()]
  }

  /** True when some delivery of this run is still to arrive. */
  awaits(run: string): boolean {
    return this.open().some((delivery) => delivery.run === run)
  }

  /** All deliveries of a run, in the order of its job. */
  async ofRun(run: string): Promise<Delivery[]> {
    return await Array.fromAsync(this.#rows.values({ gt: `${run}.`, lt: `${run}/` }))
  }

  /** The newest first, from the whole store. */
  async *newest(): AsyncGenerator<Delivery> {
    yield* this.#rows.values({ reverse: true })
  }

  /** For the next run that ends: higher than all before it, whatever the clock says. */
  nextOrder(): number {
    return ++this.#last
  }

  /** True when what a later run has made is at the path that `delivery` goes to. */
  isPast({ order, to }: Pick<Delivery, 'order' | 'to'>): boolean {
    return to.kind === 'file' && (this.#written.get(to.path) ?? 0) > order
  }

  /**
   * Changes each delivery of a run for which `next` gives another, in one batch with `also`. Resolves with those that
   * were changed once that is on disk.
   */
  async change(
    run: string,
    next: (delivery: Delivery) => Delivery | undefined,
    also: readonly Operation[] = [],
  ): Promise<Delivery[]> {
    return await this.#inTurn(async () => await this.#change(run, next, also))
  }

  /**
   * Removes those that ended long ago, or are too many; none that is still to arrive. Resolves with what it has removed:
   * `failed` are those that are dead.
   */
  async prune(now: number, caps: typeof RUN_CAPS = RUN_CAPS): Promise<EndedRun[]> {
    return await this.#inTurn(async () => await this.#prune(now, caps))
  }

  async #prune(now: number, caps: typeof RUN_CAPS): Promise<EndedRun[]> {
    const ended: (EndedRun & Pick<Delivery, 'to'>)[] = []
    const paths = new Set([...this.#open.values()].flatMap(({ to }) => pathOf(to)))
    for await (const { delivery, endedAt, job, state, to } of this.newest()) {
      if (endedAt === undefined) continue
      ended.push({ run: delivery, job, finalAt: endedAt, failed: state === 'dead', to })
    }
    const gone = overCap(ended, now, caps)
    const removed = new Set(gone)
    for (const row of ended)
      if (!removed.has(row)) for (const path of pathOf(row.to)) paths.add(path)
    // What is kept of a path tells a late delivery from the last one: without one, nothing can be late.
    const idle = [...this.#written.keys()].filter((path) => !paths.has(path))
    for (const path of idle) this.#written.delete(path)
    const operations = [
      ...gone.map(({ run }) => this.#rows.del(run)),
      ...idle.map((path) => this.#orders.del(path)),
    ]
    for (let from = 0; from < operations.length; from += PRUNE_DELIVERIES) {
      const batch = operations.slice(from, from + PRUNE_DELIVERIES)
      await this.#database.write(batch, { durable: false })
    }
    return gone
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return await turn
  }

  async #change(
    run: string,
    next: (delivery: Delivery) => Delivery | undefined,
    also: readonly Operation[],
  ): Promise<Delivery[]> {
    const before = await this.ofRun(run)
    const changed = before.flatMap((delivery) => next(delivery) ?? [])
    const written = changed.filter((row) => row.state === 'done' && !this.isPast(row))
    const paths = new Map(
      written.flatMap(({ order, to }) => (to.kind === 'file' ? [[to.path, order]] : [])),
    )
    const operations = [
      ...changed.flatMap((row) => this.#put(row)),
      ...Array.from(paths, ([path, order]) => this.#orders.put(path, order)),
      ...also,
    ]
    if (operations.length > 0) await this.#database.write(operations, { durable: true })
    const after = new Map([...before, ...changed].map((delivery) => [delivery.delivery, delivery]))
    for (const [key, delivery] of after) {
      if (isOpen(delivery)) this.#open.set(key, delivery)
      else this.#open.delete(key)
    }
    for (const [path, order] of paths) this.#written.set(path, order)
    return changed
  }

  #put(delivery: Delivery): Operation[] {
    const key = delivery.delivery
    return [
      this.#rows.put(key, delivery),
      isOpen(delivery) ? this.#openKeys.put(key, null) : this.#openKeys.del(key),
    ]
  }
}

function pathOf(to: Delivery['to']): string[] {
  return to.kind === 'file' ? [to.path] : []
}
