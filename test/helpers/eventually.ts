import { setTimeout as delay } from 'node:timers/promises'

const PATIENCE_MS = 10_000
const INTERVAL_MS = 20

/** Tries `attempt` until it does not throw, for where nothing tells when that is. Throws its last error. */
export async function eventually<T>(attempt: () => T | Promise<T>): Promise<T> {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      return await attempt()
    } catch (err) {
      if (performance.now() > end) throw err
    }
    await delay(INTERVAL_MS)
  }
}
