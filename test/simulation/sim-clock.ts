import type { Clock } from '../../src/node/clock.ts'
import type { Scheduler } from './scheduler.ts'

/** The clock of one process: it may be set, its timers run steadily, and all of it ends with the process. */
export class SimClock implements Clock {
  readonly #scheduler: Scheduler
  readonly #offsetMs: () => number
  readonly #timers = new Set<() => void>()
  /** What lets go of the signals that sleepers listen to. */
  readonly #sleepers = new Set<() => void>()
  #over = false

  /** `offsetMs` is by how much the machine's clock is wrong. */
  constructor(scheduler: Scheduler, offsetMs: () => number) {
    this.#scheduler = scheduler
    this.#offsetMs = offsetMs
  }

  /** Timers that wait. */
  get timers(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#scheduler.now + this.#offsetMs()
  }

  every(ms: number, run: () => void): () => void {
    let cancel = (): void => undefined
    const again = (): void => {
      cancel = this.after(ms, () => {
        again()
        run()
      })
    }
    again()
    return () => {
      cancel()
    }
  }

  after(ms: number, run: () => void): () => void {
    if (this.#over) return () => undefined
    const stop = (): void => {
      this.#timers.delete(stop)
      cancel()
    }
    const cancel = this.#scheduler.after(ms, () => {
      this.#timers.delete(stop)
      run()
    })
    this.#timers.add(stop)
    return stop
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#over) return new Promise(() => undefined)
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const wake = (): void => {
      cancel()
      leave()
      resolve(undefined)
    }
    const leave = (): void => {
      this.#sleepers.delete(leave)
      signal.removeEventListener('abort', wake)
    }
    const cancel = this.after(ms, wake)
    signal.addEventListener('abort', wake)
    this.#sleepers.add(leave)
    if (signal.aborted) wake()
    return promise
  }

  /** Runs nothing any more. */
  end(): void {
    this.#over = true
    for (const stop of [...this.#timers]) stop()
    for (const leave of [...this.#sleepers]) leave()
  }
}
