import type { Logger } from 'pino'
import { KithError } from '../../protocol/errors.ts'
import type { Clock } from '../clock.ts'
import { runAttempt } from './attempt.ts'
import type { Job } from './job.ts'
import type { Claim, LeaseStore } from './lease-store.ts'
import { hasWorker } from './pool.ts'
import { afterAttempt } from './retry.ts'
import type { Run } from './run.ts'
import type { Runner } from './runner.ts'

export interface WorkersComponents {
  store: LeaseStore
  runner: Runner
  clock: Clock
  log: Logger
  /** In [0, 1). */
  random: () => number
  /** A job as it is now. */
  jobOf: (name: string) => Job | undefined
  /** Told of each run that has a new state. */
  onRun: (run: Run) => void
  /** Told when there is room again. */
  onRoom: () => void
}

/** A run under way. */
interface Working {
  job: Job
  stop: AbortController
  done: Promise<void>
}

/** Makes attempts side by side, so many at once and one of each job, and stores how they end. */
export class Workers {
  readonly #components: WorkersComponents
  readonly #size: number
  readonly #working = new Map<string, Working>()

  constructor(components: WorkersComponents, size: number) {
    this.#components = components
    this.#size = size
  }

  /** True when `job` can start. A runner that does not end has its job even when the lease is lost. */
  hasRoom(job: Job): boolean {
    const jobs = [...this.#working.values()].map((one) => one.job)
    return jobs.every(({ name }) => name !== job.name) && hasWorker(jobs, job, this.#size)
  }

  begin(job: Job, claim: Claim): void {
    const { log, onRoom } = this.#components
    const stop = new AbortController()
    const done = this.#attempt(job, claim, stop.signal)
      .catch((err: unknown) => {
        log.error({ err, job: job.name }, 'the end of a run could not be stored')
      })
      .finally(() => {
        this.#working.delete(claim.run.run)
        onRoom()
      })
    this.#working.set(claim.run.run, { job, stop, done })
  }

  /** Ends a run that is under way here. Resolves when it has ended, with false when there is none. */
  async end(run: string, reason: KithError): Promise<boolean> {
    const working = this.#working.get(run)
    working?.stop.abort(reason)
    await working?.done
    return working !== undefined
  }

  /** Resolves when nothing is under way, or as soon as something else is. */
  async idle(): Promise<void> {
    await Promise.all([...this.#working.values()].map(({ done }) => done))
  }

  get busy(): boolean {
    return this.#working.size > 0
  }

  /** Waits for what is under way, and ends it after `drainMs`. Resolves when nothing runs. */
  async drain(drainMs: number): Promise<void> {
    const cancel = this.#components.clock.after(drainMs, () => {
      const reason = new KithError('stopping', 'this node is stopping', {})
      for (const { stop } of this.#working.values()) stop.abort(reason)
    })
    await this.idle()
    cancel()
  }

  async #attempt(job: Job, claim: Claim, signal: AbortSignal): Promise<void> {
    const { clock, jobOf, log, onRun, random, store } = this.#components
    const outcome = await runAttempt(this.#components, job, claim, signal)
    const chance = { now: clock.now(), random: random() }
    const after = afterAttempt(jobOf(job.name), store.state(job.name), claim.run, outcome, chance)
    const run = await store.finish(claim, outcome, chance.now, after)
    if (run !== undefined) onRun(run)
    else {
      const fields = { job: job.name, run: claim.run.run }
      log.warn(fields, 'the result of a run is discarded: its lease was lost')
    }
  }
}
