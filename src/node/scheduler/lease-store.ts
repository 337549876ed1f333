import type { Database, Operation } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import { blankState, jobStateSchema } from './job-state.ts'
import type { JobState, Pause } from './job-state.ts'
import type { Aftermath, Claim, EndRows, JobStore, Plan } from './job-store.ts'
import { expired, grantLease, holds, renewed } from './lease.ts'
import { isEnded } from './run.ts'
import type { Outcome, Run } from './run.ts'
import type { Runs } from './runs.ts'
import { claimed, closed, conflict, isFull, isSame, planned, tooMany, withPause } from './steps.ts'

/** Bytes of chance in a token. */
const TOKEN_BYTES = 16

const NO_ROWS: EndRows = () => []

export interface LeaseStoreComponents {
  database: Database
  runs: Runs
  randomBytes: (count: number) => Uint8Array
}

/**
 * The jobs of this node alone. A decision is made at once, in memory, and then written: workers that ask together
 * cannot both have it. What changes together is written in one batch, and on disk when its promise resolves.
 */
export class LeaseStore implements JobStore {
  /** Nobody else changes anything. */
  readonly problem = undefined
  readonly shared = false
  readonly #components: LeaseStoreComponents
  readonly #rows: Repository<JobState>
  readonly #states = new Map<string, JobState>()
  /** Runs that have not ended, the oldest first. */
  readonly #open = new Map<string, Run>()
  #left: Run[] = []

  private constructor(components: LeaseStoreComponents) {
    this.#components = components
    this.#rows = rowsIn(components.database)
  }

  /** The store of this node. One process has it open: leases that it finds are of one that has ended. */
  static async open(components: LeaseStoreComponents): Promise<LeaseStore> {
    const store = new LeaseStore(components)
    for await (const state of store.#rows.values()) store.#states.set(state.job, state)
    for (const run of await components.runs.unfinished()) store.#open.set(run.run, run)
    store.#left = store.openRuns().filter(({ state }) => state === 'running')
    return store
  }

  async start(): Promise<void> {
    // All of it is known since it was opened.
  }

  async stop(): Promise<void> {
    // Each change is stored when its promise resolves.
  }

  listen(): () => void {
    return () => undefined
  }

  takeLeft(): Run[] {
    return this.#left.splice(0)
  }

  state(job: string): JobState {
    return this.#states.get(job) ?? blankState(job)
  }

  openRuns(job?: string): Run[] {
    return [...this.#open.values()].filter((run) => job === undefined || run.job === job)
  }

  get full(): boolean {
    return isFull(this.openRuns())
  }

  expired(now: number): Promise<Run[]> {
    const runs = this.openRuns().filter((run) => {
      const { active } = this.state(run.job)
      return active?.run === run.run && expired(active.lease, now)
    })
    return Promise.resolve(runs)
  }

  async pause(job: string, pause: Pause | undefined): Promise<void> {
    await this.#write([this.#set(withPause(this.state(job), pause))])
  }

  async plan(job: string, plan: Plan): Promise<void> {
    await this.#write([this.#set(planned(this.state(job), plan))])
  }

  async enqueue(run: Run, plan?: Plan): Promise<boolean> {
    if (this.full) throw tooMany()
    const rows = plan === undefined ? [] : [this.#set(planned(this.state(run.job), plan))]
    await this.#write([...this.#put(run), ...rows])
    return true
  }

  async claim(id: string, now: number, ttlMs: number): Promise<Claim> {
    const run = this.#open.get(id)
    const state = run === undefined ? undefined : this.state(run.job)
    if (run?.state !== 'queued' || state === undefined || state.active !== undefined) {
      throw conflict(state?.active?.run ?? id)
    }
    const token = Buffer.from(this.#components.randomBytes(TOKEN_BYTES)).toString('hex')
    const lease = grantLease(state.version, token, now, ttlMs)
    const step = claimed(state, run, lease, now)
    // No await may stand before this line: whoever asks next must find it taken.
    const operations = [...this.#put(step.run), this.#set(step.state)]
    await this.#write(operations)
    return { run: step.run, lease }
  }

  async renew({ lease, run }: Claim, now: number): Promise<boolean> {
    const state = this.state(run.job)
    if (!holds(lease, state.active?.lease, now)) return false
    const active = { run: run.run, lease: renewed(lease, now) }
    // Only a restart reads it, and that takes all leases back.
    await this.#components.database.write([this.#set({ ...state, active })], { durable: false })
    return true
  }

  async finish(
    { lease, run }: Claim,
    outcome: Outcome,
    now: number,
    after: Aftermath,
    rowsOf: EndRows = NO_ROWS,
  ): Promise<Run | undefined> {
    if (!holds(lease, this.state(run.job).active?.lease, now)) return undefined
    return await this.close(run, outcome, now, after, rowsOf)
  }

  async close(
    run: Run,
    outcome: Outcome,
    now: number,
    after: Aftermath,
    rowsOf: EndRows = NO_ROWS,
  ): Promise<Run | undefined> {
    if (!isSame(this.#open.get(run.run), run)) return undefined
    const step = closed(this.state(run.job), run, outcome, now, after)
    await this.#write([
      ...this.#put(step.run),
      this.#set(step.state),
      ...(isEnded(step.run) ? rowsOf(step.run) : []),
    ])
    return step.run
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

/** Where the jobs stand by this database, for those who run none. */
export function storedJobStates(database: Database): AsyncIterable<JobState> {
  return rowsIn(database).values()
}

function rowsIn(database: Database): Repository<JobState> {
  return new Repository(database, 'jobs', jobStateSchema)
}
