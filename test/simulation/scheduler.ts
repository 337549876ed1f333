import type { Random } from '../fuzz/random.ts'
import { Heap } from './heap.ts'

/** Something that is to happen at a moment of the simulated time. */
interface Due {
  at: number
  /** Decides among those of one moment. */
  lot: number
  /** Undefined once it has been called off. */
  run: (() => void) | undefined
}

/** Simulated time: what is due happens one thing after the other, in an order that the seed decides. */
export class Scheduler {
  readonly #random: Random
  readonly #due = new Heap<Due>((a, b) => a.at - b.at || a.lot - b.lot)
  #now: number

  constructor(random: Random, startAt: number) {
    this.#random = random
    this.#now = startAt
  }

  /** In ms since the epoch. */
  get now(): number {
    return this.#now
  }

  /** When the next thing is due, in ms since the epoch. */
  get nextAt(): number | undefined {
    return this.#next()?.at
  }

  /** Calls `run` after `ms`, unless the returned function is called before. */
  after(ms: number, run: () => void): () => void {
    const due: Due = { at: this.#now + Math.max(0, ms), lot: this.#random.next(), run }
    this.#due.push(due)
    return () => {
      due.run = undefined
    }
  }

  /** Moves on to a moment before which nothing is due. */
  pass(at: number): void {
    if (at < this.#now || (this.nextAt ?? Infinity) < at) throw new TypeError('something is due')
    this.#now = at
  }

  /** Moves to the next thing that is due, and does it. False when nothing is. */
  step(): boolean {
    const due = this.#next()
    if (due === undefined) return false
    this.#due.pop()
    this.#now = due.at
    const { run } = due
    due.run = undefined
    run?.()
    return true
  }

  #next(): Due | undefined {
    for (;;) {
      const first = this.#due.first
      if (first === undefined || first.run !== undefined) return first
      this.#due.pop()
    }
  }
}
