import type { Clock } from '../../src/node/clock.ts'

interface Timer {
  at: number
  everyMs: number | undefined
  run: () => void
}

/** A clock that moves when it is told to, and runs what is due on the way, in order. */
export class ManualClock implements Clock {
  #now: number
  readonly #timers = new Set<Timer>()
  #asleep = Promise.withResolvers<number>()

  constructor(now = Date.UTC(2026, 10, 21, 9)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  every(ms: number, run: () => void): () => void {
    return this.#add({ at: this.#now + ms, everyMs: ms, run })
  }

  after(ms: number, run: () => void): () => void {
    return this.#add({ at: this.#now + ms, everyMs: undefined, run })
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const wake = (): void => {
      resolve(undefined)
    }
    const cancel = this.after(ms, wake)
    signal.addEventListener('abort', wake, { once: true })
    if (signal.aborted) wake()
    this.#asleep.resolve(ms)
    this.#asleep = Promise.withResolvers()
    return promise.then(() => {
      cancel()
      signal.removeEventListener('abort', wake)
    })
  }

  /** Resolves with the length of the next sleep that somebody begins. */
  get nextSleep(): Promise<number> {
    return this.#asleep.promise
  }

  /** Moves on by `ms`, and runs every timer that becomes due, each at its own time. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#now = next.at
      if (next.everyMs === undefined) this.#timers.delete(next)
      else next.at += next.everyMs
      next.run()
    }
    this.#now = end
  }

  /** Moves on by `ms` in which nothing of ours ran: what became due meanwhile runs once, as Node's timers do. */
  stall(ms: number): void {
    this.#now += ms
    for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
      if (timer.at > this.#now || !this.#timers.has(timer)) continue
      if (timer.everyMs === undefined) this.#timers.delete(timer)
      else timer.at = this.#now + timer.everyMs
      timer.run()
    }
  }

  /** Shows `ms` less from now on: what waits goes on waiting for as long as before, as Node's timers do. */
  setBack(ms: number): void {
    this.#now -= ms
    for (const timer of this.#timers) timer.at -= ms
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#timers.size
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }
}
