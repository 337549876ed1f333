import type { Operation } from '../../store/database.ts'
import type { JobState, Pause } from './job-state.ts'
import type { Lease } from './lease.ts'
import type { Outcome, Run } from './run.ts'

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

/** When a job is looked at again, as its planner has decided. */
export interface Plan {
  schedule: string
  nextAt: number | undefined
  passedOverAt: number | undefined
}

/** What this node stores with the end of a run, given that run. */
export type EndRows = (ended: Run) => Operation[]

/** Who wants to hear of what other nodes do with the same jobs. */
export interface JobStoreListener {
  /** There may be something to do: a look is worth it. */
  onChange: () => void
  /** A run has ended at another node. */
  onEnd: (run: Run) => void
}

/**
 * Where jobs stand, and who may run them: one lease a job. What is read is what is known here, at once; what is
 * changed is stored for good when its promise resolves, and never on top of what is not known here.
 *
 * All that changes something throws {KithError} `jobs-unreachable` where jobs are shared and their servers are away.
 */
export interface JobStore {
  /** Why what is known here may not be what there is, if so: nothing is to be decided then. */
  readonly problem: Error | undefined
  /** True when other nodes have the same jobs. They know peers that this one does not. */
  readonly shared: boolean
  /** True when no further run may wait. */
  readonly full: boolean

  /** Resolves when it is known what there is, or why not. */
  start(): Promise<void>
  /** Resolves when nothing of it is under way. */
  stop(): Promise<void>
  /** Tells of what other nodes do, until the returned function is called. */
  listen(listener: JobStoreListener): () => void
  /** Those that ran when the last process ended. To whoever asks first: nobody else has anything to do with them. */
  takeLeft(): Run[]
  state(job: string): JobState
  /** Runs that have not ended, of all jobs or of one, the oldest first. */
  openRuns(job?: string): Run[]
  /** Runs whose lease has run out: their worker is gone, or stood still. */
  expired(now: number): Promise<Run[]>

  /** Pauses a job, or with undefined takes that back and forgets its failures. */
  pause(job: string, pause: Pause | undefined): Promise<void>
  /** Stores when a job is looked at again; undefined while it has no time. */
  plan(job: string, plan: Plan): Promise<void>
  /**
   * Stores a run that waits, as one with the next time of its job where there is a plan. False when the job is no
   * longer as it was known here: nothing is stored then, and now it is known.
   *
   * @throws {KithError} `busy` when too many wait
   */
  enqueue(run: Run, plan?: Plan): Promise<boolean>
  /**
   * Gives the lease of its job to whoever asks for a run that waits.
   *
   * @throws {KithError} `conflict` with the run that is under way, or that this one no longer waits
   */
  claim(id: string, now: number, ttlMs: number): Promise<Claim>
  /** Gives a lease its whole life again. False when it is lost, and what its worker does is for nothing. */
  renew(claim: Claim, now: number): Promise<boolean>
  /**
   * Stores the end of an attempt, with all that follows from it; with `rowsOf`, what the run has made too. Undefined
   * when the lease was lost: then nothing is stored.
   */
  finish(
    claim: Claim,
    outcome: Outcome,
    now: number,
    after: Aftermath,
    rowsOf?: EndRows,
  ): Promise<Run | undefined>
  /**
   * Ends a run, or an attempt of it, whoever has its lease: from then on that one's result is refused. Undefined when
   * `run` is no longer as its caller has seen it: then nothing is stored.
   */
  close(
    run: Run,
    outcome: Outcome,
    now: number,
    after: Aftermath,
    rowsOf?: EndRows,
  ): Promise<Run | undefined>
}
