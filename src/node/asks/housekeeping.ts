import type { Logger } from 'pino'
import { ASK_RETENTION_MS } from '../../protocol/limits.ts'
import type { Clock } from '../clock.ts'
import type { JobHost } from '../scheduler/job-host.ts'
import type { Runs } from '../scheduler/runs.ts'
import type { AskStore } from './ask-store.ts'
import type { DailyBytes } from './daily-bytes.ts'

const INTERVAL_MS = 3_600_000

export interface HousekeepingComponents {
  store: Pick<AskStore, 'prune'>
  bytes: Pick<DailyBytes, 'prune'>
  runs: Pick<Runs, 'prune'>
  feeds: Pick<JobHost, 'pruneFeeds'>
  clock: Clock
  log: Logger
}

/** Forgets asks whose answer has been kept for long enough, and whatever else is over its caps, every hour. */
export class Housekeeping {
  readonly #components: HousekeepingComponents
  #stop: () => void = () => undefined

  constructor(components: HousekeepingComponents) {
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
    const { bytes, clock, feeds, runs, store } = this.#components
    const now = clock.now()
    await Promise.all([
      this.#forget('asks', () => store.prune(now - ASK_RETENTION_MS)),
      this.#forget('counts', () => bytes.prune()),
      this.#forget('runs', () => runs.prune(now)),
      this.#forget('feeds', () => feeds.pruneFeeds()),
    ])
  }

  async #forget(what: string, prune: () => Promise<number>): Promise<void> {
    const { log } = this.#components
    try {
      const count = await prune()
      if (count > 0) log.info({ [what]: count }, `old ${what} forgotten`)
    } catch (err) {
      log.warn({ err }, `old ${what} could not be forgotten`)
    }
  }
}
