import type { Logger } from 'pino'
import { KithError, isFailure } from '../../protocol/errors.ts'
import type { Clock } from '../clock.ts'
import { runAttempt } from './attempt.ts'
import type { Job } from './job.ts'
import type { Claim, JobStore } from './job-store.ts'
import { hasWorker } from './pool.ts'
import { afterAttempt } from './retry.ts'
import type { Run } from './run.ts'
import type { ResultRows, Runner } from './runner.ts'

export interface WorkersComponents {
  store: JobStore
  runner: Runner
  clock: Clock
  log: Logger
  /** In [0, 1). */
  random: () => number
  /** What is stored of the result of a run, in one batch with its end. */
  resultRows: ResultRows
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

  /**
   * Makes an attempt as soon as `claim` is there, which is undefined where somebody else has it. Its place is taken from
   * now on. Resolves when it has begun.
   */
  async begin(job: Job, run: string, claim: Promise<Claim | undefined>): Promise<void> {
    const { clock, log, onRoom, onRun } = this.#components
    const stop = new AbortController()
    const { promise: done, resolve } = Promise.withResolvers<void>()
    const leave = (): void => {
      this.#working.delete(run)
      resolve()
    }
    this.#working.set(run, { job, stop, done })
    let claimed: Claim | undefined
    try {
      claimed = await claim
    } finally {
      if (claimed === undefined) leave()
    }
    if (claimed === undefined) return
    void this.#attempt(job, claimed, stop.signal)
      .catch((err: unknown) => {
        log.error({ err, job: job.name }, 'the end of a run could not be stored')
        // Whoever waits for it would wait until a restart. Where jobs are shared, others can still end it.
        if (isFailure(err, 'store-failed')) onRun(unstored(claimed.run, err, clock.now()))
      })
      .finally(() => {
        leave()
        onRoom()
      })
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
    const { clock, jobOf, log, onRun, random, resultRows, store } = this.#components
    const outcome = await runAttempt(this.#components, job, claim, signal)
    const chance = { now: clock.now(), random: random() }
    const after = afterAttempt(jobOf(job.name), store.state(job.name), claim.run, outcome, chance)
    const run = await store.finish(claim, outcome, chance.now, after, (ended) =>
      resultRows(job, ended, outcome),
    )
    if (run !== undefined) onRun(run)
    else {
      const fields = { job: job.name, run: claim.run.run }
      log.warn(fields, 'the result of a run is discarded: its lease was lost')
    }
  }
}

/** A run as its end is told of that the disk did not take: the next start finds it under way. */
function unstored(run: Run, { code, message }: KithError, finalAt: number): Run {
  return { ...run, state: 'interrupted', finalAt, failure: { code, why: message } }
}
