import assert from 'node:assert/strict'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { FEED_CAPS } from '../../../../src/node/scheduler/feed/feed-queue.ts'
import type { HandedItem } from '../../../../src/node/scheduler/runner.ts'
import { ASK_RETENTION_MS } from '../../../../src/protocol/limits.ts'
import { KithError, isFailure } from '../../../../src/protocol/errors.ts'
import { FeedHome } from '../../../helpers/feed-home.ts'
import { jobOf } from '../../../helpers/job-home.ts'
import { tempFolder } from '../../../helpers/temp-folder.ts'

const broken = new KithError('program-failed', 'exit code 3', { program: 'p', why: 'w' })
const away = new KithError('unreachable', 'nobody there', { peer: 'bert', reason: 'r' })

describe('feed', () => {
  const folder = tempFolder()
  let home: FeedHome

  beforeEach(() => {
    home = new FeedHome(folder())
  })
  afterEach(() => home.close())

  it('hands over each file of the folder once, the oldest first, a run each', async () => {
    await home.open()
    for (const name of ['b.md', 'a.md', 'c.md']) await home.drop(name)
    await home.drop('d.txt')
    const runs = await home.due()
    assert.deepEqual(home.given, ['b.md', 'a.md', 'c.md'])
    assert.deepEqual(
      runs.map(({ cause, dueAt, state, summary }) => [cause, dueAt, state, summary]),
      [
        ['manual', runs[0]?.dueAt, 'succeeded', 'b.md: done'],
        ['feed', runs[0]?.dueAt, 'succeeded', 'a.md: done'],
        ['feed', runs[0]?.dueAt, 'succeeded', 'c.md: done'],
      ],
    )
    const [again] = await home.due()
    assert.equal(again?.summary, 'nothing new')
    // Nothing takes the place of the last result.
    assert.deepEqual(home.results, ['b.md: done', 'a.md: done', 'c.md: done'])
    assert.deepEqual(await home.items(), ['a.md done', 'b.md done', 'c.md done'])
    const queue = await home.queue()
    assert.equal(queue.load.items, 0)
    const [item] = queue.items
    assert.ok(item !== undefined)
    await assert.rejects(queue.content(item), (err: unknown) => isFailure(err, 'corrupt'))
  })

  it('gives the content as it was when it was taken, whatever becomes of the file', async () => {
    const contents: string[] = []
    home.does = async (item: HandedItem) => {
      contents.push(Buffer.from(item.content).toString())
      await rm(join(home.inbox, 'b.md'), { force: true })
      return 'done'
    }
    await home.open()
    await home.drop('a.md', 'one')
    await home.drop('b.md', 'two')
    await home.due()
    assert.deepEqual(contents, ['one', 'two'])
  })

  it('takes the same content under another name as done, and new content under the same name as new', async () => {
    await home.open()
    await home.drop('a.md', 'one')
    await home.drop('b.md', 'one')
    await home.due()
    assert.deepEqual(home.given, ['a.md'])
    await home.drop('c.md', 'one')
    await home.drop('a.md', 'two')
    await home.due()
    assert.deepEqual(home.given, ['a.md', 'a.md'])
  })

  it('takes a file that was moved in, however old its content is', async () => {
    await home.open()
    await home.drop('a.md')
    const old = join(folder(), 'old')
    await writeFile(old, 'old')
    await home.due()
    await rename(old, join(home.inbox, 'old.md'))
    await home.due()
    assert.deepEqual(home.given, ['a.md', 'old.md'])
  })

  it('passes a poison item, sets it aside after so many failures, and gives it no more', async () => {
    home.does = ({ name }) => {
      if (name === 'poison.md') throw broken
      return 'done'
    }
    await home.open(home.job({}, { pause_after: 2 }))
    for (const name of ['a.md', 'poison.md', 'z.md']) await home.drop(name)
    const runs = await home.due()
    assert.deepEqual(home.given, ['a.md', 'poison.md', 'z.md'])
    assert.deepEqual(
      runs.map(({ state }) => state),
      ['succeeded', 'failed', 'succeeded'],
    )
    assert.deepEqual(runs[1]?.failure, { code: 'item-failed', why: 'poison.md: exit code 3' })
    await home.due()
    await home.drop('x.md')
    await home.due()
    assert.deepEqual(home.given.slice(3), ['poison.md', 'poison.md', 'x.md'])
    assert.deepEqual(await home.items(), [
      'a.md done',
      'poison.md quarantined',
      'x.md done',
      'z.md done',
    ])
    await home.drop('y.md')
    await home.drop('copy-of-poison.md', 'content of poison.md')
    await home.due()
    assert.deepEqual(home.given.slice(6), ['y.md'])
    const poison = (await home.queue()).items.find(({ name }) => name === 'poison.md')
    assert.deepEqual([poison?.failures, poison?.failure?.code], [3, 'program-failed'])
  })

  it('gives an item that is released all its chances, and one that is discarded none', async () => {
    home.does = () => {
      throw broken
    }
    await home.open(home.job({ quarantine_after: 1 }))
    await home.drop('a.md')
    await home.drop('b.md')
    await home.due()
    const queue = await home.queue()
    const [a, b] = queue.items
    assert.ok(a !== undefined && b !== undefined)
    await queue.release([a])
    await queue.discard([b], 1)
    home.does = () => 'better'
    await home.due()
    assert.deepEqual(home.given, ['a.md', 'b.md', 'a.md'])
    assert.deepEqual(await home.items(), ['a.md done', 'b.md discarded'])
    assert.deepEqual(queue.load, { items: 0, bytes: 0 })
  })

  it('blames no item where the target is away: the run fails, and all wait', async () => {
    home.does = () => {
      throw away
    }
    await home.open(home.job({}, { pause_after: 2 }))
    await home.drop('a.md')
    await home.drop('b.md')
    const runs = await home.due()
    assert.deepEqual(
      runs.map(({ failure }) => failure?.code),
      ['unreachable'],
    )
    await home.due()
    assert.deepEqual(home.given, ['a.md', 'a.md'])
    assert.deepEqual(await home.items(), ['a.md waiting', 'b.md waiting'])
    assert.ok((await home.queue()).items.every(({ failures }) => failures === 0))
  })

  it('hands over no more than a batch each time', async () => {
    await home.open(home.job({ batch: 2 }))
    for (const name of ['a.md', 'b.md', 'c.md']) await home.drop(name)
    await home.due()
    assert.deepEqual(home.given, ['a.md', 'b.md'])
    await home.due()
    assert.deepEqual(home.given, ['a.md', 'b.md', 'c.md'])
  })

  it('stops within a batch when its job is paused, or turned off', async () => {
    const scheduler = await home.open(home.job({}, { enabled: true }))
    for (const name of ['a.md', 'b.md', 'c.md']) await home.drop(name)
    home.does = async ({ name }) => {
      if (name === 'a.md') await scheduler.pause('inbox', 'self', 'enough')
      else scheduler.setJobs([home.job({}, { enabled: false })])
      return 'done'
    }
    await home.due()
    assert.deepEqual(home.given, ['a.md'])
    await scheduler.resume('inbox')
    await scheduler.look()
    await scheduler.idle()
    await scheduler.look()
    await scheduler.idle()
    assert.deepEqual(home.given, ['a.md', 'b.md'])
  })

  it('takes no more when it is full, says so, and goes on when there is room', async () => {
    for (const caps of [
      { ...FEED_CAPS, openItems: 2 },
      { ...FEED_CAPS, openBytes: 3 },
    ]) {
      await home.close()
      await rm(join(folder(), 'store'), { recursive: true, force: true })
      home.given.length = 0
      await home.open(home.job({ batch: 1 }), caps)
      for (const name of ['a', 'b', 'c']) await home.drop(`${name}.md`, name.repeat(1))
      await home.drop('d.md', 'dd')
      await home.due()
      const { state } = await home.queue()
      assert.ok(state.full !== undefined)
      assert.equal(state.behind, caps.openItems === 2 ? 2 : 1)
      for (let nth = 0; nth < 5; nth++) await home.due()
      assert.deepEqual(home.given, ['a.md', 'b.md', 'c.md', 'd.md'])
      assert.equal((await home.queue()).state.full, undefined)
    }
  })

  it('has forgotten what is over its cap, and takes none of it again', async () => {
    const caps = { ...FEED_CAPS, kept: 2 }
    await home.open(home.job(), caps)
    for (const name of ['a.md', 'b.md', 'c.md', 'd.md']) await home.drop(name)
    await home.due()
    await home.due()
    const queue = await home.queue()
    assert.equal(queue.items.length, 2)
    assert.deepEqual([...queue.seen.keys()], ['c.md', 'd.md'])
    await home.close()
    await home.open(home.job(), caps)
    await home.due()
    assert.equal(home.given.length, 4)
  })

  it('begins anew in another folder, and still knows what it has done', async () => {
    await home.open()
    await home.drop('a.md', 'one')
    await home.due()
    await home.close()
    const other = new FeedHome(join(folder(), 'other'))
    await other.drop('a.md', 'one')
    await other.drop('b.md', 'two')
    await home.open(home.job({ folder: other.inbox }))
    await home.due()
    assert.deepEqual(home.given, ['a.md', 'b.md'])
  })

  it('counts an item that was under way at a crash as interrupted, and gives it again', async () => {
    const held = Promise.withResolvers<string>()
    const begun = Promise.withResolvers<undefined>()
    home.does = () => {
      begun.resolve(undefined)
      return held.promise
    }
    await home.drop('a.md')
    const scheduler = await home.open(home.job({ quarantine_after: 2 }))
    await scheduler.runNow('inbox')
    await scheduler.look()
    await begun.promise
    // Nothing of it is written from here on, as if the process had ended.
    await home.close()
    home.does = () => 'done'
    await (await home.open(home.job({ quarantine_after: 2 }))).look()
    await home.due()
    const [item] = (await home.queue()).items
    assert.deepEqual([item?.state, item?.failures], ['done', 1])
    assert.equal(item?.failure?.code, 'interrupted')
    held.resolve('too late')
  })

  for (const [what, code, joined, failures, waitMs] of [
    ['leaves an item to its ask when the node stops, and joins that', 'stopping', true, 0, 0],
    ['asks anew when the ask may be forgotten', 'stopping', false, 1, ASK_RETENTION_MS],
    ['asks anew when the ask was ended', 'cancelled', false, 1, 0],
  ] as const) {
    it(what, async () => {
      const asks: string[] = []
      const begun = Promise.withResolvers<undefined>()
      home.does = async ({ ask }, _context, signal) => {
        asks.push(ask)
        if (asks.length > 1) return 'done'
        begun.resolve(undefined)
        await new Promise((resolve) => {
          signal.addEventListener('abort', resolve)
        })
        throw signal.reason
      }
      const target = { kind: 'ask', peer: 'self', text: 'read this' }
      await home.drop('a.md')
      const scheduler = await home.open(home.job({}, { target }))
      const { run } = await scheduler.runNow('inbox')
      await scheduler.look()
      await begun.promise
      if (code === 'cancelled') await scheduler.cancel(run)
      const stopped = new AbortController()
      const stopping = scheduler.stop(0).finally(() => {
        stopped.abort()
      })
      while (!stopped.signal.aborted) {
        home.clock.advance(1)
        await setImmediate()
      }
      await stopping
      await home.close()
      home.clock.advance(waitMs)
      await home.open(home.job({}, { target }))
      await home.due()
      assert.deepEqual([asks.length, asks[0] === asks[1]], [2, joined])
      const [item] = (await home.queue()).items
      assert.deepEqual([item?.state, item?.failures], ['done', failures])
    })
  }

  it('joins the ask of an item that was under way at a crash', async () => {
    const asks: string[] = []
    const held = Promise.withResolvers<string>()
    const begun = Promise.withResolvers<undefined>()
    home.does = ({ ask }) => {
      asks.push(ask)
      begun.resolve(undefined)
      return asks.length === 1 ? held.promise : 'done'
    }
    const target = { kind: 'ask', peer: 'self', text: 'read this' }
    await home.drop('a.md')
    const scheduler = await home.open(home.job({}, { target }))
    await scheduler.runNow('inbox')
    await scheduler.look()
    await begun.promise
    await home.close()
    await (await home.open(home.job({}, { target }))).look()
    await home.due()
    assert.equal(asks.length, 2)
    assert.equal(asks[0], asks[1])
    const [item] = (await home.queue()).items
    assert.deepEqual([item?.state, item?.failures], ['done', 0])
    held.resolve('too late')
  })

  it('fails the run when its folder is not fit, and no item', async () => {
    await home.open(home.job({ folder: join(folder(), 'none') }))
    const [run] = await home.due()
    assert.equal(run?.failure?.code, 'invalid-file')
    assert.match(run.failure.why, /there is no folder/)
  })

  it('tries an item again within a run that has more attempts, where the target was away', async () => {
    let calls = 0
    home.does = () => {
      if (++calls === 1) throw away
      return 'done'
    }
    await home.open(home.job({}, { attempts: { max: 2, base_seconds: 1 } }))
    await home.drop('a.md')
    const due = home.due()
    await home.clock.nextSleep
    home.clock.advance(2_000)
    const [run] = await due
    assert.deepEqual([run?.state, run?.attempts], ['succeeded', 2])
    assert.deepEqual(home.given, ['a.md', 'a.md'])
  })

  it('hands a job without a feed to its target as it is', async () => {
    await home.open(jobOf('inbox', { schedule: { kind: 'manual' } }))
    await home.drop('a.md')
    const runs = await home.due()
    assert.deepEqual(
      runs.map(({ summary }) => summary),
      ['done'],
    )
    assert.deepEqual(home.given, ['no item'])
  })
})
