import type { Logger } from 'pino'
import { OWNER_NAME } from '../../agent/ports.ts'
import { KithError, isFailure } from '../../protocol/errors.ts'
import { uuidV7 } from '../../protocol/uuid.ts'
import type { Clock } from '../clock.ts'
import { outcomeOf } from './attempt.ts'
import type { Job } from './job.ts'
import type { LeaseStore } from './lease-store.ts'
import { limitText } from './limits.ts'
import { nextLook, planJobs } from './plan.ts'
import { afterAttempt } from './retry.ts'
import { waitingRun } from './run.ts'
import type { Outcome, Run, RunCause } from './run.ts'
import type { Runner } from './runner.ts'
import { Workers } from './workers.ts'

export interface SchedulerComponents {
  store: LeaseStore
  runner: Runner
  clock: Clock
  log: Logger
  /** In [0, 1). */
  random: () => number
  randomBytes: (count: number) => Uint8Array
}

export interface SchedulerInit {
  jobs: readonly Job[]
  /** Runs that are under way at once. @default 4 */
  workers?: number
  /** How long runs may go on once this node stops, in ms. @default 5_000 */
  drainMs?: number
}

/** Who wants a run that no schedule does, and why. */
export interface RunRequest {
  /** `self`, or a peer's name. @default 'self' */
  by?: string
  /** @default 'manual' */
  cause?: Extract<RunCause, 'manual' | 'peer' | 'retry'>
  /** The run of which it is the retry, and how many there were of the same work. */
  retry?: { of: string; nth: number }
}

/** Starts jobs when they are due, and when somebody wants them, each alone and under a lease. */
export class Scheduler {
  readonly #components: SchedulerComponents
  readonly #workers: Workers
  readonly #drainMs: number
  readonly #listeners = new Set<(run: Run) => void>()
  #jobs = new Map<string, Job>()
  #stopping = new AbortController()
  #waker = new AbortController()
  #looping: Promise<void> = Promise.resolve()

