import { KithError } from '../../protocol/errors.ts'
import type { Database, Operation } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import { blankState, jobStateSchema } from './job-state.ts'
import type { JobState, Pause } from './job-state.ts'
import { expired, grantLease, holds, renewed } from './lease.ts'
import type { Lease } from './lease.ts'
import { isEnded } from './run.ts'
import type { Outcome, Run } from './run.ts'
import type { Runs } from './runs.ts'

/** Runs of all jobs that may wait at once. */
export const MAX_QUEUED_RUNS = 64

/** Bytes of chance in a token. */
const TOKEN_BYTES = 16

/** The right to run a run, as its worker has it. */
export interface Claim {
  run: Run
  lease: Lease
}

/** What follows from the end of an attempt. */
export interface Aftermath {
  /** When the run is to be tried again; undefined when it has ended. */
  retryAt: number | undefined
  /** Runs of the job in a row that have failed. */
  failures: number
  pause: Pause | undefined
}

export interface LeaseStoreComponents {
  database: Database
  runs: Runs
  randomBytes: (count: number) => Uint8Array
}

/**
 * Keeps where jobs stand, and decides who may run them: one lease a job. A decision is made at once, in memory, and
 * then written: workers that ask together cannot both have it. What changes together is written in one batch.
 */
export class LeaseStore {
  readonly #components: LeaseStoreComponents
  readonly #rows: Repository<JobState>
  readonly #states = new Map<string, JobState>()
  /** Runs that have not ended, the oldest first. */
  readonly #open = new Map<string, Run>()
  #left: Run[] = []

  private constructor(components: LeaseStoreComponents) {
    this.#components = components
    this.#rows = new Repository(components.database, 'jobs', jobStateSchema)
  }

