import assert from 'node:assert/strict'
import fc from 'fast-check'
import { SessionStore } from '../../../src/node/agent/sessions.ts'
import type { SessionsInit } from '../../../src/node/agent/sessions.ts'
import type { CompactionRecord } from '../../../src/node/agent/session-records.ts'
import type { Message } from '../../../src/agent/ports.ts'
import { Database } from '../../../src/store/database.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { askOf } from '../../agent/asks.ts'

const COMPACTION = {
  summary: 'short',
  upTo: 1,
  trigger: 'messages',
  tokensBefore: 9,
  tokensAfter: 3,
  truncated: false,
} as const

const NAS = 'kith1nas'
const BOB = 'kith1bob'

function of(asker: string, session?: string) {
  return askOf('hello', {
    asker: { name: 'nas', id: asker },
    ...(session === undefined ? {} : { session }),
  })
}

function said(...texts: string[]): Message[] {
  return texts.map((text, nth) => ({ role: nth % 2 === 0 ? 'user' : 'assistant', text, at: nth }))
}

describe('sessions', () => {
  const folder = tempFolder()
  let database: Database
  let clock: ManualClock
  let compacted: CompactionRecord[]

  beforeEach(async () => {
    clock = new ManualClock()
    compacted = []
    database = await Database.open(folder())
  })

  afterEach(() => database.close())

  function open(init: SessionsInit = {}): SessionStore {
    const onCompacted = (_: unknown, record: CompactionRecord): void => {
      compacted.push(record)
    }
    return new SessionStore({ database, clock, onCompacted }, init)
  }

  async function texts(store: SessionStore, asker: string, session: string): Promise<string[]> {
    const { messages } = await store.read(of(asker, session))
    return messages.map(({ text }) => text)
  }

  it('are empty at first, and for an ask without one', async () => {
    const store = open()
    assert.deepEqual(await store.read(of(NAS, 's')), { messages: [], from: 0 })
    await store.append(of(NAS), said('a'))
    await store.compact(of(NAS), COMPACTION)
    assert.deepEqual(await store.read(of(NAS)), { messages: [], from: 0 })
    assert.deepEqual(await store.list(), [])
  })

  it('outlive the process', async () => {
    await open().append(of(NAS, 's'), said('a', 'b'))
    await database.close()
    database = await Database.open(folder())
    assert.deepEqual(await open().read(of(NAS, 's')), { messages: said('a', 'b'), from: 0 })
  })

  it('take what is appended at the same time one after the other', async () => {
    const store = open()
    const ask = of(NAS, 's')
    await Promise.all(Array.from({ length: 20 }, (_, nth) => store.append(ask, said(`m${nth}`))))
    assert.equal((await texts(store, NAS, 's')).length, 20)
  })

  it('belong to their asker: whatever is asked in whichever, nobody reads what another has said', async () => {
    const asker = fc.constantFrom(NAS, BOB, 'kith1b', 'kith1na')
    const name = fc.oneof(
      fc.constantFrom('s', 's:1', 'kith1nas', '-', 's.0', '0'.repeat(14)),
      fc.stringMatching(/^[\w.:-]{1,8}$/),
    )
    const steps = fc.array(fc.record({ asker, name, compacts: fc.boolean() }), { maxLength: 12 })
    let run = 0
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const store = open()
        const own = new Map<string, string[]>()
        const tag = `run${run++}`
        for (const [nth, step] of taken.entries()) {
          const key = `${step.asker} ${step.name}`
          const text = `${tag} ${key} ${nth}`
          await store.append(of(step.asker, step.name), said(text))
          own.set(key, [...(own.get(key) ?? []), text])
          if (!step.compacts) continue
          const ask = of(step.asker, step.name)
          const { from, messages } = await store.read(ask)
          await store.compact(ask, { ...COMPACTION, upTo: from + messages.length - 1 })
        }
        for (const [key, mine] of own) {
          const [id = '', session = ''] = key.split(' ')
          const seen = await texts(store, id, session)
          assert.ok(seen.every((text) => text.split(' ').slice(1, 3).join(' ') === key))
          assert.deepEqual(
            seen.filter((text) => text.startsWith(`${tag} `)),
            mine.slice(-seen.length),
          )
          const all = (await store.show({ asker: id, session }))?.messages.map(({ text }) => text)
          assert.deepEqual(
            all?.filter((text) => text.startsWith(`${tag} `)),
            mine,
          )
        }
        const listed = await store.list(BOB)
        assert.ok(listed.every((record) => record.asker === BOB))
      }),
      { numRuns: 30 },
    )
  })

  it('are shortened from the compaction on, which is told and keeps the originals', async () => {
    const store = open()
    await store.append(of(NAS, 's'), said('a', 'b', 'c'))
    await store.compact(of(NAS, 's'), { ...COMPACTION, upTo: 2 })
    await store.append(of(NAS, 's'), said('d'))
    const { messages, summary } = await store.read(of(NAS, 's'))
    assert.equal(summary, 'short')
    assert.deepEqual(
      messages.map(({ text }) => text),
      ['c', 'd'],
    )
    const view = await store.show({ asker: NAS, session: 's' })
    assert.deepEqual(
      view?.messages.map(({ text }) => text),
      ['a', 'b', 'c', 'd'],
    )
    const record = {
      at: clock.now(),
      trigger: 'messages',
      tokensBefore: 9,
      tokensAfter: 3,
      messages: 2,
      truncated: false,
    }
    assert.deepEqual(view.compactions, [record])
    assert.deepEqual(compacted, [record])
  })

  it('lose nothing that was said while they were shortened', async () => {
    const store = open()
    const ask = of(NAS, 's')
    await store.append(ask, said('a', 'b', 'c'))
    const { from, messages } = await store.read(ask)
    await store.append(ask, said('d', 'e'))
    await store.compact(ask, { ...COMPACTION, upTo: from + messages.length - 1 })
    assert.deepEqual(await texts(store, NAS, 's'), ['c', 'd', 'e'])
  })

  const late = [
    { what: 'less than the last one', upTo: 1 },
    { what: 'more than was said: it was of another session of this name', upTo: 5 },
  ]
  for (const { upTo, what } of late) {
    it(`are not shortened by a summary of ${what}`, async () => {
      const store = open()
      const ask = of(NAS, 's')
      await store.append(ask, said('a', 'b', 'c', 'd'))
      await store.compact(ask, { ...COMPACTION, upTo: 2 })
      const before = await store.read(ask)
      await store.compact(ask, { ...COMPACTION, summary: 'late', upTo })
      assert.deepEqual(await store.read(ask), before)
      assert.equal(compacted.length, 1)
    })
  }

  it('remember 32 compactions, and count all', async () => {
    const store = open()
    await store.append(of(NAS, 's'), said('a'))
    for (let nth = 0; nth < 33; nth++) {
      await store.compact(of(NAS, 's'), { ...COMPACTION, tokensBefore: nth })
    }
    const view = await store.show({ asker: NAS, session: 's' })
    assert.equal(view?.record.compactions, 33)
    assert.equal(view.compactions.length, 32)
    assert.equal(view.compactions[0]?.tokensBefore, 1)
  })

  const limits: [what: string, init: SessionsInit, before: string[], after: string[]][] = [
    ['as many messages as they may have', { maxMessages: 3 }, ['a', 'b', 'c'], ['a', 'b', 'c']],
    ['one message more', { maxMessages: 3 }, ['a', 'b', 'c', 'd'], ['b', 'c', 'd']],
    ['as many bytes as they may have', { maxBytes: 6 }, ['aa', 'éé'], ['aa', 'éé']],
    ['one byte more', { maxBytes: 6 }, ['aaa', 'éé'], ['éé']],
    ['a message that is too long alone', { maxBytes: 6 }, ['a', 'b'.repeat(7)], []],
  ]
  for (const [what, init, before, after] of limits) {
    for (const once of [true, false]) {
      it(`keep ${JSON.stringify(after)} of ${what}, ${once ? 'appended at once' : 'one by one'}`, async () => {
        const store = open(init)
        if (once) await store.append(of(NAS, 's'), said(...before))
        else for (const text of before) await store.append(of(NAS, 's'), said(text))
        assert.deepEqual(await texts(store, NAS, 's'), after)
        const view = await store.show({ asker: NAS, session: 's' })
        assert.deepEqual(
          view?.messages.map(({ text }) => text),
          after,
        )
        assert.equal(view.record.bytes, Buffer.byteLength(after.join('')))
        assert.equal(view.record.from, before.length - after.length)
      })
    }
  }

  it('make room for a further one of the same asker: the quietest goes', async () => {
    const store = open({ maxSessions: 2 })
    await store.append(of(BOB, 'z'), said('z'))
    for (const session of ['a', 'b', 'a', 'c']) {
      clock.advance(1)
      await store.append(of(NAS, session), said(session))
    }
    assert.deepEqual(
      (await store.list(NAS)).map(({ session }) => session),
      ['a', 'c'],
    )
    assert.deepEqual(await texts(store, NAS, 'b'), [])
    assert.deepEqual(await texts(store, BOB, 'z'), ['z'])
  })

  it('are over when they were quiet for too long, and begin anew', async () => {
    const store = open({ maxAgeMs: 100 })
    await store.append(of(NAS, 's'), said('old', 'older'))
    clock.advance(99)
    assert.deepEqual(await texts(store, NAS, 's'), ['old', 'older'])
    clock.advance(1)
    assert.deepEqual(await texts(store, NAS, 's'), [])
    assert.deepEqual(await store.list(), [])
    await store.append(of(NAS, 's'), said('new'))
    const view = await store.show({ asker: NAS, session: 's' })
    assert.deepEqual(
      view?.messages.map(({ text }) => text),
      ['new'],
    )
  })

  it('are pruned when they are over, and not before', async () => {
    const store = open({ maxAgeMs: 100 })
    await store.append(of(NAS, 's'), said('old'))
    assert.equal(await store.prune(), 0)
    clock.advance(50)
    await store.append(of(NAS, 't'), said('new'))
    clock.advance(50)
    assert.equal(await store.prune(), 1)
    assert.deepEqual(await texts(store, NAS, 't'), ['new'])
    assert.equal(await store.remove({ asker: NAS, session: 's' }), false)
  })

  it('are removed with all that was said in them', async () => {
    const store = open()
    await store.append(of(NAS, 's'), said('a'))
    await store.compact(of(NAS, 's'), COMPACTION)
    assert.equal(await store.remove({ asker: BOB, session: 's' }), false)
    assert.equal(await store.remove({ asker: NAS, session: 's' }), true)
    assert.equal(await store.show({ asker: NAS, session: 's' }), undefined)
    await store.append(of(NAS, 's'), said('b'))
    const view = await store.show({ asker: NAS, session: 's' })
    assert.deepEqual(
      view?.messages.map(({ text }) => text),
      ['b'],
    )
    assert.deepEqual(view.compactions, [])
  })

  it('are not shown to another who knows their name', async () => {
    const store = open()
    await store.append(of(NAS, 's'), said('a'))
    assert.equal(await store.show({ asker: BOB, session: 's' }), undefined)
    assert.deepEqual(await store.list(BOB), [])
  })
})