  constructor(
    components: SchedulerComponents,
    { drainMs = 5_000, jobs, workers = 4 }: SchedulerInit,
  ) {
    this.#components = components
    this.#workers = new Workers(
      {
        ...components,
        jobOf: (name) => this.#jobs.get(name),
        onRun: (run) => {
          this.#tell(run)
        },
        onRoom: () => {
          this.#wake()
        },
      },
      workers,
    )
    this.#drainMs = drainMs
    this.setJobs(jobs)
  }

  /** The jobs of now on. A run under way goes on as its job was. */
  setJobs(jobs: readonly Job[]): void {
    this.#jobs = new Map(jobs.map((job) => [job.name, job]))
    this.#wake()
  }

  get jobs(): Job[] {
    return [...this.#jobs.values()]
  }

  start(): void {
    this.#stopping = new AbortController()
    this.#looping = this.#loop(this.#stopping.signal)
  }

  /** Takes no more work, waits for what is under way, and ends what takes too long. Resolves when nothing runs. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#looping
    await this.#workers.drain(this.#drainMs)
  }

  /** Resolves when nothing is under way; at once, with false, when nothing was. */
  async idle(): Promise<boolean> {
    const { busy } = this.#workers
    await this.#workers.idle()
    return busy
  }

  /** Tells `listener` of each run that ends, until the returned function is called. */
  onEnd(listener: (run: Run) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Has a job run as soon as there is a worker, also one that is off or paused: that is how one is tried out. On disk
   * when this resolves with the run.
   *
   * @throws {KithError} `unknown-job`, `busy`, `stopping`; `conflict` with the run that has not ended
   */
  async runNow(
    name: string,
    { by = OWNER_NAME, cause = 'manual', retry }: RunRequest = {},
  ): Promise<Run> {
    const { store } = this.#components
    if (this.#stopping.signal.aborted) throw new KithError('stopping', 'this node is stopping', {})
    if (!this.#jobs.has(name)) {
      const hint = { hint: 'kith jobs list' }
      throw new KithError('unknown-job', `no job is named ${name}`, { job: name }, hint)
    }
    const [active] = store.openRuns(name)
    if (active !== undefined) {
      const details = { activeId: active.run }
      throw new KithError('conflict', `${name} has not ended: ${active.run}`, details)
    }
    const now = this.#components.clock.now()
    const run: Run = {
      ...this.#newRun(name, now, cause),
      by,
      ...(retry === undefined ? {} : { retryOf: retry.of, retries: retry.nth }),
    }
    await store.enqueue(run)
    this.#wake()
    return run
  }

  /** Ends a run that waits or is under way here. Resolves when it has ended, with false when there is none. */
  async cancel(id: string, why = 'somebody wanted it to end'): Promise<boolean> {
    const run = this.#components.store.openRuns().find((open) => open.run === id)
    if (run === undefined) return false
    const reason = new KithError('cancelled', why, {})
    if (!(await this.#workers.end(id, reason))) await this.#close(run, outcomeOf(reason))
    return true
  }

  /** Pauses a job until it is resumed. What is under way goes on. On disk when this resolves. */
  async pause(name: string, who: string, why: string): Promise<void> {
    await this.#components.store.pause(name, { who, why, at: this.#components.clock.now() })
    this.#wake()
  }

  /** What was due meanwhile is not made up for. On disk when this resolves. */
  async resume(name: string): Promise<void> {
    await this.#components.store.pause(name, undefined)
    this.#wake()
  }

  /**
   * Does once what the loop does at each look: closes what was left, takes what is due, starts what has a worker.
   * For those who have no loop; the one that there is calls it too.
   */
  async look(): Promise<void> {
    const { clock, store } = this.#components
    const now = clock.now()
    const gone = new KithError('interrupted', 'the process that ran it has ended', {})
    for (const run of store.takeLeft()) await this.#close(run, outcomeOf(gone))
    const late = new KithError('interrupted', 'its lease has run out', {})
    for (const run of store.expired(now)) await this.#close(run, outcomeOf(late))
    for (const run of store.openRuns()) await this.#expireQueued(run, now)
    await planJobs(store, this.jobs, now, {
      take: (job, due) => this.#newRun(job.name, due.dueAt, due.cause),
      replace: async (run) => {
        await this.#clear(run)
      },
    })
    await this.#claimReady(now)
  }

  /** When the next look is worth it, in ms since the epoch. */
  get nextLookAt(): number {
    const { clock, store } = this.#components
    return nextLook(store, this.jobs, clock.now())
  }

  /** When the first run that waits may start, in ms since the epoch; undefined when none can. */
  get nextRetryAt(): number | undefined {
    const times = this.#components.store
      .openRuns()
      .filter((run) => run.state === 'queued' && this.#isWanted(run))
      .map(({ readyAt }) => readyAt)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  async #loop(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#components
    while (!signal.aborted) {
      this.#waker = new AbortController()
      try {
        await this.look()
      } catch (err) {
        log.error({ err }, 'jobs could not be looked at')
      }
      const waitMs = Math.max(0, this.nextLookAt - clock.now())
      await clock.sleep(waitMs, AbortSignal.any([signal, this.#waker.signal]))
    }
  }

  #wake(): void {
    this.#waker.abort()
  }

  async #expireQueued(run: Run, now: number): Promise<void> {
    if (run.state !== 'queued') return
    const limits = this.#jobs.get(run.job)?.limits
    if (limits === undefined) {
      const reason = new KithError('cancelled', 'its job is no longer in jobs.yaml', {})
      await this.#close(run, outcomeOf(reason))
    } else if (now - run.readyAt >= limits.queueMs) {
      const reason = new KithError('deadline', limitText('queue', limits), {})
      await this.#close(run, outcomeOf(reason), true)
    }
  }

  /** Ends all runs of a job but the one that takes their place. */
  async #clear(later: Run): Promise<void> {
    const reason = new KithError('cancelled', 'a later run takes its place', {})
    for (const run of this.#components.store.openRuns(later.job)) {
      if (run.run === later.run) continue
      if (run.state === 'queued') await this.#close(run, outcomeOf(reason))
      // It ends in its own time: the next one starts when it has.
      else void this.#workers.end(run.run, reason)
    }
  }

  async #claimReady(now: number): Promise<void> {
    const { store } = this.#components
    const ready = store
      .openRuns()
      .filter(({ readyAt, state }) => state === 'queued' && readyAt <= now)
      .sort((a, b) => a.readyAt - b.readyAt)
    for (const run of ready) {
      const job = this.#jobs.get(run.job)
      if (job === undefined || !this.#isWanted(run) || !this.#workers.hasRoom(job)) continue
      if (this.#stopping.signal.aborted) return
      const claim = await store.claim(run.run, now, job.limits.heartbeatMs).catch(ifTaken)
      if (claim !== undefined) this.#workers.begin(job, claim)
    }
  }

  /** A schedule counts while its job is on and not paused; what a person wants, always. */
  #isWanted({ cause, job }: Run): boolean {
    if (cause !== 'schedule' && cause !== 'catch-up') return this.#jobs.has(job)
    const enabled = this.#jobs.get(job)?.enabled === true
    return enabled && this.#components.store.state(job).paused === undefined
  }

  /** Ends a run from outside of its worker. With `final` there is no other attempt. */
  async #close(run: Run, outcome: Outcome, final = false): Promise<void> {
    const { clock, random, store } = this.#components
    const now = clock.now()
    const state = store.state(run.job)
    const after = afterAttempt(this.#jobs.get(run.job), state, run, outcome, {
      now,
      random: random(),
    })
    const kept = final ? { ...after, retryAt: undefined } : after
    const closed = await store.close(run, outcome, now, kept)
    if (closed !== undefined) this.#tell(closed)
  }

  #tell(run: Run): void {
    if (run.finalAt !== undefined) for (const listener of this.#listeners) listener(run)
    else this.#components.log.info({ job: run.job, run: run.run }, 'a run is tried again later')
  }

  #newRun(job: string, dueAt: number, cause: RunCause): Run {
    const { clock, randomBytes } = this.#components
    const now = clock.now()
    return waitingRun(uuidV7(now, randomBytes(10)), { job, cause, by: OWNER_NAME, dueAt }, now)
  }
}

/** What a run is to another worker that has taken it, or its job, meanwhile: nothing. */
function ifTaken(err: unknown): undefined {
  if (!isFailure(err, 'conflict')) throw err
}
