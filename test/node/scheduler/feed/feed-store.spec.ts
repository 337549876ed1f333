import assert from 'node:assert/strict'
import { FeedHome } from '../../../helpers/feed-home.ts'
import { tempFolder } from '../../../helpers/temp-folder.ts'

const DAY_MS = 86_400_000
const KEPT_MS = 180 * DAY_MS
const ROWS = ['feeds', 'feed-files', 'feed-items', 'feed-contents']

describe('the feed of a job that is gone', () => {
  const folder = tempFolder()
  let home: FeedHome
  let lookedAt: number

  beforeEach(async () => {
    home = new FeedHome(folder())
    await home.open(home.job({ quarantine_after: 1 }))
    await home.drop('a.md')
  })
  afterEach(() => home.close())

  async function look(): Promise<void> {
    await home.due()
    lookedAt = (await home.queue()).state.lookedAt ?? 0
  }

  async function rows(): Promise<number[]> {
    const all = ROWS.map(async (name) => (await home.database.sublevel(name).keys().all()).length)
    return await Promise.all(all)
  }

  it('F63: is forgotten 180 days after the last look, with its files and items, and begins anew', async () => {
    await look()
    assert.deepEqual(await rows(), [1, 1, 1, 0])
    assert.equal(await home.feeds.prune(new Set(), lookedAt + KEPT_MS), 0)
    assert.deepEqual(await rows(), [1, 1, 1, 0])
    assert.equal(await home.feeds.prune(new Set(), lookedAt + KEPT_MS + 1), 1)
    assert.deepEqual(await rows(), [0, 0, 0, 0])
    assert.deepEqual((await home.queue()).items, [])
  })

  it('F63: stays while there is such a job, however long nobody has looked', async () => {
    await look()
    assert.equal(await home.feeds.prune(new Set(['inbox']), lookedAt + 10 * KEPT_MS), 0)
    assert.deepEqual(await rows(), [1, 1, 1, 0])
  })

  it('F63: stays while one of its items is set aside: what nobody has looked after never goes', async () => {
    home.does = () => {
      throw new Error('it is broken')
    }
    await look()
    assert.deepEqual(await home.items(), ['a.md quarantined'])
    assert.equal(await home.feeds.prune(new Set(), lookedAt + 10 * KEPT_MS), 0)
    assert.deepEqual(await rows(), [1, 1, 1, 1])
  })
})
