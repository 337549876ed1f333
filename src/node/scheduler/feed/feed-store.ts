import type { Database } from '../../../store/database.ts'
import { FEED_CAPS, FeedQueue } from './feed-queue.ts'
import type { FeedCaps } from './feed-queue.ts'
import { FeedRows } from './feed-rows.ts'

/** Keeps the feeds of all jobs; one is read when it is first wanted. */
export class FeedStore {
  readonly #database: Database
  readonly #rows: FeedRows
  readonly #caps: FeedCaps
  readonly #opening = new Map<string, Promise<FeedQueue>>()
  readonly #open = new Map<string, FeedQueue>()

  constructor(database: Database, caps: FeedCaps = FEED_CAPS) {
    this.#database = database
    this.#rows = new FeedRows(database)
    this.#caps = caps
  }

  /** The feed of a job, empty where it never had one. @throws {KithError} `corrupt`, `stopping` */
  async open(job: string): Promise<FeedQueue> {
    const known = this.#opening.get(job)
    if (known !== undefined) return await known
    const opening = FeedQueue.load(job, this.#database, this.#rows, this.#caps)
    this.#opening.set(job, opening)
    try {
      const queue = await opening
      this.#open.set(job, queue)
      return queue
    } catch (err) {
      this.#opening.delete(job)
      throw err
    }
  }

  /** The feed of a job, if somebody has wanted it in this process. */
  opened(job: string): FeedQueue | undefined {
    return this.#open.get(job)
  }

  /** Names of jobs that have had a feed. */
  async jobs(): Promise<string[]> {
    return await Array.fromAsync(this.#rows.feeds.keys())
  }
}
