import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import type { Made } from '../../src/node/scheduler/artifact.ts'
import { jobsSchema } from '../../src/node/scheduler/job.ts'
import type { Job } from '../../src/node/scheduler/job.ts'
import { LeaseStore } from '../../src/node/scheduler/lease-store.ts'
import { waitingRun } from '../../src/node/scheduler/run.ts'
import type { Run } from '../../src/node/scheduler/run.ts'
import type { Result, ResultRows, RunContext, Runner } from '../../src/node/scheduler/runner.ts'
import { Runs } from '../../src/node/scheduler/runs.ts'
import { Scheduler } from '../../src/node/scheduler/scheduler.ts'
import type { SchedulerInit } from '../../src/node/scheduler/scheduler.ts'
import { uuidV7 } from '../../src/protocol/uuid.ts'
import { Database } from '../../src/store/database.ts'
import { ManualClock } from './manual-clock.ts'

/** A job as jobs.yaml would have it, on, and due each minute unless `row` says otherwise. */
export function jobOf(name: string, row: Record<string, unknown> = {}): Job {
  const base = {
    name,
    enabled: true,
    zone: 'UTC',
    schedule: { kind: 'interval', every_seconds: 60 },
    target: { kind: 'command', argv: ['true'] },
  }
  const [job] = jobsSchema.parse({ version: 1, jobs: [{ ...base, ...row }] })
  if (job === undefined) throw new TypeError('no job')
  return job
}

/** A run that waits. */
export function queuedRun(job: string, at: number): Run {
  const wanted = { job, cause: 'manual', by: 'self', dueAt: at } as const
  return waitingRun(uuidV7(at, randomBytes(10)), wanted, at)
}

/** An attempt that a test ends by hand. */
export interface Begun extends RunContext {
  job: string
  signal: AbortSignal
  succeed: (summary?: string, made?: Made) => void
  fail: (err: unknown) => void
}

/** Begins attempts, and leaves their ends to the test. */
export class HeldRunner implements Runner {
  readonly begun: Begun[] = []
  /** False: an attempt goes on when it is told to end. */
  obeys = true
  #waiting: { count: number; resolve: () => void }[] = []

  run(job: Job, context: RunContext, signal: AbortSignal): Promise<Result> {
    const { promise, reject, resolve } = Promise.withResolvers<Result>()
    const succeed = (summary = 'done', made?: Made): void => {
      resolve({ summary, ...(made === undefined ? {} : { made }) })
    }
    this.begun.push({ ...context, job: job.name, signal, succeed, fail: reject })
    if (this.obeys) {
      signal.addEventListener('abort', () => {
        reject(new Error('it was told to end'))
      })
    }
    for (const { count, resolve: tell } of this.#waiting) if (this.begun.length >= count) tell()
    return promise
  }

  /** The attempt that was begun as the `count`th, once it is. */
  async nth(count: number): Promise<Begun> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const tell = (): void => {
      resolve(undefined)
    }
    if (this.begun.length >= count) tell()
    this.#waiting.push({ count, resolve: tell })
    await promise
    const begun = this.begun[count - 1]
    if (begun === undefined) throw new TypeError('not begun')
    return begun
  }

  /** Names of the jobs begun, in order. */
  get names(): string[] {
    return this.begun.map(({ job }) => job)
  }
}

/** A scheduler over a real store, with a clock that is turned by hand. */
export class JobHome {
  readonly clock = new ManualClock()
  readonly runner = new HeldRunner()
  readonly ended: Run[] = []
  /** What is stored of results: nothing, unless a test is about them. */
  resultRows: ResultRows = () => []
  /** Peers that may start no job now. */
  readonly barred = new Set<string>()
  readonly #folder: string
  readonly #waiting: { count: number; resolve: () => void }[] = []
  #database: Database | undefined

  constructor(folder: string) {
    this.#folder = folder
  }

  async open(
    jobs: Job[],
    init: Partial<SchedulerInit> = {},
    runner: Runner = this.runner,
  ): Promise<{ database: Database; scheduler: Scheduler; store: LeaseStore; runs: Runs }> {
    this.#database = await Database.open(this.#folder)
    const runs = new Runs(this.#database)
    const store = await LeaseStore.open({ database: this.#database, runs, randomBytes })
    const scheduler = this.scheduler(store, jobs, init, runner)
    return { database: this.#database, scheduler, store, runs }
  }

  scheduler(
    store: LeaseStore,
    jobs: Job[],
    init: Partial<SchedulerInit> = {},
    runner: Runner = this.runner,
  ): Scheduler {
    const { clock } = this
    const log = pino({ level: 'silent' })
    const resultRows: ResultRows = (...end) => this.resultRows(...end)
    const mayStart = (peer: string): boolean => !this.barred.has(peer)
    const scheduler = new Scheduler(
      { store, runner, clock, log, random: () => 0.5, randomBytes, resultRows, mayStart },
      { jobs, ...init },
    )
    scheduler.onEnd((run) => {
      this.ended.push(run)
      for (const { count, resolve } of this.#waiting) if (this.ended.length >= count) resolve()
    })
    return scheduler
  }

  /** Resolves once so many runs have ended. */
  async nthEnd(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const tell = (): void => {
      resolve(undefined)
    }
    if (this.ended.length >= count) tell()
    this.#waiting.push({ count, resolve: tell })
    await promise
  }

  async close(): Promise<void> {
    await this.#database?.close()
  }
}
