import assert from 'node:assert/strict'
import { feedHandlers } from '../../../src/node/control/handlers/feeds.ts'
import { FEED_ROUTES } from '../../../src/node/control/routes/feeds.ts'
import type { FeedReport } from '../../../src/node/control/routes/feeds.ts'
import type { Job } from '../../../src/node/scheduler/job.ts'
import { KithError, isFailure } from '../../../src/protocol/errors.ts'
import { FeedHome } from '../../helpers/feed-home.ts'
import { jobOf } from '../../helpers/job-home.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const never = new AbortController().signal
const broken = new KithError('program-failed', 'exit code 3', { program: 'p', why: 'w' })

describe('control of feeds', () => {
  const folder = tempFolder()
  let home: FeedHome
  let job: Job
  let handlers: ReturnType<typeof feedHandlers>

  beforeEach(async () => {
    home = new FeedHome(folder())
    job = home.job({ quarantine_after: 1, batch: 3 })
    await home.open(job)
    const jobs = { feeds: home.feeds, get: () => job }
    handlers = feedHandlers({ clock: home.clock, jobs })
    home.does = ({ name }) => {
      if (name.startsWith('bad')) throw broken
      return 'done'
    }
    for (const name of ['a.md', 'bad-1.md', 'bad-2.md', 'later.md']) await home.drop(name)
    await home.drop('long.md', 'x'.repeat(200_000))
    await home.due()
  })
  afterEach(() => home.close())

  async function report(): Promise<FeedReport> {
    return FEED_ROUTES.feed.output.parse(await handlers.feed({ job: 'inbox' }, never))
  }

  async function settle(op: 'release' | 'discard', item: string): Promise<string[]> {
    const settled = await handlers.settleItems({ job: 'inbox', op, item }, never)
    return FEED_ROUTES.settleItems.output
      .parse(settled)
      .map(({ name, state }) => `${name} ${state}`)
  }

  it('tells of each item, what waits first, and of what is not taken', async () => {
    const { bytes, counts, folder: at, items, left, leftTold, lookedAt } = await report()
    assert.equal(at, home.inbox)
    assert.equal(lookedAt, home.clock.now())
    assert.deepEqual(
      items.map(({ name, state }) => `${name} ${state}`),
      ['bad-1.md quarantined', 'bad-2.md quarantined', 'later.md waiting', 'a.md done'],
    )
    assert.deepEqual(items[0]?.failure?.why, 'exit code 3')
    assert.deepEqual(counts, { waiting: 1, underway: 0, done: 1, quarantined: 2, discarded: 0 })
    assert.equal(bytes, 'content of bad-1.md content of bad-2.md content of later.md'.length - 2)
    assert.equal(left, 1)
    assert.equal(leftTold[0]?.name, 'long.md')
  })

  it('releases one by the beginning of its id, and it is given again', async () => {
    const [first] = (await report()).items
    assert.deepEqual(await settle('release', first?.item.slice(0, 12) ?? ''), ['bad-1.md waiting'])
    home.does = () => 'done'
    await home.due()
    assert.deepEqual((await report()).counts.done, 3)
  })

  it('discards all that were set aside, and nothing else', async () => {
    assert.deepEqual(await settle('discard', 'all'), ['bad-1.md discarded', 'bad-2.md discarded'])
    assert.deepEqual(await settle('discard', 'all'), [])
    assert.equal((await report()).counts.waiting, 1)
  })

  it('knows no item that was not set aside, and none by too little of its id', async () => {
    const { items } = await report()
    const waiting = items.find(({ state }) => state === 'waiting')?.item ?? ''
    await assert.rejects(settle('release', waiting), (err: unknown) =>
      isFailure(err, 'unknown-item'),
    )
    assert.equal(
      FEED_ROUTES.settleItems.input.safeParse({ job: 'inbox', op: 'release', item: 'abc' }).success,
      false,
    )
  })

  it('says when a job has no feed', async () => {
    job = jobOf('inbox')
    await assert.rejects(report(), (err: unknown) => isFailure(err, 'usage'))
  })
})
