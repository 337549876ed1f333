import type { Random } from '../fuzz/random.ts'
import type { Scheduler } from './scheduler.ts'

/** What crosses a connection, in order. */
export type Item =
  | { kind: 'secured' }
  | { kind: 'open' | 'opened'; protocol: string }
  | { kind: 'data'; protocol: string; bytes: Uint8Array }
  | { kind: 'end' }

export interface WireInit {
  scheduler: Scheduler
  random: Random
  /** True while nothing gets through. */
  blocked: () => boolean
  deliver: (item: Item) => void
}

/** Most of what crosses the network takes so long, in ms; some of it, much longer. */
const USUAL_MS = 40
const SLOW_MS = 2_000
const SLOW_SHARE = 0.02

/** How long something takes to cross the network, in ms. */
export function latencyMs(random: Random): number {
  return 1 + random.below(random.next() < SLOW_SHARE ? SLOW_MS : USUAL_MS)
}

/** One direction of a connection: what is sent arrives in order, late, and not at all while the network is parted. */
export class Wire {
  readonly #init: WireInit
  #items: { item: Item; at: number }[] = []
  /** Bytes on their way. */
  #bytes = 0
  #cancel: (() => void) | undefined

  constructor(init: WireInit) {
    this.#init = init
  }

  get bytes(): number {
    return this.#bytes
  }

  push(item: Item): void {
    const { random, scheduler } = this.#init
    const last = this.#items.at(-1)?.at ?? 0
    this.#items.push({ item, at: Math.max(last, scheduler.now + latencyMs(random)) })
    if (item.kind === 'data') this.#bytes += item.bytes.byteLength
    if (this.#items.length === 1) this.#wait()
  }

  get empty(): boolean {
    return this.#items.length === 0
  }

  /** Loses the newest of what is on its way, as the end of a connection does. */
  lose(): void {
    const kept = this.#items.slice(0, this.#init.random.below(this.#items.length + 1))
    this.#items = kept
    if (kept.length === 0) this.#cancel?.()
  }

  /** Tries again what did not get through. */
  resume(): void {
    if (this.#items.length > 0) this.#wait()
  }

  #wait(): void {
    const { scheduler } = this.#init
    this.#cancel?.()
    const at = this.#items[0]?.at ?? 0
    this.#cancel = scheduler.after(at - scheduler.now, () => {
      this.#arrive()
    })
  }

  #arrive(): void {
    if (this.#init.blocked()) return
    const first = this.#items.shift()
    if (first === undefined) return
    if (first.item.kind === 'data') this.#bytes -= first.item.bytes.byteLength
    if (this.#items.length > 0) this.#wait()
    this.#init.deliver(first.item)
  }
}
