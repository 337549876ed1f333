import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { FEED_CAPS } from '../../src/node/scheduler/feed/feed-queue.ts'
import type { FeedCaps, FeedQueue } from '../../src/node/scheduler/feed/feed-queue.ts'
import { FeedRunner } from '../../src/node/scheduler/feed/feed-runner.ts'
import { FeedStore } from '../../src/node/scheduler/feed/feed-store.ts'
import type { Job } from '../../src/node/scheduler/job.ts'
import { LeaseStore } from '../../src/node/scheduler/lease-store.ts'
import { runOnce } from '../../src/node/scheduler/once.ts'
import type { Run } from '../../src/node/scheduler/run.ts'
import type {
  HandedItem,
  Result,
  ResultRows,
  RunContext,
  Runner,
} from '../../src/node/scheduler/runner.ts'
import { Runs } from '../../src/node/scheduler/runs.ts'
import { Scheduler } from '../../src/node/scheduler/scheduler.ts'
import { Database } from '../../src/store/database.ts'
import { jobOf } from './job-home.ts'
import { ManualClock } from './manual-clock.ts'

/** What a target does with an item: a line about its result. */
export type DoesItem = (
  item: HandedItem,
  context: RunContext,
  signal: AbortSignal,
) => Promise<string> | string

/** A scheduler with one job, `inbox`, whose feed is a real folder over a real store. */
export class FeedHome {
  /** A minute ahead of the files: nobody writes them any more. */
  readonly clock = new ManualClock(Date.now() + 60_000)
  readonly inbox: string
  readonly ended: Run[] = []
  /** Names of the items that the target was given, in order. */
  readonly given: string[] = []
  /** The runs whose results were stored, by their summaries. */
  readonly results: string[] = []
  does: DoesItem = () => 'done'
  readonly #folder: string
  #lastDropMs = 0
  #opened: { database: Database; scheduler: Scheduler; store: FeedStore } | undefined

  constructor(folder: string) {
    this.#folder = folder
    this.inbox = join(folder, 'inbox')
    mkdirSync(this.inbox, { mode: 0o700, recursive: true })
  }

  /** The job, as jobs.yaml would have it. */
  job(feed: Record<string, unknown> = {}, row: Record<string, unknown> = {}): Job {
    return jobOf('inbox', {
      schedule: { kind: 'manual' },
      feed: { folder: this.inbox, accept: ['*.md'], ...feed },
      ...row,
    })
  }

  async open(job: Job = this.job(), caps: FeedCaps = FEED_CAPS): Promise<Scheduler> {
    const database = await Database.open(join(this.#folder, 'store'))
    const runs = new Runs(database)
    const leases = await LeaseStore.open({ database, runs, randomBytes })
    const store = new FeedStore(database, caps)
    const log = pino({ level: 'silent' })
    const runner: Runner = { run: (...call) => this.#give(...call) }
    const { clock } = this
    const resultRows: ResultRows = (_job, { summary = '' }) => {
      this.results.push(summary)
      return []
    }
    const feeding = new FeedRunner({ store, runner, resultRows, clock, randomBytes, log })
    const scheduler = new Scheduler(
      {
        ...{ clock, log, randomBytes, runner: feeding, store: leases },
        random: () => 0.5,
        resultRows: feeding.rowsOf,
        goesOn: (one) => feeding.goesOn(one),
      },
      { jobs: [job] },
    )
    scheduler.onEnd((run) => {
      this.ended.push(run)
    })
    this.#opened = { database, scheduler, store }
    return scheduler
  }

  get database(): Database {
    return this.#parts.database
  }

  get feeds(): FeedStore {
    return this.#parts.store
  }

  /** Has the job run once, with all the items of its batch. Resolves with the runs. */
  async due(): Promise<Run[]> {
    const { scheduler } = this.#parts
    const signal = new AbortController().signal
    this.clock.advance(1)
    return (await runOnce(scheduler, ['inbox'], this.clock, signal)).runs
  }

  async queue(): Promise<FeedQueue> {
    return await this.#parts.store.open('inbox')
  }

  /** State and name of each item, the first that was taken first. */
  async items(): Promise<string[]> {
    const { items } = await this.queue()
    return items
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, state }) => `${name} ${state}`)
  }

  /** Puts a file into the folder, later than all before: the clock of a file system has ticks. */
  async drop(name: string, text = `content of ${name}`): Promise<void> {
    const path = join(this.inbox, name)
    await writeFile(path, text)
    for (;;) {
      const { atime, ctimeMs, mtime } = await stat(path)
      if (ctimeMs > this.#lastDropMs) {
        this.#lastDropMs = ctimeMs
        return
      }
      await utimes(path, atime, mtime)
    }
  }

  async close(): Promise<void> {
    await this.#opened?.database.close()
    this.#opened = undefined
  }

  get #parts(): { database: Database; scheduler: Scheduler; store: FeedStore } {
    if (this.#opened === undefined) throw new TypeError('not open')
    return this.#opened
  }

  async #give(_job: Job, context: RunContext, signal: AbortSignal): Promise<Result> {
    const { item } = context
    this.given.push(item?.name ?? 'no item')
    context.progress()
    return { summary: item === undefined ? 'done' : await this.does(item, context, signal) }
  }
}
