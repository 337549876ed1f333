import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mock } from 'node:test'
import fc from 'fast-check'
import { BuiltinEngine } from '../../../src/agent/engines/builtin.ts'
import { Memory } from '../../../src/agent/memory.ts'
import type { AskFact, EngineAsk, EngineEvent, NodeFacts } from '../../../src/agent/ports.ts'
import { Workspace } from '../../../src/agent/workspace.ts'
import { OWN_ID, PEER_ID, askOf, endOf, eventsOf, textOf } from '../asks.ts'
import { describeEngineContract } from '../engine-contract.ts'

const NOW = Date.UTC(2026, 10, 21, 8)
const OWNER = { name: 'self', id: OWN_ID }
const DENIED = { code: 'denied', details: { rule: 'preset' } }

const asks: AskFact[] = [
  { id: 'ask-3', asker: 'nas', state: 'running', at: NOW },
  { id: 'ask-2', asker: 'laptop', state: 'running', at: NOW - 60_000 },
  { id: 'ask-1', asker: 'self', state: 'done', at: NOW - 120_000 },
]

const facts: NodeFacts = {
  describe: () => ({
    name: 'attic',
    id: OWN_ID,
    words: 'abandon ability able about',
    software: 'kith/0.1.0',
    uptimeMs: ((3 * 24 + 4) * 60 + 5) * 60_000 + 59_999,
  }),
  peers: () => [
    { name: 'nas', connected: true, lastSeenAt: NOW },
    { name: 'laptop', connected: false, lastSeenAt: NOW - 3_600_000 },
    { name: 'phone', connected: false },
  ],
  asks: () => asks,
  now: () => NOW,
  zone: () => 'Europe/Madrid',
}

