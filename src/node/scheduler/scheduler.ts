import type { Logger } from 'pino'
import { OWNER_NAME } from '../../agent/ports.ts'
import { KithError, isFailure } from '../../protocol/errors.ts'
import { uuidV7 } from '../../protocol/uuid.ts'
import { unknownJob } from '../../store/jobs-edit.ts'
import type { Clock } from '../clock.ts'
import { outcomeOf } from './attempt.ts'
import type { Job } from './job.ts'
import type { JobStore } from './job-store.ts'
import { Planner } from './plan.ts'
import { queueEnd } from './queue-end.ts'
import { afterAttempt } from './retry.ts'
import { waitingRun, withRequest } from './run.ts'
import type { Outcome, Run, RunCause, RunRequest } from './run.ts'
import type { ResultRows, Runner } from './runner.ts'
import { isWanted } from './wanted.ts'
import { Workers } from './workers.ts'

export interface SchedulerComponents {
  store: JobStore
  runner: Runner
  /** What is stored of the result of a run, in one batch with its end. */
  resultRows: ResultRows
  /** The due time for which a job has more to do than its last run did. @default none has */
  goesOn?: (job: Job) => number | undefined
  /** Whether a peer may start jobs now, by its name. @default each may */
  mayStart?: (peer: string) => boolean
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
}

/** Told of a run that has ended: `here`, or at another node with the same jobs. */
export type EndListener = (run: Run, here: boolean) => void

/** Starts jobs when they are due, and when somebody wants them, each alone and under a lease. */
export class Scheduler {
  readonly #components: SchedulerComponents
  readonly #workers: Workers
  readonly #planner: Planner
  readonly #listeners = new Set<EndListener>()
  #jobs = new Map<string, Job>()
  #stopping = new AbortController()
  #waker = new AbortController()
  #looping: Promise<void> = Promise.resolve()

