import { z } from 'zod'
import { ITEM_STATES } from '../../scheduler/feed/item.ts'
import { at, route } from './route.ts'

const text = z.string()
const count = z.int()

export const itemReport = z.strictObject({
  /** SHA-256 of its content, in hex. */
  item: text,
  /** Of the file that it was taken from. */
  name: text,
  sizeBytes: count,
  takenAt: at,
  state: z.enum(ITEM_STATES),
  /** How often it has failed since it was taken, or released. */
  failures: count,
  /** The last run that had it. */
  run: z.exactOptional(text),
  failure: z.exactOptional(z.strictObject({ code: text, why: text, at })),
  endedAt: z.exactOptional(at),
})

export const feedReport = z.strictObject({
  job: text,
  folder: text,
  accept: z.array(text),
  /** When the folder was looked at last. The rest of what is said of it is as it was then. */
  lookedAt: z.exactOptional(at),
  /** Files that stayed there: still being written, or without room here. */
  behind: count,
  /** Why there was no room. */
  full: z.exactOptional(text),
  /** Files that will not be taken as they are: how many, and the first of them. */
  left: count,
  leftTold: z.array(z.strictObject({ name: text, why: text })),
  counts: z.record(z.enum(ITEM_STATES), count),
  /** Of the items that are not done. */
  bytes: count,
  /** Those that are not done in the order of their turns, then the last ones that are. */
  items: z.array(itemReport),
})

const jobPath = z.strictObject({ job: z.string().min(1).max(64) })

/** The id of an item, or enough of its beginning; `all` that were set aside. */
const which = z.union([z.literal('all'), z.string().regex(/^[0-9a-f]{6,64}$/, 'no id of an item')])

export const FEED_ROUTES = {
  feed: route('GET', '/v1/jobs/:job/feed', jobPath, feedReport),
  /** For items that were set aside. Gives them as they are then. */
  settleItems: route(
    'POST',
    '/v1/jobs/:job/feed',
    jobPath.extend({ item: which, op: z.enum(['release', 'discard']) }),
    z.array(itemReport),
  ),
}

export type FeedReport = z.infer<typeof feedReport>
export type ItemReport = z.infer<typeof itemReport>