describe('BuiltinEngine', () => {
  let folder: string
  let engine: BuiltinEngine

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kith-builtin-'))
    await mkdir(join(folder, 'work/docs'), { recursive: true })
    await writeFile(join(folder, 'work/plants.md'), '# Plants\nwater them on Monday\n')
    await writeFile(join(folder, 'work/docs/disks.txt'), 'sdb is the backup disk\n')
    engine = new BuiltinEngine({
      facts,
      memory: new Memory(join(folder, 'MEMORY.md')),
      workspace: new Workspace(join(folder, 'work')),
    })
  })

  afterEach(() => rm(folder, { recursive: true }))

  describeEngineContract('BuiltinEngine', () => ({
    engine,
    quick: 'echo one',
    otherQuick: 'echo two',
    slow: 'count 1000',
  }))

  const events = (text: string, changes: Partial<EngineAsk> = {}): Promise<EngineEvent[]> =>
    eventsOf(engine, askOf(text, changes))

  /** The text of a good answer. */
  async function answer(text: string, changes: Partial<EngineAsk> = {}): Promise<string> {
    const all = await events(text, changes)
    assert.equal(endOf(all), 'done')
    return textOf(all)
  }

  describe('for any peer that may ask', () => {
    const answers = [
      { text: 'id', says: `attic\n${OWN_ID}\nabandon ability able about\n` },
      { text: 'time', says: '2026-11-21 09:00:00 Europe/Madrid (2026-11-21T08:00:00.000Z)\n' },
      { text: 'echo  Hello,\n  you ', says: 'Hello,\n  you' },
      { text: 'echo', says: '' },
      { text: 'ECHO: x', says: 'x' },
      { text: ' Id? ', says: `attic\n${OWN_ID}\nabandon ability able about\n` },
      { text: 'count 1', says: '1\n' },
    ]
    for (const { text, says } of answers) {
      it(`answers ${JSON.stringify(text)}`, async () => {
        assert.equal(await answer(text), says)
      })
    }

    for (const text of ['help', 'Help!', '?', '  ', '', 'help me']) {
      it(`answers ${JSON.stringify(text)} with what it can do`, async () => {
        const help = await answer(text)
        assert.match(help, /^echo TEXT {8}your own text$/mu)
        assert.match(help, /^Not open to you: status, .*remember\.$/mu)
      })
    }

    it('lists as open what the preset opens', async () => {
      assert.match(await answer('help', { preset: 'read-only' }), /^Not open to you: remember\.$/mu)
      assert.doesNotMatch(await answer('help', { preset: 'write' }), /Not open/u)
    })

    it('streams its answer line by line', async () => {
      assert.deepEqual(await events('id'), [
        { kind: 'text', text: 'attic\n' },
        { kind: 'text', text: `${OWN_ID}\n` },
        { kind: 'text', text: 'abandon ability able about\n' },
        { kind: 'done' },
      ])
    })

    it('greets, and says what it is', async () => {
      const greeting = await answer('Hello, node')
      assert.match(greeting, /built-in engine/u)
      assert.match(greeting, /without a model/u)
    })

    it('says what it heard, and that it has no model, when it does not understand', async () => {
      const reply = await answer(`What is\n\x1b[31mlove?\u202e ${'x'.repeat(200)}`)
      assert.match(reply, /no model/u)
      assert.match(reply, /^I heard: "What is love\? x{60,}…"$/mu)
      assert.match(reply, /^I understand: help, id, time, echo, count\.$/mu)
    })

    it('gives the same answer each time', async () => {
      for (const text of ['help', 'time', 'why?']) {
        assert.equal(await answer(text), await answer(text))
      }
    })
  })

  describe('count', () => {
    for (const text of ['count', 'count 0', 'count -1', 'count 1.5', 'count 1001', 'count 1e2']) {
      it(`refuses ${text}`, async () => {
        const what = 'usage: count N, with N from 1 to 1000'
        assert.deepEqual(endOf(await events(text)), { code: 'bad-request', details: { what } })
      })
    }

    it('streams each number in an event of its own, after a pause', async () => {
      mock.timers.enable({ apis: ['setTimeout'] })
      try {
        const stream = engine.run(askOf('count 1000'), new AbortController().signal)
        for (let number = 1; number <= 1_000; number++) {
          const next = stream.next()
          await new Promise((resolve) => setImmediate(resolve))
          mock.timers.tick(20)
          assert.deepEqual((await next).value, { kind: 'text', text: `${number}\n` })
        }
        assert.deepEqual((await stream.next()).value, { kind: 'done' })
      } finally {
        mock.timers.reset()
      }
    })
  })

  describe('presets', () => {
    const table = [
      { text: 'status', least: 'read-only' },
      { text: 'peers', least: 'read-only' },
      { text: 'asks', least: 'read-only' },
      { text: 'files', least: 'read-only' },
      { text: 'read plants.md', least: 'read-only' },
      { text: 'search water', least: 'read-only' },
      { text: 'recall water', least: 'read-only' },
      { text: 'remember water', least: 'write' },
    ]
    const order = ['none', 'read-only', 'write', 'full']
    for (const { text, least } of table) {
      it(`open ${text} from ${least} on`, async () => {
        for (const preset of order) {
          const open = order.indexOf(preset) >= order.indexOf(least)
          assert.deepEqual(endOf(await events(text, { preset })), open ? 'done' : DENIED, preset)
        }
      })
    }

    it('refuse with no word of an answer, and with nothing done', async () => {
      const all = await events('remember x', { preset: 'read-only' })
      assert.equal(all.length, 1)
      await assert.rejects(readFile(join(folder, 'MEMORY.md')), { code: 'ENOENT' })
    })

    it('do not hold the owner', async () => {
      assert.equal(await answer('remember x', { asker: OWNER }), 'Remembered.\n')
    })

    it('hold a peer that is named like the owner', async () => {
      const all = await events('status', { asker: { name: 'self', id: PEER_ID } })
      assert.deepEqual(endOf(all), DENIED)
    })
  })

  describe('approvals', () => {
    const changes = { preset: 'write', approve: ['write'] }

    it('keep a note from being written', async () => {
      assert.deepEqual(endOf(await events('remember x', changes)), {
        code: 'approval-needed',
        details: { task: askOf('').id },
      })
      await assert.rejects(readFile(join(folder, 'MEMORY.md')), { code: 'ENOENT' })
    })

    it('for a class let other classes be', async () => {
      assert.equal(endOf(await events('files', changes)), 'done')
      assert.equal(endOf(await events('remember x', { ...changes, approve: ['spend'] })), 'done')
    })
  })

  describe('what a peer with read-only sees', () => {
    const preset = 'read-only'

    it('is the status', async () => {
      assert.equal(
        await answer('status', { preset }),
        'kith/0.1.0, up for 3 d 4 h 5 min\npeers: 3, connected: 1\nasks under way from you: 1\n',
      )
    })

    it('is how many peers there are, and no names', async () => {
      assert.equal(await answer('peers', { preset }), 'peers: 3, connected: 1\n')
    })

    it('is its own asks, and no other', async () => {
      assert.equal(await answer('asks', { preset }), '2026-11-21T08:00Z running from you: ask-3\n')
    })

    it('is notes, with no names of other peers', async () => {
      const path = join(folder, 'MEMORY.md')
      const line = (from: string): string => `- 2026-11-21T08:00Z [from ${from}] a disk\n`
      await writeFile(path, `${line('self')}${line('laptop')}${line('nas')}disk by hand\n`)
      assert.equal(
        await answer('recall disk', { preset }),
        'undated, from the owner: disk by hand\n' +
          '2026-11-21T08:00Z, from you: a disk\n' +
          '2026-11-21T08:00Z, from another peer: a disk\n' +
          '2026-11-21T08:00Z, from the owner: a disk\n',
      )
    })
  })

  describe('what the owner sees', () => {
    const asker = OWNER

    it('is all asks under way', async () => {
      assert.match(await answer('status', { asker }), /^asks under way: 2$/mu)
    })

    it('is each peer', async () => {
      assert.equal(
        await answer('peers', { asker }),
        'peers: 3, connected: 1\n' +
          'nas: connected\n' +
          'laptop: last seen 2026-11-21T07:00Z\n' +
          'phone: never seen\n',
      )
    })

    it('is each ask', async () => {
      assert.equal(
        await answer('asks', { asker }),
        '2026-11-21T08:00Z running from nas: ask-3\n' +
          '2026-11-21T07:59Z running from laptop: ask-2\n' +
          '2026-11-21T07:58Z done from self: ask-1\n',
      )
    })

    it('is what it remembered, and who said it', async () => {
      await answer('remember the disk is sdb', { preset: 'write' })
      await answer('Remember: the disk\nis old', { asker })
      assert.equal(
        await answer('recall DISK', { asker }),
        '2026-11-21T08:00Z, from you: the disk is old\n' +
          '2026-11-21T08:00Z, from nas: the disk is sdb\n',
      )
      assert.equal(await answer('recall moon', { asker }), 'Nothing is remembered of that.\n')
    })
  })

  describe('the workspace', () => {
    const preset = 'read-only'

    it('is listed, all of it or by a pattern', async () => {
      assert.equal(await answer('files', { preset }), 'docs/disks.txt\nplants.md\n')
      assert.equal(await answer('files *.md', { preset }), 'plants.md\n')
      assert.equal(await answer('files moon', { preset }), 'No such files.\n')
    })

    it('is read', async () => {
      assert.equal(await answer('read plants.md', { preset }), '# Plants\nwater them on Monday\n')
    })

    it('is read in pieces cut at line ends, and whole', async () => {
      const lines = Array.from({ length: 2_000 }, (_, number) => `line ${number} 😀\n`).join('')
      await writeFile(join(folder, 'work/long.txt'), lines)
      const all = await events('read long.txt', { preset })
      const texts = all.filter((event) => event.kind === 'text')
      assert.ok(texts.length > 5)
      assert.ok(texts.every(({ text }) => text.endsWith('\n') && text.length < 5_000))
      assert.equal(textOf(all), lines)
    })

    it('is searched', async () => {
      assert.equal(
        await answer('search Disk sdb', { preset }),
        'docs/disks.txt:1: sdb is the backup disk\n',
      )
      assert.equal(await answer('search moon', { preset }), 'Found in no text file.\n')
    })

    it('is not shown without an end', async () => {
      await writeFile(join(folder, 'work/many.txt'), 'needle\n'.repeat(51))
      const found = (await answer('search needle', { preset })).split('\n')
      assert.deepEqual(found.slice(49), ['many.txt:50: needle', 'and more', ''])
      for (let number = 0; number < 201; number++) {
        await writeFile(join(folder, `work/${number}.log`), '')
      }
      const listed = (await answer('files *.log', { preset })).split('\n')
      assert.deepEqual(listed.slice(200), ['and 1 more', ''])
    })

    const refusals = [
      { text: 'read ../MEMORY.md', code: 'denied', details: { rule: 'workspace' } },
      { text: 'read .env', code: 'denied', details: { rule: 'workspace' } },
      { text: 'read moon.md', code: 'bad-request', details: { what: 'no such file' } },
      { text: 'read', code: 'bad-request', details: { what: 'usage: read PATH' } },
      { text: 'search', code: 'bad-request', details: { what: 'usage: search WORDS' } },
      { text: 'recall', code: 'bad-request', details: { what: 'usage: recall WORDS' } },
    ]
    for (const { text, code, details } of refusals) {
      it(`refuses ${text}`, async () => {
        assert.deepEqual(endOf(await events(text, { preset })), { code, details })
      })
    }

    it('refuses remember without a text', async () => {
      assert.deepEqual(endOf(await events('remember', { preset: 'write' })), {
        code: 'bad-request',
        details: { what: 'usage: remember TEXT' },
      })
    })
  })

  it('ends any ask with one end, and throws for none', async () => {
    const words = ['help', 'read', 'search', 'files', 'recall', 'remember', 'id', 'asks', '?']
    const text = fc.tuple(fc.constantFrom('', ...words), fc.string({ unit: 'binary' }))
    const preset = fc.constantFrom('none', 'read-only', 'write', 'full', 'unknown')
    await fc.assert(
      fc.asyncProperty(text, preset, async ([word, rest], given) => {
        const all = await events(`${word} ${rest}`, { preset: given })
        assert.equal(all.filter(({ kind }) => kind === 'done' || kind === 'failed').length, 1)
        assert.notEqual(all.at(-1)?.kind, 'text')
      }),
      { numRuns: 200 },
    )
  })
})
