import assert from 'node:assert/strict'
import type { FeedReport, ItemReport } from '../../../../src/node/control/api.ts'
import { FakeCli } from '../../fake-cli.ts'

const at = Date.UTC(2026, 10, 21, 9)
const done: ItemReport = {
  ...{ item: 'ab'.repeat(32), name: 'a.md', sizeBytes: 5, takenAt: at, state: 'done', failures: 0 },
  endedAt: at,
}
const poison: ItemReport = {
  ...{ item: 'cd'.repeat(32), name: 'x\u001b[2J.md', sizeBytes: 5, takenAt: at, failures: 3 },
  ...{ state: 'quarantined', endedAt: at },
  failure: { code: 'program-failed', why: 'exit code 3', at },
}
const report: FeedReport = {
  ...{ job: 'inbox', folder: '/srv/inbox', accept: ['*.md', '*.json'], lookedAt: at },
  ...{ behind: 2, full: '1000 items are not done', bytes: 5, items: [poison, done] },
  ...{ left: 2, leftTold: [{ name: 'long.md', why: 'has 9 bytes; at most 5 are taken' }] },
  counts: { waiting: 0, underway: 0, done: 1, quarantined: 1, discarded: 0 },
}

describe('kith jobs feed', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
    cli.answers = {
      feed: () => report,
      settleItems: ({ item, op }) =>
        item === 'all' || item === 'cdcdcdcdcdcd'
          ? [{ ...poison, state: op === 'release' ? 'waiting' : 'discarded' }]
          : [],
    }
  })

  it('shows the folder, the items and what is not taken', async () => {
    assert.equal(await cli.kith('jobs', 'feed', 'inbox'), 0)
    for (const part of [
      /^folder +\/srv\/inbox\ntakes +\*\.md \*\.json\n/,
      /items +1 done, 1 quarantined\n/,
      /left for later +2 files\n/,
      /full +1000 items are not done\n/,
      /cdcdcdcdcdcd +quarantined +.* +3 +x\.md +program-failed: exit code 3\n/,
      /abababababab +done /,
      /long\.md +has 9 bytes/,
    ]) {
      assert.match(cli.stdout.text, part)
    }
    assert.match(cli.stderr.text, /1 more files are not taken\n/)
    assert.match(cli.stderr.text, /kith jobs feed inbox --release ITEM/)
  })

  it('shows only what was set aside, also as JSON', async () => {
    assert.equal(await cli.kith('jobs', 'feed', 'inbox', '--quarantined'), 0)
    assert.ok(!cli.stdout.text.includes('abababababab'))
    cli.stdout.text = ''
    assert.equal(await cli.kith('jobs', 'feed', 'inbox', '--quarantined', '--json'), 0)
    assert.deepEqual(cli.stdout.json, [{ ...report, items: [poison] }])
  })

  it('releases one, or all, and says how to run it', async () => {
    assert.equal(await cli.kith('jobs', 'feed', 'inbox', '--release', 'CDCDCDCDCDCD'), 0)
    assert.deepEqual(cli.calls, [
      ['settleItems', { job: 'inbox', op: 'release', item: 'cdcdcdcdcdcd' }],
    ])
    assert.equal(cli.stdout.text, 'waits again:  x.md\n')
    assert.match(cli.stderr.text, /kith jobs run inbox/)
  })

  it('gives one up, and says when there was none', async () => {
    assert.equal(await cli.kith('jobs', 'feed', 'inbox', '--discard', 'all', '--json'), 0)
    assert.deepEqual(cli.stdout.json, [[{ ...poison, state: 'discarded' }]])
    cli.stdout.text = ''
    assert.equal(await cli.kith('jobs', 'feed', 'inbox', '--discard', 'ffffff'), 0)
    assert.equal(cli.stdout.text, 'nothing was set aside\n')
  })

  it('does one of the two at a time', async () => {
    assert.equal(await cli.kith('jobs', 'feed', 'inbox', '--discard', 'all', '--release', 'all'), 2)
    assert.deepEqual(cli.calls, [])
  })
})
