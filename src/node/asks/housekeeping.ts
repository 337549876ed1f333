import type { Logger } from 'pino'
import { ASK_RETENTION_MS } from '../../protocol/limits.ts'
import type { Clock } from '../clock.ts'
import type { AskStore } from './ask-store.ts'

const INTERVAL_MS = 3_600_000

/** Forgets asks whose answer has been kept for long enough, every hour. */
export class Housekeeping {
  readonly #components: { store: Pick<AskStore, 'prune'>; clock: Clock; log: Logger }
  #stop: () => void = () => undefined

  constructor(components: { store: Pick<AskStore, 'prune'>; clock: Clock; log: Logger }) {
    this.#components = components
  }

  start(): void {
    this.#stop = this.#components.clock.every(INTERVAL_MS, () => {
      void this.run()
    })
  }

  stop(): void {
    this.#stop()
  }

  /** Never rejects: what could not be forgotten now is forgotten an hour later. */
  async run(): Promise<void> {
    const { clock, log, store } = this.#components
    try {
      const asks = await store.prune(clock.now() - ASK_RETENTION_MS)
      if (asks > 0) log.info({ asks }, 'old asks forgotten')
    } catch (err) {
      log.warn({ err }, 'old asks could not be forgotten')
    }
  }
}
