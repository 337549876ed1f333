import assert from 'node:assert/strict'
import { appendFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FEED_CAPS } from '../../../../src/node/scheduler/feed/feed-queue.ts'
import type { FeedQueue } from '../../../../src/node/scheduler/feed/feed-queue.ts'
import type { FeedRule } from '../../../../src/node/scheduler/feed/feed-rule.ts'
import { FeedStore } from '../../../../src/node/scheduler/feed/feed-store.ts'
import { SETTLE_MS } from '../../../../src/node/scheduler/feed/select.ts'
import { takeFiles } from '../../../../src/node/scheduler/feed/take-files.ts'
import type { Database } from '../../../../src/store/database.ts'
import { FeedHome } from '../../../helpers/feed-home.ts'
import { tempFolder } from '../../../helpers/temp-folder.ts'

const never = new AbortController().signal
const MANY = 10_000

describe('taking files', () => {
  const folder = tempFolder()
  let home: FeedHome
  let database: Database
  let queue: FeedQueue
  let rule: FeedRule

  beforeEach(async () => {
    home = new FeedHome(folder())
    await home.open()
    database = home.database
    queue = await home.queue()
    rule = {
      ...{ folder: home.inbox, accept: ['*.md'], maxBytes: 100 },
      ...{ quarantineAfter: 3, batch: 20 },
    }
  })
  afterEach(() => home.close())

  async function take(now = home.clock.now(), into = queue): Promise<void> {
    await takeFiles(into, rule, { now, progress: () => undefined, signal: never })
  }

  const names = (): string[] => queue.items.map(({ name }) => name)

  it('leaves a file that still grows, and takes it once it was left alone', async () => {
    const path = join(home.inbox, 'a.md')
    await writeFile(path, 'one')
    const ctimeMs = Math.floor((await stat(path)).ctimeMs)
    await take(ctimeMs + SETTLE_MS - 1)
    assert.deepEqual([names(), queue.state.behind], [[], 1])
    await home.drop('tick.md')
    await appendFile(path, ' two')
    const later = Math.floor((await stat(path)).ctimeMs)
    await take(later + SETTLE_MS - 1)
    assert.ok(!names().includes('a.md'))
    await take(later + SETTLE_MS + 1)
    const item = queue.items.find(({ name }) => name === 'a.md')
    assert.ok(item !== undefined)
    assert.equal(Buffer.from(await queue.content(item)).toString(), 'one two')
    assert.equal(queue.state.behind, 0)
  })

  it('takes a file that comes while the clock is set back', async () => {
    await home.drop('a.md')
    await take()
    await home.drop('b.md')
    await take(Date.now() - 3_600_000)
    assert.deepEqual(names(), ['a.md', 'b.md'])
  })

  it('tells of what it will not take', async () => {
    await home.drop('long.md', 'x'.repeat(101))
    await home.drop('just.md', 'x'.repeat(100))
    await take()
    assert.deepEqual(names(), ['just.md'])
    assert.deepEqual(queue.state.leftTold, [
      { name: 'long.md', why: 'has 101 bytes; at most 100 are taken' },
    ])
    rule.maxBytes = 101
    await take()
    assert.deepEqual([names(), queue.state.left], [['just.md', 'long.md'], 0])
  })

  it('writes files, items and where the feed stands as one', async () => {
    await take()
    for (const name of ['a.md', 'b.md']) await home.drop(name)
    const batches: string[][] = []
    const write = database.write.bind(database)
    database.write = async (operations, options) => {
      batches.push(operations.map(({ sublevel }) => sublevel.path(true)[0] ?? ''))
      await write(operations, options)
    }
    await take()
    assert.deepEqual(batches[0], [
      ...['feed-files', 'feed-contents', 'feed-items'],
      ...['feed-files', 'feed-contents', 'feed-items'],
      'feeds',
    ])
  })

  it('ends when it is told to', async () => {
    await home.drop('a.md')
    const reason = new Error('enough')
    const signal = AbortSignal.abort(reason)
    const context = { now: home.clock.now(), progress: () => undefined, signal }
    await assert.rejects(takeFiles(queue, rule, context), (err: unknown) => err === reason)
  })

  it(`takes ${MANY} files, knows them all after a restart, and never holds up the process for long`, async function () {
    this.timeout(60_000)
    for (let nth = 0; nth < MANY; nth++) await writeFile(join(home.inbox, `${nth}.md`), `${nth}`)
    const large = await new FeedStore(database, { ...FEED_CAPS, openItems: MANY }).open('large')
    let longestMs = 0
    let lastAt = performance.now()
    const timer = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastAt)
      lastAt = performance.now()
    }, 1)
    await take(home.clock.now(), large)
    clearInterval(timer)
    assert.equal(large.items.length, MANY)
    assert.ok(longestMs < 1_000, `${longestMs} ms`)
    const again = await new FeedStore(database, FEED_CAPS).open('large')
    await take(home.clock.now(), again)
    assert.equal(again.items.length, MANY)
    assert.equal(again.state.turn, MANY)
  })
})
