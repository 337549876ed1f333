import type { Scheduler } from './scheduler.ts'

/** Turns of the event loop in which one thing comes to its end: more, and it goes round for ever. */
const MAX_TURNS = 10_000

/**
 * What a program finds around it. While this is installed, whoever reads this machine's clock, rolls its dice or sets
 * its timers is found out: no seed decides those. What is put off to the end of a turn waits for `settle`.
 */
export class Ambient {
  readonly #scheduler: Scheduler
  readonly #setImmediate = globalThis.setImmediate
  #putOff: (() => void)[] = []
  /** Signals of timeouts that have not come yet. */
  readonly #timeouts = new Set<AbortController>()
  #found: Error | undefined

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  /** Returns what takes it away again. */
  install(): () => void {
    const { setImmediate, setInterval, setTimeout } = globalThis
    const { now } = Date
    const { random } = Math
    const timeout = AbortSignal.timeout.bind(AbortSignal)
    const catching = (what: string) => (): never => {
      this.#found ??= new Error(`${what} was used, and no seed decides that`)
      throw this.#found
    }
    Object.assign(globalThis, {
      setImmediate: (run: () => void) => this.#putOff.push(run),
      setInterval: catching('setInterval'),
      setTimeout: catching('setTimeout'),
    })
    Date.now = catching('Date.now')
    Math.random = catching('Math.random')
    AbortSignal.timeout = (ms) => {
      const controller = new AbortController()
      this.#timeouts.add(controller)
      this.#scheduler.after(ms, () => {
        this.#timeouts.delete(controller)
        controller.abort(new DOMException('the time is up', 'TimeoutError'))
      })
      return controller.signal
    }
    return () => {
      Object.assign(globalThis, { setImmediate, setInterval, setTimeout })
      Date.now = now
      Math.random = random
      AbortSignal.timeout = timeout
    }
  }

  /** Ends what waits for a timeout, at the end of the world: a signal that somebody listens to is never given up. */
  async end(): Promise<void> {
    for (const controller of this.#timeouts) controller.abort(new Error('the world has ended'))
    await this.#drain()
  }

  /** Resolves when nothing goes on by itself any more. @throws when somebody has used what no seed decides */
  async settle(): Promise<void> {
    await this.#drain()
    if (this.#found !== undefined) throw this.#found
  }

  async #drain(): Promise<void> {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      // Promises that can be settled are, before a turn of the event loop ends.
      await new Promise<void>((resolve) => this.#setImmediate(resolve))
      if (this.#putOff.length === 0) return
      const runs = this.#putOff
      this.#putOff = []
      for (const run of runs) run()
    }
    throw new Error('this goes round for ever')
  }
}
