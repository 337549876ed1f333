import type { Database } from '../../../store/database.ts'
import { FEED_CAPS, FeedQueue } from './feed-queue.ts'
import type { FeedCaps } from './feed-queue.ts'
import { feedKey, feedRange, FeedRows } from './feed-rows.ts'
import { isOpen } from './item.ts'

/** The feed of a job that is gone is kept so long after the last look into its folder: it may come back. */
const KEPT_MS = 180 * 86_400_000

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

  /**
   * Forgets the feeds of jobs that are not among `jobs`, once nobody has looked into them for long; not those with items
   * that are not done. Returns how many.
   */
  async prune(jobs: ReadonlySet<string>, now: number): Promise<number> {
    let pruned = 0
    for await (const { job, lookedAt = 0 } of this.#rows.feeds.values()) {
      if (jobs.has(job) || now - lookedAt <= KEPT_MS) continue
      const range = feedRange(job)
      const items = await Array.fromAsync(this.#rows.items.values(range))
      if (items.some((item) => isOpen(item))) continue
      const files = await Array.fromAsync(this.#rows.seen.keys(range))
      const operations = [
        this.#rows.feeds.del(job),
        ...items.map(({ item }) => this.#rows.items.del(feedKey(job, item))),
        ...files.map((key) => this.#rows.seen.del(key)),
      ]
      await this.#database.write(operations, { durable: false })
      this.#opening.delete(job)
      this.#open.delete(job)
      pruned++
    }
    return pruned
  }

  /** Names of jobs that have had a feed. */
  async jobs(): Promise<string[]> {
    return await Array.fromAsync(this.#rows.feeds.keys())
  }
}
