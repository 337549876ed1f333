import type { Job } from './job.ts'

/** What a runner knows of the attempt that it makes. */
export interface RunContext {
  /** Id of the run: the same for all its attempts. */
  run: string
  /** Counts from 1. */
  attempt: number
  /** The time it is for, in ms since the epoch. */
  dueAt: number
  /** To be called at each sign of progress; the first within the claim limit. */
  progress: () => void
}

/** Does what a job is there for. */
export interface Runner {
  /**
   * Resolves with one line about the result. Ends soon after `signal` aborts: what it does then counts no more.
   *
   * @throws {KithError} whose code decides whether there is another attempt
   */
  run(job: Job, context: RunContext, signal: AbortSignal): Promise<string>
}
