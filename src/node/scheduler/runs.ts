import { z } from 'zod'
import { uuidV7 } from '../../protocol/uuid.ts'
import type { Database, Operation } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import type { KeyRange } from '../../store/repository.ts'
import { overCap, RUN_CAPS } from './retention.ts'
import type { EndedRun } from './retention.ts'
import { isEnded, isFailed, runSchema } from './run.ts'
import type { Run, RunCause } from './run.ts'

/** Which runs; all that is given has to fit. */
export interface RunQuery {
  job?: string
  /** True: only those that failed. @default all */
  failed?: boolean
  cause?: RunCause
  /** Who wanted it: `self`, or a peer's name. */
  by?: string
  /** Made at this time or later, in ms since the epoch. */
  since?: number
  /** Made at this time or before. */
  until?: number
  /** Goes on after this run: the cursor of the page before. */
  cursor?: string
}

export interface RunPage {
  /** Newest first. */
  runs: Run[]
  /** For the next page; undefined on the last one. */
  cursor: string | undefined
}

/** Runs that are removed in one batch: few enough that other writes need not wait long behind it. */
const PRUNE_RUNS = 500

const LEAST_RANDOM = new Uint8Array(10)
const MOST_RANDOM = new Uint8Array(10).fill(0xff)

/** Keeps runs, and finds them again without reading those that do not matter. A run that has ended never changes. */
export class Runs {
  readonly #database: Database
  readonly #rows: Repository<Run>
  /** Runs that have not ended, so that a start need not read all. */
  readonly #open: Repository<null>
  /** Those that failed, so that one is found behind any number of others. */
  readonly #failed: Repository<null>
  /** `job!run`. */
  readonly #byJob: Repository<null>

  constructor(database: Database) {
    this.#database = database
    this.#rows = new Repository(database, 'runs', runSchema)
    this.#open = new Repository(database, 'runs-open', z.null())
    this.#failed = new Repository(database, 'runs-failed', z.null())
    this.#byJob = new Repository(database, 'runs-by-job', z.null())
  }

  /** The changes that store `run`, new or moved on, for `Database.write`. */
  put(run: Run): Operation[] {
    const operations = [
      this.#rows.put(run.run, run),
      this.#byJob.put(`${run.job}!${run.run}`, null),
      isEnded(run) ? this.#open.del(run.run) : this.#open.put(run.run, null),
    ]
    if (isFailed(run)) operations.push(this.#failed.put(run.run, null))
    return operations
  }

  async get(run: string): Promise<Run | undefined> {
    return await this.#rows.get(run)
  }

  /** Those that have not ended, the oldest first. */
  async unfinished(): Promise<Run[]> {
    const runs: Run[] = []
    for await (const key of this.#open.keys()) {
      const run = await this.#rows.get(key)
      if (run !== undefined) runs.push(run)
    }
    return runs
  }

  /** The newest `limit` runs that fit. A cursor stays good while runs are added and removed. */
  async list(query: RunQuery, limit: number): Promise<RunPage> {
    const runs: Run[] = []
    for await (const key of this.#keys(query)) {
      const run = await this.#rows.get(key)
      if (run === undefined || !fits(run, query)) continue
      // One more than wanted tells whether there is a next page.
      if (runs.length === limit) return { runs, cursor: runs.at(-1)?.run }
      runs.push(run)
    }
    return { runs, cursor: undefined }
  }

  /** Removes what is over the caps, and nothing that has not ended. Returns how many. */
  async prune(now: number, caps: typeof RUN_CAPS = RUN_CAPS): Promise<number> {
    const ended: EndedRun[] = []
    for await (const run of this.#rows.values({ reverse: true })) {
      if (run.finalAt === undefined) continue
      ended.push({ run: run.run, job: run.job, finalAt: run.finalAt, failed: isFailed(run) })
    }
    const gone = overCap(ended, now, caps)
    for (let from = 0; from < gone.length; from += PRUNE_RUNS) {
      const operations = gone.slice(from, from + PRUNE_RUNS).flatMap((run) => this.#del(run))
      await this.#database.write(operations, { durable: false })
    }
    return gone.length
  }

  #del({ job, run }: EndedRun): Operation[] {
    return [this.#rows.del(run), this.#failed.del(run), this.#byJob.del(`${job}!${run}`)]
  }

  /** Keys of runs that may fit, from the index that has the fewest others. */
  async *#keys(query: RunQuery): AsyncGenerator<string> {
    const { failed = false, job } = query
    if (failed) yield* this.#failed.keys(rangeOf(query, ''))
    else if (job === undefined) yield* this.#rows.keys(rangeOf(query, ''))
    else {
      const prefix = `${job}!`
      const keys = this.#byJob.keys(rangeOf(query, prefix))
      for await (const key of keys) yield key.slice(prefix.length)
    }
  }
}

function rangeOf({ cursor, since = 0, until }: RunQuery, prefix: string): KeyRange {
  const newest = until === undefined ? `${prefix}~` : `${prefix}${uuidV7(until, MOST_RANDOM)}`
  const before = cursor === undefined ? newest : `${prefix}${cursor}`
  const end = before <= newest && cursor !== undefined ? { lt: before } : { lte: newest }
  return { gte: `${prefix}${uuidV7(since, LEAST_RANDOM)}`, ...end, reverse: true }
}

function fits(run: Run, { by, cause, failed = false, job }: RunQuery): boolean {
  if (job !== undefined && run.job !== job) return false
  if (cause !== undefined && run.cause !== cause) return false
  if (by !== undefined && run.by !== by) return false
  return !failed || isFailed(run)
}
