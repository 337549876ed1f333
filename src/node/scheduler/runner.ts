import type { Operation } from '../../store/database.ts'
import type { Made } from './artifact.ts'
import type { Job } from './job.ts'
import type { Outcome, Run } from './run.ts'

/** An item of a feed, as a runner hands it to its target. */
export interface HandedItem {
  /** SHA-256 of its content, in hex. */
  id: string
  /** Of its file: text of others. */
  name: string
  content: Uint8Array
  /** Id of the ask that it goes along with: if there is one already, that is joined, also when it has ended. */
  ask: string
}

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
  /** What a job with a feed is to work on. */
  item?: HandedItem
}

/** What an attempt has come to. */
export interface Result {
  /** It in one line. */
  summary: string
  /** What it has made; undefined where there is nothing to keep. */
  made?: Made
}

/** The changes that store what has become of a run: what it has made, and what of it is to be handed on. */
export type ResultRows = (job: Job, ended: Run, outcome: Outcome) => Operation[]

/** Does what a job is there for. */
export interface Runner {
  /**
   * Resolves with the result. Ends soon after `signal` aborts: what it does then counts no more.
   *
   * @throws {KithError} whose code decides whether there is another attempt
   */
  run(job: Job, context: RunContext, signal: AbortSignal): Promise<Result>
}
