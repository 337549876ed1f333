import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BuiltinEngine } from '../../../src/agent/engines/builtin.ts'
import type { EngineAsk, EngineEvent } from '../../../src/agent/ports.ts'
import { askOf, endOf, eventsOf, textOf } from '../asks.ts'
import { OWNER, makeBuiltin } from './builtin-fixture.ts'

const SEVENTEEN = 'a b c d e f g h i j k l m n o p q'

describe('BuiltinEngine answers', () => {
  let folder: string
  let engine: BuiltinEngine

  beforeEach(async () => {
    ;({ engine, folder } = await makeBuiltin())
  })

  afterEach(() => rm(folder, { recursive: true }))

  const events = (text: string, changes: Partial<EngineAsk> = {}): Promise<EngineEvent[]> =>
    eventsOf(engine, askOf(text, changes))

  /** The text of a good answer. */
  async function answer(text: string, changes: Partial<EngineAsk> = {}): Promise<string> {
    const all = await events(text, changes)
    assert.equal(endOf(all), 'done')
    return textOf(all)
  }

  describe('what a peer with read-only sees', () => {
    const preset = 'read-only'

    it('is the status', async () => {
      assert.equal(
        await answer('status', { presets: [preset] }),
        'kith/0.1.0, up for 3 d 4 h 5 min\npeers: 3, connected: 1\nasks under way from you: 1\n',
      )
    })

    it('is how many peers there are, and no names', async () => {
      assert.equal(await answer('peers', { presets: [preset] }), 'peers: 3, connected: 1\n')
    })

    it('is its own asks, and no other', async () => {
      assert.equal(
        await answer('asks', { presets: [preset] }),
        '2026-11-21T08:00Z running from you: ask-3\n',
      )
    })

    it('is how many jobs there are, and the runs that it has started', async () => {
      assert.equal(await answer('jobs', { presets: [preset] }), 'jobs: 2, under way: 1\n')
      assert.equal(
        await answer('runs', { presets: [preset] }),
        '2026-11-21T07:59Z sweep failed (deadline): run-2\n',
      )
    })

    it('is notes, with no names of other peers', async () => {
      const path = join(folder, 'MEMORY.md')
      const line = (from: string): string => `- 2026-11-21T08:00Z [from ${from}] a disk\n`
      await writeFile(path, `${line('self')}${line('laptop')}${line('nas')}disk by hand\n`)
      assert.equal(
        await answer('recall disk', { presets: [preset] }),
        'undated, from the owner: disk by hand\n' +
          '2026-11-21T08:00Z, from you: a disk\n' +
          '2026-11-21T08:00Z, from another peer: a disk\n' +
          '2026-11-21T08:00Z, from the owner: a disk\n',
      )
    })
  })

  describe('what the owner sees', () => {
    const asOwner = { asker: OWNER, presets: ['full'] }

    it('is all asks under way', async () => {
      assert.match(await answer('status', asOwner), /^asks under way: 2$/mu)
    })

    it('is each peer', async () => {
      assert.equal(
        await answer('peers', asOwner),
        'peers: 3, connected: 1\n' +
          'nas: connected\n' +
          'laptop: last seen 2026-11-21T07:00Z\n' +
          'phone: never seen\n',
      )
    })

    it('is each ask', async () => {
      assert.equal(
        await answer('asks', asOwner),
        '2026-11-21T08:00Z running from nas: ask-3\n' +
          '2026-11-21T07:59Z running from laptop: ask-2\n' +
          '2026-11-21T07:58Z done from self: ask-1\n',
      )
    })

    it('is each job, and each run', async () => {
      assert.equal(
        await answer('jobs', asOwner),
        'jobs: 2, under way: 1\n' +
          'digest: busy, daily 07:30 Europe/Madrid, next 2026-11-21T09:00Z, last done 2026-11-20T08:00Z\n' +
          'sweep: disabled, manual UTC, not due, never done\n',
      )
      assert.equal(
        await answer('runs', asOwner),
        '2026-11-21T08:00Z digest running: run-3\n' +
          '2026-11-21T07:59Z sweep failed (deadline): run-2\n' +
          '2026-11-21T07:58Z sweep succeeded: run-1\n',
      )
    })

    it('is what it remembered, and who said it', async () => {
      await answer('remember the disk is sdb', { presets: ['write'] })
      await answer('Remember: the disk\nis old', asOwner)
      assert.equal(
        await answer('recall DISK', asOwner),
        '2026-11-21T08:00Z, from you: the disk is old\n' +
          '2026-11-21T08:00Z, from nas: the disk is sdb\n',
      )
      assert.equal(await answer('recall moon', asOwner), 'Nothing is remembered of that.\n')
    })
  })

  describe('the workspace', () => {
    const preset = 'read-only'

    it('is listed, all of it or by a pattern', async () => {
      assert.equal(await answer('files', { presets: [preset] }), 'docs/disks.txt\nplants.md\n')
      assert.equal(await answer('files *.md', { presets: [preset] }), 'plants.md\n')
      assert.equal(await answer('files moon', { presets: [preset] }), 'No such files.\n')
    })

    it('is read', async () => {
      assert.equal(
        await answer('read plants.md', { presets: [preset] }),
        '# Plants\nwater them on Monday\n',
      )
    })

    it('is read in pieces cut at line ends, and whole', async () => {
      const lines = Array.from({ length: 2_000 }, (_, number) => `line ${number} 😀\n`).join('')
      await writeFile(join(folder, 'work/long.txt'), lines)
      const all = await events('read long.txt', { presets: [preset] })
      const texts = all.filter((event) => event.kind === 'text')
      assert.ok(texts.length > 5)
      assert.ok(texts.every(({ text }) => text.endsWith('\n') && text.length < 5_000))
      assert.equal(textOf(all), lines)
    })

    it('is searched', async () => {
      assert.equal(
        await answer('search Disk sdb', { presets: [preset] }),
        'docs/disks.txt:1: sdb is the backup disk\n',
      )
      assert.equal(await answer('search moon', { presets: [preset] }), 'Found in no text file.\n')
    })

    it('is not shown without an end', async () => {
      await writeFile(join(folder, 'work/many.txt'), 'needle\n'.repeat(51))
      const found = (await answer('search needle', { presets: [preset] })).split('\n')
      assert.deepEqual(found.slice(49), ['many.txt:50: needle', 'and more', ''])
      for (let number = 0; number < 201; number++) {
        await writeFile(join(folder, `work/${number}.log`), '')
      }
      const listed = (await answer('files *.log', { presets: [preset] })).split('\n')
      assert.deepEqual(listed.slice(200), ['and 1 more', ''])
    })

    const refusals = [
      { text: 'read ../MEMORY.md', code: 'denied', details: { rule: 'workspace' } },
      { text: 'read .env', code: 'denied', details: { rule: 'workspace' } },
      { text: 'read moon.md', code: 'bad-request', details: { what: 'no such file' } },
      { text: 'read', code: 'bad-request', details: { what: 'usage: read PATH' } },
      { text: 'search', code: 'bad-request', details: { what: 'usage: search WORDS' } },
      { text: 'recall', code: 'bad-request', details: { what: 'usage: recall WORDS' } },
      { text: `search ${SEVENTEEN}`, code: 'bad-request', details: { what: 'at most 16 words' } },
      { text: `recall ${SEVENTEEN}`, code: 'bad-request', details: { what: 'at most 16 words' } },
      {
        text: `files ${'*'.repeat(257)}`,
        code: 'bad-request',
        details: { what: 'a pattern of at most 256 characters' },
      },
    ]
    for (const { text, code, details } of refusals) {
      it(`refuses ${text}`, async () => {
        assert.deepEqual(endOf(await events(text, { presets: [preset] })), { code, details })
      })
    }

    it('refuses remember without a text', async () => {
      assert.deepEqual(endOf(await events('remember', { presets: ['write'] })), {
        code: 'bad-request',
        details: { what: 'usage: remember TEXT' },
      })
    })
  })
})