  constructor(components: SchedulerComponents, { jobs, workers = 4 }: SchedulerInit) {
    this.#components = components
    this.#planner = new Planner(components.store)
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
    components.store.listen({
      onChange: () => {
        this.#planner.touchAll()
        this.#wake()
      },
      onEnd: (run) => {
        for (const listener of this.#listeners) listener(run, false)
      },
    })
    this.setJobs(jobs)
  }

  /** The jobs of now on. A run under way goes on as its job was. */
  setJobs(jobs: readonly Job[]): void {
    this.#jobs = new Map(jobs.map((job) => [job.name, job]))
    this.#planner.setJobs(this.#jobs)
    this.#wake()
  }

  get jobs(): Job[] {
    return [...this.#jobs.values()]
  }

  start(): void {
    this.#stopping = new AbortController()
    this.#looping = this.#loop(this.#stopping.signal)
  }

  /** Takes no more work, waits `drainMs` for what is under way, and ends the rest. Resolves when nothing runs. */
  async stop(drainMs: number): Promise<void> {
    this.#stopping.abort()
    // What has broken it was told when it did.
    await this.#looping.catch(() => undefined)
    await this.#workers.drain(drainMs)
  }

  /** Resolves when nothing is under way; at once, with false, when nothing was. */
  async idle(): Promise<boolean> {
    const { busy } = this.#workers
    await this.#workers.idle()
    return busy
  }

  /** Tells `listener` of each run that ends, until the returned function is called. */
  onEnd(listener: EndListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Has a job run as soon as there is a worker, also one that is off or paused: that is how one is tried out. On disk
   * when this resolves with the run.
   *
   * @throws {KithError} `unknown-job`, `busy`, `stopping`; `conflict` with the run that has not ended
   */
  async runNow(name: string, request: RunRequest = {}): Promise<Run> {
    const { clock, store } = this.#components
    if (this.#stopping.signal.aborted) throw new KithError('stopping', 'this node is stopping', {})
    if (!this.#jobs.has(name)) throw unknownJob(name)
    const [active] = store.openRuns(name)
    if (active !== undefined) {
      const details = { activeId: active.run }
      throw new KithError('conflict', `${name} has not ended: ${active.run}`, details)
    }
    const run = withRequest(this.#newRun(name, clock.now(), request.cause ?? 'manual'), request)
    // Another node was first: what it has done to the job decides.
    if (!(await store.enqueue(run))) return await this.runNow(name, request)
    this.#wake()
    return run
  }

  /** Ends a run that waits or is under way here. Resolves when it has ended, with false when there is none. */
  async cancel(
    id: string,
    reason: KithError = new KithError('cancelled', 'somebody wanted it to end', {}),
  ): Promise<boolean> {
    const run = this.#components.store.openRuns().find((open) => open.run === id)
    if (run === undefined) return false
    if (await this.#workers.end(id, reason)) return true
    // One that has moved on at another node meanwhile is looked at anew.
    return (await this.#close(run, outcomeOf(reason))) || (await this.cancel(id, reason))
  }

  /** Pauses a job until it is resumed. What is under way goes on. On disk when this resolves. */
  async pause(name: string, who: string, why: string): Promise<void> {
    await this.#components.store.pause(name, { who, why, at: this.#components.clock.now() })
    this.#planner.touch(name)
    this.#wake()
  }

  /** What was due meanwhile is not made up for. On disk when this resolves. */
  async resume(name: string): Promise<void> {
    await this.#components.store.pause(name, undefined)
    this.#planner.touch(name)
    this.#wake()
  }

  /**
   * Does once what the loop does at each look: closes what was left, takes what is due at `dueBy` (nothing, if it
   * is undefined), starts what has a worker. For those who have no loop; the one that there is calls it too.
   */
  async look({ dueBy }: { dueBy: number | undefined } = { dueBy: this.#now }): Promise<void> {
    const { clock, goesOn = () => undefined, mayStart, store } = this.#components
    const now = clock.now()
    const gone = new KithError('interrupted', 'the process that ran it has ended', {})
    for (const run of store.takeLeft()) await this.#close(run, outcomeOf(gone))
    const late = new KithError('interrupted', 'its lease has run out', {})
    for (const run of await store.expired(now)) await this.#close(run, outcomeOf(late))
    const asked = store.shared ? undefined : mayStart
    for (const run of store.openRuns()) {
      const end = queueEnd(run, this.#jobs.get(run.job), now, asked)
      if (end !== undefined) await this.#close(run, end, true)
    }
    if (dueBy !== undefined) {
      await this.#planner.plan(dueBy, {
        take: (job, due) => this.#newRun(job.name, due.dueAt, due.cause),
        replace: (run) => this.#clear(run),
      })
    }
    await this.#planner.goOn(goesOn, (job, at) => this.#newRun(job.name, at, 'feed'))
    await this.#claimReady(now)
  }

  /** Runs that are under way, and those that wait and can start. */
  pending(): Run[] {
    const { store } = this.#components
    return store.openRuns().filter((run) => run.state === 'running' || this.#isWanted(run))
  }

  /** When the first run that waits may start, in ms since the epoch; undefined when none can. */
  get nextRetryAt(): number | undefined {
    const times = this.pending()
      .filter(({ state }) => state === 'queued')
      .map(({ readyAt }) => readyAt)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  async #loop(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#components
    while (!signal.aborted) {
      this.#waker = new AbortController()
      const lookedAt = clock.now()
      try {
        await this.look()
      } catch (err) {
        log.error({ err }, 'jobs could not be looked at')
      }
      const waitMs = Math.max(0, this.#planner.nextLook(lookedAt) - clock.now())
      await clock.sleep(waitMs, AbortSignal.any([signal, this.#waker.signal]))
    }
  }

  get #now(): number {
    return this.#components.clock.now()
  }

  #wake(): void {
    this.#waker.abort()
  }

  /** Ends all runs of a job but the one that takes their place. */
  async #clear(later: Run): Promise<void> {
    const reason = new KithError('replaced', 'a later run takes its place', {})
    for (const run of this.#components.store.openRuns(later.job)) {
      if (run.run === later.run) continue
      if (run.state === 'queued') await this.#close(run, outcomeOf(reason))
      // It ends in its own time: the next one starts when it has.
      else {
        this.cancel(run.run, reason).catch((err: unknown) => {
          this.#components.log.error({ err, job: run.job }, 'a run could not be ended')
        })
      }
    }
  }

  async #claimReady(now: number): Promise<void> {
    const { store } = this.#components
    const ready = store
      .openRuns()
      .filter(({ readyAt, state }) => state === 'queued' && readyAt <= now)
      .sort((a, b) => a.readyAt - b.readyAt)
    if (this.#stopping.signal.aborted) return
    const begun = ready.map(async (run) => {
      const job = this.#jobs.get(run.job)
      if (job === undefined || !this.#isWanted(run) || !this.#workers.hasRoom(job)) return
      const claim = store.claim(run.run, now, job.limits.heartbeatMs).catch(ifTaken)
      await this.#workers.begin(job, run.run, claim)
    })
    // They share a write to the disk.
    await Promise.all(begun)
  }

  #isWanted(run: Run): boolean {
    const { mayStart = () => true, store } = this.#components
    const job = this.#jobs.get(run.job)
    return job !== undefined && isWanted(run, job, store.state(job.name), mayStart)
  }

  /** Ends a run from outside of its worker, unless it has moved on. With `final` there is no other attempt. */
  async #close(run: Run, outcome: Outcome, final = false): Promise<boolean> {
    const { clock, random, resultRows, store } = this.#components
    const now = clock.now()
    const job = this.#jobs.get(run.job)
    const after = afterAttempt(job, store.state(run.job), run, outcome, { now, random: random() })
    const kept = final ? { ...after, retryAt: undefined } : after
    const closed = await store.close(run, outcome, now, kept, (ended) =>
      job === undefined ? [] : resultRows(job, ended, outcome),
    )
    if (closed !== undefined) this.#tell(closed)
    return closed !== undefined
  }

  #tell(run: Run): void {
    // Too many failures have paused its job.
    this.#planner.touch(run.job)
    if (run.finalAt !== undefined) for (const listener of this.#listeners) listener(run, true)
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
