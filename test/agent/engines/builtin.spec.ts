import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import type { BuiltinEngine } from '../../../src/agent/engines/builtin.ts'
import type { EngineAsk, EngineEvent } from '../../../src/agent/ports.ts'
import { OWN_ID, PEER_ID, askOf, endOf, eventsOf, textOf } from '../asks.ts'
import { describeEngineContract } from '../engine-contract.ts'
import type { TestApprovals } from '../test-approvals.ts'
import { OWNER, makeBuiltin } from './builtin-fixture.ts'

const signal = new AbortController().signal

const DENIED = { code: 'denied', details: { rule: 'preset' } }

describe('BuiltinEngine', () => {
  let folder: string
  let engine: BuiltinEngine
  let approvals: TestApprovals

  beforeEach(async () => {
    ;({ approvals, engine, folder } = await makeBuiltin())
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
      assert.match(
        await answer('help', { presets: ['read-only'] }),
        /^Not open to you: remember\.$/mu,
      )
      assert.doesNotMatch(await answer('help', { presets: ['write'] }), /Not open/u)
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

    it('takes a long first word as easily as any', async () => {
      // By the square of its length, this would take longer than a test may.
      const all = await events(`${'!'.repeat(262_143)}a`)
      assert.equal(endOf(all), 'done')
    })

    it('takes no notice of how often a sentence ends', async () => {
      assert.equal(await answer(`echo${'!'.repeat(300)} x`), 'x')
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

    it('streams each number in an event of its own', async () => {
      assert.deepEqual(await events('count 3'), [
        { kind: 'text', text: '1\n' },
        { kind: 'text', text: '2\n' },
        { kind: 'text', text: '3\n' },
        { kind: 'done' },
      ])
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
          assert.deepEqual(
            endOf(await events(text, { presets: [preset] })),
            open ? 'done' : DENIED,
            preset,
          )
        }
      })
    }

    it('refuse with no word of an answer, and with nothing done', async () => {
      const all = await events('remember x', { presets: ['read-only'] })
      assert.equal(all.length, 1)
      await assert.rejects(readFile(join(folder, 'MEMORY.md')), { code: 'ENOENT' })
    })

    it('hold the owner like anybody', async () => {
      assert.deepEqual(endOf(await events('remember x', { asker: OWNER })), DENIED)
      assert.equal(await answer('remember x', { asker: OWNER, presets: ['full'] }), 'Remembered.\n')
    })

    it('hold each: the narrowest of them decides', async () => {
      const presets = ['full', 'read-only']
      assert.deepEqual(endOf(await events('remember x', { presets })), DENIED)
      assert.equal(endOf(await events('files', { presets })), 'done')
    })

    it('hold a peer that is named like the owner', async () => {
      const all = await events('status', { asker: { name: 'self', id: PEER_ID } })
      assert.deepEqual(endOf(all), DENIED)
    })
  })

  describe('approvals', () => {
    const changes = { presets: ['write'], approve: ['write'] }

    const what = 'remember x'
    const note = async (): Promise<string> => readFile(join(folder, 'MEMORY.md'), 'utf8')

    it('are asked for before a note is written, and it is written once they are granted', async () => {
      assert.deepEqual(await events('remember x', changes), [
        { kind: 'approval', approval: 'approval-1', state: 'waiting', what },
        { kind: 'approval', approval: 'approval-1', state: 'granted', what },
        { kind: 'text', text: 'Remembered.\n' },
        { kind: 'done' },
      ])
      assert.match(await note(), /^- .* \[from nas\] x\n$/u)
      assert.equal(approvals.opened[0]?.toolClass, 'write')
    })

    it('are on disk before anybody hears of them, and no note is', async () => {
      for await (const event of engine.run(askOf('remember x', changes), signal)) {
        assert.deepEqual(event, {
          kind: 'approval',
          approval: 'approval-1',
          state: 'waiting',
          what,
        })
        break
      }
      assert.equal(approvals.opened.length, 1)
      await assert.rejects(note(), { code: 'ENOENT' })
    })

    for (const state of ['denied', 'expired'] as const) {
      it(`keep a note from being written: ${state}`, async () => {
        approvals.answer = state
        const all = await events('remember x', changes)
        assert.deepEqual(endOf(all), { code: 'denied', details: { rule: 'approve' } })
        await assert.rejects(note(), { code: 'ENOENT' })
      })
    }

    it('are not asked for twice when the node was restarted meanwhile', async () => {
      const resume = { approval: 'approval-7', checkpoint: new Uint8Array() }
      const all = await events('remember x', { ...changes, resume })
      assert.equal(endOf(all), 'done')
      assert.deepEqual(approvals.waited, ['approval-7'])
      assert.equal(approvals.opened.length, 0)
      assert.equal((await note()).split('\n').length, 2)
    })

    it('are not asked for when they were given for always', async () => {
      approvals.always.add('remember x')
      assert.equal(await answer('remember x', changes), 'Remembered.\n')
      assert.equal(approvals.opened.length, 0)
      // To what else it would be said, nobody has seen.
      assert.equal(await answer('remember y', changes), 'Remembered.\n')
      assert.equal(approvals.opened.length, 1)
    })

    it('for a class let other classes be', async () => {
      assert.equal(endOf(await events('files', changes)), 'done')
      assert.equal(endOf(await events('remember x', { ...changes, approve: ['spend'] })), 'done')
    })
  })

  it('ends between two lines when it is aborted, also where it has nothing to wait for', async () => {
    const aborting = new AbortController()
    const all: EngineEvent[] = []
    for await (const event of engine.run(askOf('help'), aborting.signal)) {
      all.push(event)
      aborting.abort()
    }
    assert.equal(all.length, 2)
    assert.deepEqual(endOf(all), { code: 'cancelled', details: {} })
  })

  it('ends any ask with one end, and throws for none', async () => {
    const words = ['help', 'read', 'search', 'files', 'recall', 'remember', 'id', 'asks', '?']
    const text = fc.tuple(fc.constantFrom('', ...words), fc.string({ unit: 'binary' }))
    const preset = fc.constantFrom('none', 'read-only', 'write', 'full', 'unknown')
    await fc.assert(
      fc.asyncProperty(text, preset, async ([word, rest], given) => {
        const all = await events(`${word} ${rest}`, { presets: [given] })
        assert.equal(all.filter(({ kind }) => kind === 'done' || kind === 'failed').length, 1)
        assert.notEqual(all.at(-1)?.kind, 'text')
      }),
      { numRuns: 100 },
    )
  })
})
