import type { Logger } from 'pino'
import { ASK_RETENTION_MS } from '../../protocol/limits.ts'
import type { Clock } from '../clock.ts'
import type { Runs } from '../scheduler/runs.ts'
import type { AskStore } from './ask-store.ts'

const INTERVAL_MS = 3_600_000

export interface HousekeepingComponents {
  store: Pick<AskStore, 'prune'>
  runs: Pick<Runs, 'prune'>
  clock: Clock
  log: Logger
}

/** Forgets asks whose answer has been kept for long enough, and runs of jobs that are over their caps, every hour. */
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
    await Promise.all([this.#forgetAsks(), this.#forgetRuns()])
  }

  async #forgetAsks(): Promise<void> {
    const { clock, log, store } = this.#components
    try {
      const asks = await store.prune(clock.now() - ASK_RETENTION_MS)
      if (asks > 0) log.info({ asks }, 'old asks forgotten')
    } catch (err) {
      log.warn({ err }, 'old asks could not be forgotten')
    }
  }

  async #forgetRuns(): Promise<void> {
    const { clock, log, runs } = this.#components
    try {
      const count = await runs.prune(clock.now())
      if (count > 0) log.info({ runs: count }, 'old runs forgotten')
    } catch (err) {
      log.warn({ err }, 'old runs could not be forgotten')
    }
  }
}
