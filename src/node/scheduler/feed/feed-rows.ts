import { z } from 'zod'
import { bytes } from '../../../protocol/verbs.ts'
import type { Database } from '../../../store/database.ts'
import { Repository } from '../../../store/repository.ts'
import { itemSchema } from './item.ts'
import type { Item } from './item.ts'
import type { SeenFile } from './select.ts'

/** Files that a look tells of by name. */
export const MAX_LEFT_TOLD = 20

const uint = z.int().nonnegative()

const feedSchema = z.strictObject({
  job: z.string(),
  /** The folder that the rest is about. */
  folder: z.string(),
  /** Position of a file: up to there all is decided, and need not be known any more. */
  cursor: z.string(),
  /** The end of the queue. */
  turn: uint,
  /** When the folder was looked at last, in ms since the epoch. */
  lookedAt: z.exactOptional(uint),
  /** Files that were new then and stayed in the folder: still being written, or without room here. */
  behind: uint,
  /** Why there was no room. */
  full: z.exactOptional(z.string()),
  /** Files that will not be taken as they are: how many, and the first of them. */
  left: uint,
  leftTold: z.array(z.strictObject({ name: z.string(), why: z.string() })).max(MAX_LEFT_TOLD),
})

const seenSchema = z.strictObject({
  name: z.string(),
  changed: z.string(),
  inode: z.string(),
  sizeBytes: uint,
})

/** Where a feed stands, as its last look left it. */
export type FeedState = z.infer<typeof feedSchema>

/** A feed that has never looked at `folder`. */
export function blankFeed(job: string, folder: string, turn = 0): FeedState {
  return { job, folder, cursor: '', turn, behind: 0, left: 0, leftTold: [] }
}

/** The records of all feeds, each by its job. */
export class FeedRows {
  /** By job. */
  readonly feeds: Repository<FeedState>
  /** By `feedKey` of job and name. */
  readonly seen: Repository<SeenFile>
  /** By `feedKey` of job and hash. */
  readonly items: Repository<Item>
  /** Beside the items, for those that are not done. */
  readonly contents: Repository<Uint8Array>

  constructor(database: Database) {
    this.feeds = new Repository(database, 'feeds', feedSchema)
    this.seen = new Repository(database, 'feed-files', seenSchema)
    this.items = new Repository(database, 'feed-items', itemSchema)
    this.contents = new Repository(database, 'feed-contents', bytes)
  }
}

/** The key of what is of a job: no name of a job has a `!`. */
export function feedKey(job: string, rest: string): string {
  return `${job}!${rest}`
}

/** All keys of a job; `"` comes right after `!`. */
export function feedRange(job: string): { gte: string; lt: string } {
  return { gte: `${job}!`, lt: `${job}"` }
}
