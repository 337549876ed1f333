import assert from 'node:assert/strict'
import type { Finding } from '../../../src/node/checks/finding.ts'
import { feedFindings } from '../../../src/node/checks/feed-check.ts'
import { FEED_CAPS } from '../../../src/node/scheduler/feed/feed-queue.ts'
import type { Job } from '../../../src/node/scheduler/job.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { FeedHome } from '../../helpers/feed-home.ts'
import { jobOf } from '../../helpers/job-home.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const broken = new KithError('program-failed', 'exit code 3', { program: 'p', why: 'w' })

describe('check feeds', () => {
  const folder = tempFolder()
  let home: FeedHome

  beforeEach(() => {
    home = new FeedHome(folder())
  })
  afterEach(() => home.close())

  async function findings(jobs: Job[] = [home.job()]): Promise<Finding[]> {
    return await feedFindings({ jobs: { feeds: home.feeds, list: () => jobs } })
  }

  it('is content where no job has a feed, and where all went well', async () => {
    await home.open()
    assert.deepEqual(await findings([jobOf('digest')]), [{ state: 'ok', what: 'there are none' }])
    await home.drop('a.md')
    await home.due()
    assert.deepEqual(await findings(), [{ state: 'ok', what: 'nothing was set aside' }])
  })

  it('warns of items that were set aside, until they are settled', async () => {
    home.does = () => {
      throw broken
    }
    await home.open(home.job({ quarantine_after: 1 }))
    await home.drop('a.md')
    await home.due()
    assert.deepEqual(await findings(), [
      {
        state: 'warn',
        what: '1 item of job inbox was set aside',
        hint: 'kith jobs feed inbox --quarantined',
      },
    ])
    const queue = await home.queue()
    await queue.discard(queue.items, 1)
    assert.equal((await findings())[0]?.state, 'ok')
  })

  it('warns of a feed that is full, until it has room', async () => {
    await home.open(home.job({ batch: 1 }), { ...FEED_CAPS, openItems: 1 })
    for (const name of ['a.md', 'b.md', 'c.md']) await home.drop(name)
    await home.due()
    assert.deepEqual(await findings(), [
      {
        state: 'warn',
        what: 'the feed of job inbox is full: 1 items are not done; 2 files wait',
        hint: 'kith jobs feed inbox',
      },
    ])
    for (let nth = 0; nth < 3; nth++) await home.due()
    assert.equal((await findings())[0]?.state, 'ok')
  })

  it('warns of items whose job is there no more', async () => {
    await home.open(home.job({ batch: 1 }))
    for (const name of ['a.md', 'b.md', 'c.md']) await home.drop(name)
    await home.due()
    assert.deepEqual(await findings([]), [
      {
        state: 'warn',
        what: '2 items of the feed of job inbox, which is there no more, not done',
        hint: 'give the job inbox its feed back in jobs.yaml',
      },
    ])
  })
})