  /** The store of this node. One process has it open: leases that it finds are of one that has ended. */
  static async open(components: LeaseStoreComponents): Promise<LeaseStore> {
    const store = new LeaseStore(components)
    for await (const state of store.#rows.values()) store.#states.set(state.job, state)
    for (const run of await components.runs.unfinished()) store.#open.set(run.run, run)
    store.#left = store.openRuns().filter(({ state }) => state === 'running')
    return store
  }

  /** Those that ran when the last process ended. To whoever asks first: nobody else has anything to do with them. */
  takeLeft(): Run[] {
    return this.#left.splice(0)
  }

  state(job: string): JobState {
    return this.#states.get(job) ?? blankState(job)
  }

  /** Runs that have not ended, of all jobs or of one, the oldest first. */
  openRuns(job?: string): Run[] {
    return [...this.#open.values()].filter((run) => job === undefined || run.job === job)
  }

  /** True when no further run may wait. */
  get full(): boolean {
    return this.openRuns().filter(({ state }) => state === 'queued').length >= MAX_QUEUED_RUNS
  }

  /** Runs whose lease has run out: their worker is gone, or stood still. */
  expired(now: number): Run[] {
    return this.openRuns().filter((run) => {
      const active = this.state(run.job).active
      return active?.run === run.run && expired(active.lease, now)
    })
  }

  /** Pauses a job, or with undefined takes that back and forgets its failures. On disk when this resolves. */
  async pause(job: string, pause: Pause | undefined): Promise<void> {
    const next = { ...this.state(job) }
    if (pause !== undefined) next.paused = pause
    else {
      delete next.paused
      next.failures = 0
    }
    await this.#write([this.#set(next)])
  }

  /** Stores when a job is looked at again; undefined while it has no time. On disk when this resolves. */
  async plan(
    job: string,
    schedule: string,
    nextAt: number | undefined,
    passedOverAt?: number,
  ): Promise<void> {
    await this.#write([this.#planned(job, schedule, nextAt, passedOverAt)])
  }

  /**
   * Stores a run that waits, in one batch with the next time of its job where `plan` has one.
   *
   * @throws {KithError} `busy` when too many wait
   */
  async enqueue(
    run: Run,
    plan?: { schedule: string; nextAt: number | undefined; passedOverAt: number | undefined },
  ): Promise<void> {
    if (this.full) {
      throw new KithError('busy', `${MAX_QUEUED_RUNS} runs wait`, { position: MAX_QUEUED_RUNS })
    }
    const planned =
      plan === undefined
        ? []
        : [this.#planned(run.job, plan.schedule, plan.nextAt, plan.passedOverAt)]
    await this.#write([...this.#put(run), ...planned])
  }

  /**
   * Gives the lease of its job to whoever asks for a run that waits. On disk when this resolves.
   *
   * @throws {KithError} `conflict` with the run that is under way, or that this one no longer waits
   */
  async claim(id: string, now: number, ttlMs: number): Promise<Claim> {
    const run = this.#open.get(id)
    const state = run === undefined ? undefined : this.state(run.job)
    if (run?.state !== 'queued' || state === undefined || state.active !== undefined) {
      const activeId = state?.active?.run ?? id
      throw new KithError('conflict', `${activeId} is in the way`, { activeId })
    }
    const token = Buffer.from(this.#components.randomBytes(TOKEN_BYTES)).toString('hex')
    const lease = grantLease(state.version, token, now, ttlMs)
    const next: Run = { ...run, state: 'running', attempts: run.attempts + 1, claimedAt: now }
    // No await may stand before this line: whoever asks next must find it taken.
    const operations = [
      ...this.#put(next),
      this.#set({ ...state, version: lease.version, active: { run: id, lease } }),
    ]
    await this.#write(operations)
    return { run: next, lease }
  }

  /** Gives a lease its whole life again. False when it is lost, and what its worker does is for nothing. */
  async renew({ lease, run }: Claim, now: number): Promise<boolean> {
    const state = this.state(run.job)
    if (!holds(lease, state.active?.lease, now)) return false
    const active = { run: run.run, lease: renewed(lease, now) }
    // Only a restart reads it, and that takes all leases back.
    await this.#components.database.write([this.#set({ ...state, active })], { durable: false })
    return true
  }

  /**
   * Stores the end of an attempt, with all that follows from it, in one batch. On disk when this resolves with the
   * run. Undefined when the lease was lost: then nothing is stored.
   */
  async finish(
    { lease, run }: Claim,
    outcome: Outcome,
    now: number,
    after: Aftermath,
  ): Promise<Run | undefined> {
    if (!holds(lease, this.state(run.job).active?.lease, now)) return undefined
    return await this.close(run, outcome, now, after)
  }

  /**
   * Ends a run, or an attempt of it, whoever has its lease: from then on that one's result is refused. On disk when
   * this resolves. Undefined when `run` is no longer as its caller has seen it: then nothing is stored.
   */
  async close(run: Run, outcome: Outcome, now: number, after: Aftermath): Promise<Run | undefined> {
    const id = run.run
    // Each change makes another object of it.
    if (this.#open.get(id) !== run) return undefined
    const { active, ...state } = this.state(run.job)
    const next = ended(run, outcome, now, after.retryAt)
    const operations = [
      ...this.#put(next),
      this.#set({
        ...state,
        ...(active === undefined || active.run === id ? {} : { active }),
        failures: after.failures,
        ...(after.pause === undefined ? {} : { paused: after.pause }),
        ...(next.state === 'succeeded' ? { lastSuccessAt: now } : {}),
      }),
    ]
    await this.#write(operations)
    return next
  }

  #planned(
    job: string,
    schedule: string,
    nextAt: number | undefined,
    passedOverAt: number | undefined,
  ): Operation {
    const next = { ...this.state(job), schedule }
    delete next.nextAt
    if (nextAt !== undefined) next.nextAt = nextAt
    if (passedOverAt !== undefined) next.passedOverAt = passedOverAt
    return this.#set(next)
  }

  #set(state: JobState): Operation {
    this.#states.set(state.job, state)
    return this.#rows.put(state.job, state)
  }

  #put(run: Run): Operation[] {
    if (isEnded(run)) this.#open.delete(run.run)
    else this.#open.set(run.run, run)
    return this.#components.runs.put(run)
  }

  async #write(operations: Operation[]): Promise<void> {
    await this.#components.database.write(operations, { durable: true })
  }
}

/** A run after an attempt: it waits for the next one, or has ended. */
function ended(run: Run, outcome: Outcome, now: number, retryAt: number | undefined): Run {
  if (outcome.state === 'succeeded') {
    return { ...run, state: 'succeeded', finalAt: now, summary: outcome.summary }
  }
  const { failure, state } = outcome
  if (retryAt === undefined) return { ...run, state, finalAt: now, failure }
  const waiting: Run = { ...run, state: 'queued', readyAt: retryAt, failure }
  delete waiting.claimedAt
  return waiting
}
