import assert from 'node:assert/strict'
import type { Job } from '../../../../src/node/scheduler/job.ts'
import { MAX_ASK_TEXT_BYTES } from '../../../../src/protocol/limits.ts'
import { jobOf } from '../../../helpers/job-home.ts'

const ask = { kind: 'ask', peer: 'self', text: 'read this' }

describe('feed of a job', () => {
  function withFeed(feed: object, row: object = {}): Job {
    return jobOf('inbox', { feed: { folder: '/srv/inbox', accept: ['*.md'], ...feed }, ...row })
  }

  it('has a folder and names, and defaults for all else', () => {
    assert.deepEqual(withFeed({}).feed, {
      ...{ folder: '/srv/inbox', accept: ['*.md'] },
      ...{ maxBytes: 131_072, quarantineAfter: 3, batch: 20 },
    })
    assert.equal(jobOf('digest').feed, undefined)
  })

  for (const [what, feed, message] of [
    ['a folder that is not absolute', { folder: 'inbox' }, /not an absolute path/],
    ['no names', { accept: [] }, /accept/],
    ['a name with a folder', { accept: ['../*'] }, /has no \//],
    ['a name with a dot first', { accept: ['.*'] }, /never taken/],
    ['a key that there is not', { max_byte: 1 }, /did you mean max_bytes/],
    ['no chance at all', { quarantine_after: 0 }, /quarantine_after/],
    ['an item beyond memory', { max_bytes: 16_777_217 }, /max_bytes/],
  ] as const) {
    it(`may not have ${what}`, () => {
      assert.throws(() => withFeed(feed), message)
    })
  }

  it('goes to an ask or a command, and to nothing else', () => {
    withFeed({}, { target: ask })
    for (const target of [{ kind: 'backup' }, { kind: 'webhook', url: 'https://example.org' }]) {
      assert.throws(() => withFeed({}, { target }), /items go to an ask or a command/)
    }
  })

  it('is not for a job whose runs replace one another', () => {
    assert.throws(() => withFeed({}, { overlap: 'replace' }), /overlap: replace would end/)
    withFeed({}, { overlap: 'queue' })
  })

  it('has items that an ask has room for', () => {
    const room = MAX_ASK_TEXT_BYTES - 1_024 - ask.text.length
    withFeed({ max_bytes: room }, { target: ask })
    assert.throws(() => withFeed({ max_bytes: room + 1 }, { target: ask }), /max_bytes is more/)
    withFeed({ max_bytes: 16_777_216 })
  })
})
