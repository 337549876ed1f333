import { KithError } from '../../../protocol/errors.ts'
import type { Clock } from '../../clock.ts'
import type { FeedQueue } from '../../scheduler/feed/feed-queue.ts'
import type { FeedRule } from '../../scheduler/feed/feed-rule.ts'
import { ITEM_STATES, isOpen } from '../../scheduler/feed/item.ts'
import type { Item } from '../../scheduler/feed/item.ts'
import type { JobHost } from '../../scheduler/job-host.ts'
import type { FEED_ROUTES, FeedReport, ItemReport } from '../routes/feeds.ts'
import type { HandlersOf } from '../routes/route.ts'

/** Items that are done of which a report tells. */
const MAX_ENDED = 50

export interface FeedNode {
  readonly clock: Clock
  readonly jobs: Pick<JobHost, 'feeds' | 'get'>
}

export function feedHandlers({ clock, jobs }: FeedNode): HandlersOf<typeof FEED_ROUTES> {
  const opened = async (job: string): Promise<{ feed: FeedRule; queue: FeedQueue }> => {
    const { feed } = jobs.get(job)
    if (feed !== undefined) return { feed, queue: await jobs.feeds.open(job) }
    const what = `job ${job} has no feed`
    throw new KithError('usage', what, { what }, { hint: `kith jobs edit ${job}` })
  }
  return {
    feed: async ({ job }) => {
      const { feed, queue } = await opened(job)
      return reportFeed(job, feed, queue)
    },
    settleItems: async ({ item, job, op }) => {
      const { queue } = await opened(job)
      const aside = queue.items.filter(({ state }) => state === 'quarantined')
      const chosen = item === 'all' ? aside : [oneOf(aside, item, job)]
      if (op === 'release') await queue.release(chosen)
      else await queue.discard(chosen, clock.now())
      const ids = new Set(chosen.map((one) => one.item))
      return queue.items.filter((one) => ids.has(one.item)).map(reportItem)
    },
  }
}

function reportFeed(job: string, { accept, folder }: FeedRule, queue: FeedQueue): FeedReport {
  const { behind, full, left, leftTold, lookedAt } = queue.state
  const { items } = queue
  const counts = Object.fromEntries(
    ITEM_STATES.map((state) => [state, items.filter((item) => item.state === state).length]),
  ) as FeedReport['counts']
  const open = items.filter(isOpen).sort((a, b) => a.turn - b.turn)
  const ended = items
    .filter((item) => !isOpen(item))
    .sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0))
  return {
    ...{ job, folder, accept, behind, left, leftTold, counts, bytes: queue.load.bytes },
    ...(lookedAt === undefined ? {} : { lookedAt }),
    ...(full === undefined ? {} : { full }),
    items: [...open, ...ended.slice(0, MAX_ENDED)].map(reportItem),
  }
}

/** An item as those who look at it see it: without what only its feed counts. */
function reportItem({ endedAt, failure, run, ...item }: Item): ItemReport {
  const { failures, name, sizeBytes, state, takenAt } = item
  return {
    ...{ item: item.item, name, sizeBytes, takenAt, state, failures },
    ...(run === undefined ? {} : { run }),
    ...(failure === undefined ? {} : { failure }),
    ...(endedAt === undefined ? {} : { endedAt }),
  }
}

/** The one whose id begins so. @throws {KithError} `unknown-item` when there is none, or more than one */
function oneOf(items: readonly Item[], start: string, job: string): Item {
  const [first, ...more] = items.filter(({ item }) => item.startsWith(start))
  if (first !== undefined && more.length === 0) return first
  const why =
    first === undefined
      ? `no item that was set aside has the id ${start}`
      : `more than one item that was set aside has an id that begins with ${start}`
  const hint = `kith jobs feed ${job} --quarantined`
  throw new KithError('unknown-item', why, { item: start }, { hint })
}
