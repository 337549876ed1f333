import { setTimeout as delay } from 'node:timers/promises'

/** Time as a port, so that tests and simulations turn it by hand. */
export interface Clock {
  /** Ms since the epoch. */
  now(): number
  /** Calls `run` every `ms` until the returned function is called. Keeps no process alive. */
  every(ms: number, run: () => void): () => void
  /** Calls `run` once after `ms`, unless the returned function is called before. Keeps no process alive. */
  after(ms: number, run: () => void): () => void
  /** Resolves after `ms`, or as soon as `signal` aborts: the abort is no error. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  every(ms, run) {
    const timer = setInterval(run, ms).unref()
    return () => {
      clearInterval(timer)
    }
  },
  after(ms, run) {
    const timer = setTimeout(run, ms).unref()
    return () => {
      clearTimeout(timer)
    }
  },
  async sleep(ms, signal) {
    await delay(ms, undefined, { signal, ref: false }).catch(() => undefined)
  },
}
