import assert from 'node:assert/strict'
import { digestOf } from '../../../src/node/asks/ask-store.ts'
import type { AskRecord, AskStore, Direction } from '../../../src/node/asks/ask-store.ts'
import { failed } from '../../../src/node/asks/run-engine.ts'
import { ASK_STATES } from '../../../src/protocol/verbs.ts'
import type { AskFinal } from '../../../src/protocol/verbs.ts'
import { askHomes, readAnswer } from '../../helpers/ask-home.ts'
import type { AskHome } from '../../helpers/ask-home.ts'
import { NOW, askCallOf, askId, idOf } from '../../helpers/ask-calls.ts'

function recordOf(nth: number, changes: Partial<AskRecord> = {}): AskRecord {
  return {
    direction: 'in',
    ask: askId(nth),
    peer: idOf('bert'),
    state: 'claimed',
    receivedAt: NOW,
    deadlineAt: NOW + 60_000,
    digest: digestOf(askCallOf('bert', { ask: askId(nth) })),
    ...changes,
  }
}

function doneOf({ ask }: AskRecord, lastSeq = 0): AskFinal {
  return { outcome: 'done', end: { ask, engine: 'stub', lastSeq } }
}

describe('ask store', () => {
  const homes = askHomes()
  let home: AskHome
  let store: AskStore

  beforeEach(() => {
    home = homes()
    ;({ store } = home)
  })

  async function create(record: AskRecord): Promise<AskRecord> {
    await store.create(record, askCallOf('bert', { ask: record.ask }))
    return record
  }

  async function say(record: AskRecord, ...texts: string[]): Promise<void> {
    for (const [at, text] of texts.entries()) {
      await store.addEvent(record, { seq: at + 1, body: { kind: 'text', text } })
    }
  }

  it('keeps an ask, what was asked and what was answered, over a restart', async () => {
    const record = await create(recordOf(1))
    await say(record, 'a', 'b', 'c')
    const final = doneOf(record, 3)
    const ended = await store.finish(record, final)
    assert.deepEqual(ended, { ...record, state: 'done', final, finalAt: NOW })
    store = await home.crash()
    assert.deepEqual(store.get('in', record.peer, record.ask), ended)
    assert.deepEqual(await store.call(record), askCallOf('bert', { ask: record.ask }))
    assert.equal(await store.lastSeq(record), 3)
    const answer = { seqs: [1, 2, 3], text: 'abc', final }
    assert.deepEqual(await readAnswer({ read: (after) => store.replay(ended, after) }), answer)
    assert.deepEqual(await home.steps(record.ask), ['claimed', 'event', 'event', 'event', 'done'])
  })

  it('has nothing of an ask that nobody made, or that is of another peer or direction', async () => {
    const record = await create(recordOf(1))
    assert.equal(store.get('in', idOf('carol'), record.ask), undefined)
    assert.equal(store.get('out', record.peer, record.ask), undefined)
    assert.equal(store.get('in', record.peer, askId(2)), undefined)
    assert.equal(await store.lastSeq(recordOf(2)), 0)
  })

  it('gives the events after a number, in order, also beyond what one digit holds', async () => {
    const record = await create(recordOf(1))
    await say(record, ...Array.from({ length: 300 }, (_, at) => `${at + 1} `))
    for (const after of [0, 1, 15, 16, 255, 256, 299, 300, 999]) {
      const events = await Array.fromAsync(store.events(record, after))
      assert.deepEqual(
        events.map(({ seq }) => seq),
        Array.from({ length: Math.max(0, 300 - after) }, (_, at) => after + 1 + at),
      )
      assert.ok(events.every(({ body, seq }) => body.kind === 'text' && body.text === `${seq} `))
    }
    assert.equal(await store.lastSeq(record), 300)
  })

  it('has no final to replay where there is none', async () => {
    const record = await create(recordOf(1))
    await assert.rejects(readAnswer({ read: (after) => store.replay(record, after) }), TypeError)
  })

  it('takes one final, and no step that does not follow', async () => {
    const queued = await create(recordOf(1, { state: 'queued' }))
    await assert.rejects(store.finish(queued, doneOf(queued)), TypeError)
    await assert.rejects(store.advance(queued, 'running'), TypeError)
    const claimed = await store.advance(queued, 'claimed')
    await assert.rejects(store.advance(claimed, 'queued'), TypeError)
    const ended = await store.finish(claimed, failed('cancelled'))
    for (const state of ASK_STATES) await assert.rejects(store.advance(ended, state), TypeError)
    await assert.rejects(store.finish(ended, doneOf(ended)), TypeError)
    assert.deepEqual(await home.steps(queued.ask), ['queued', 'claimed', 'cancelled'])
    assert.deepEqual(store.get('in', ended.peer, ended.ask), ended)
  })

  it('lets one of ours go from its first state to any final', async () => {
    for (const [nth, code] of ['denied', 'interrupted', 'deadline', 'unreachable'].entries()) {
      const record = await create(recordOf(nth, { direction: 'out', state: 'received' }))
      const ended = await store.finish(record, failed(code))
      await assert.rejects(store.finish(ended, failed(code)), TypeError)
    }
  })

  it('notes that one of ours is cancelled, and keeps it open', async () => {
    const record = await create(recordOf(1, { direction: 'out', state: 'received' }))
    const noted = await store.noteCancel(record)
    assert.equal(noted.cancelled, true)
    store = await home.crash()
    assert.deepEqual(await store.unfinished(), [noted])
    assert.deepEqual(await home.steps(record.ask), ['received', 'cancel'])
  })

  it('knows which have no final, and forgets that they had none', async () => {
    const open = [await create(recordOf(1)), await create(recordOf(2, { state: 'queued' }))]
    await store.finish(await create(recordOf(3)), failed('cancelled'))
    store = await home.crash()
    assert.deepEqual(await store.unfinished(), open)
  })

  it('finds one by its id; of several with one id, ours', async () => {
    const theirs = await create(recordOf(1))
    assert.deepEqual(await store.find(askId(1)), theirs)
    const also = await create(recordOf(1, { peer: idOf('carol') }))
    assert.ok([theirs.peer, also.peer].includes((await store.find(askId(1)))?.peer ?? ''))
    const ours = await create(recordOf(1, { direction: 'out', state: 'received' }))
    assert.deepEqual(await store.find(askId(1)), ours)
    assert.equal(await store.find(askId(2)), undefined)
    assert.equal(await store.find(''), undefined)
  })

  it('lists the newest first, as many as are wanted', async () => {
    const made: string[] = []
    for (const [nth, at] of [NOW, NOW - 5_000, NOW + 5_000, NOW - 1].entries()) {
      const direction: Direction = nth % 2 === 0 ? 'in' : 'out'
      const state = direction === 'in' ? 'claimed' : 'received'
      made.push((await create(recordOf(nth, { ask: askId(nth, at), direction, state }))).ask)
    }
    const newestFirst = made.toSorted().toReversed()
    assert.deepEqual(
      (await store.list(10)).map(({ ask }) => ask),
      newestFirst,
    )
    assert.deepEqual(
      (await store.list(2)).map(({ ask }) => ask),
      newestFirst.slice(0, 2),
    )
  })

  describe('when it prunes', () => {
    async function countRows(): Promise<number> {
      const names = ['asks', 'ask-calls', 'ask-events', 'asks-open', 'asks-by-id', 'asks-ended']
      const counts = await Promise.all(
        names.map(async (name) => (await home.database.sublevel(name).keys().all()).length),
      )
      return counts.reduce((sum, count) => sum + count, 0)
    }

    it('forgets what ended before, with all that it brought, and not what ended then', async () => {
      const record = await create(recordOf(1))
      await say(record, 'a', 'b')
      await store.finish(record, doneOf(record, 2))
      assert.equal(await store.prune(NOW), 0)
      assert.equal((await readAnswer({ read: (n) => store.replay(current(record), n) })).text, 'ab')
      assert.equal(await store.prune(NOW + 1), 1)
      assert.equal(store.get('in', record.peer, record.ask), undefined)
      assert.equal(await store.find(record.ask), undefined)
      assert.equal(await countRows(), 0)
    })

    function current(record: AskRecord): AskRecord {
      const found = store.get(record.direction, record.peer, record.ask)
      assert.ok(found !== undefined)
      return found
    }

    it('keeps what has no final, however old', async () => {
      const record = await create(recordOf(1))
      await say(record, 'a')
      assert.equal(await store.prune(NOW + 1_000_000_000), 0)
      assert.deepEqual(await store.unfinished(), [record])
      assert.equal(await store.lastSeq(record), 1)
    })

    it('goes by the time of the end, not by that of the ask', async () => {
      const late = await create(recordOf(1))
      const early = await create(recordOf(2))
      await store.finish(early, doneOf(early))
      home.clock.advance(10_000)
      await store.finish(late, doneOf(late))
      assert.equal(await store.prune(NOW + 10_000), 1)
      assert.equal(store.get('in', early.peer, early.ask), undefined)
      assert.notEqual(store.get('in', late.peer, late.ask), undefined)
    })

    it('knows the newest id that it forgot of each asker, over a restart', async () => {
      const carol = idOf('carol')
      assert.equal(store.newestForgotten(idOf('bert')), undefined)
      for (const [nth, changes] of [
        { ask: askId(1, NOW - 5) },
        { ask: askId(2, NOW + 7) },
        { ask: askId(3, NOW) },
        { ask: askId(4, NOW - 9), peer: carol },
        // Ours: its id is no id that a peer could send again.
        { ask: askId(5, NOW + 99), peer: carol, direction: 'out' as const },
      ].entries()) {
        const record = await create(recordOf(nth, changes))
        await store.finish(record, doneOf(record))
      }
      await store.prune(NOW)
      assert.equal(store.newestForgotten(idOf('bert')), undefined)
      await store.prune(NOW + 1)
      for (const current of [store, await home.crash()]) {
        assert.equal(current.newestForgotten(idOf('bert')), NOW + 7)
        assert.equal(current.newestForgotten(carol), NOW - 9)
      }
    })

    it('leaves a journal that is sound and goes on', async () => {
      for (let nth = 0; nth < 20; nth++) {
        const record = await create(recordOf(nth))
        await say(record, 'a')
        await store.finish(record, doneOf(record, 1))
        home.clock.advance(1_000)
      }
      assert.equal(await store.prune(NOW + 10_000), 10)
      assert.equal((await store.verify()).intact, true)
      assert.deepEqual(await home.steps(askId(3)), [])
      assert.equal((await home.steps(askId(15))).length, 3)
      await create(recordOf(99))
      store = await home.crash()
      await store.prune(NOW + 100_000_000)
      await create(recordOf(100))
      const verdict = await store.verify()
      assert.equal(verdict.intact, true)
    })
  })

  it('says when somebody has changed what happened', async () => {
    const record = await create(recordOf(1))
    await store.finish(record, doneOf(record))
    const rows = home.database.sublevel('ask-journal')
    const [key = '', row = new Uint8Array()] = (await rows.iterator({ limit: 1 }).all())[0] ?? []
    const value = row.slice()
    value[value.length - 1] = (value.at(-1) ?? 0) ^ 1
    await home.database.write([{ type: 'put', sublevel: rows, key, value }], { durable: false })
    assert.deepEqual(await store.verify(), { intact: false, seq: 1, problem: 'edited' })
    await home.database.write([{ type: 'put', sublevel: rows, key, value: row }], {
      durable: false,
    })
  })
})
