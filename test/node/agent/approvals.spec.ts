import assert from 'node:assert/strict'
import type { ApprovalAnswer } from '../../../src/protocol/verbs.ts'
import { KithError } from '../../../src/protocol/errors.ts'
import { ApprovalRows, MAX_CHECKPOINTS_BYTES } from '../../../src/node/agent/approval-rows.ts'
import { askId, idOf } from '../../helpers/ask-calls.ts'
import {
  BERT,
  CHECKPOINT,
  LAPTOP,
  OWNER,
  OWN_ID,
  TIMEOUT_MS,
  approvalHomes,
  requestOf,
} from '../../helpers/approval-home.ts'
import type { ApprovalHome } from '../../helpers/approval-home.ts'
import { settle } from '../../helpers/memory-channel.ts'

const INTERRUPTED = new KithError('interrupted', 'the node stops', {})
const CANCELLED = new KithError('cancelled', 'the asker cancelled the ask', {})
const DAY_MS = 86_400_000

describe('approvals', () => {
  const homes = approvalHomes()
  let home: ApprovalHome

  beforeEach(() => {
    home = homes()
  })

  /** How bert's ask of this number goes on after a restart. */
  async function parked(nth: number): Promise<unknown> {
    return await home.approvals.parked({ ask: askId(nth), peer: BERT.id })
  }

  function stateOf(id: string): string {
    return home.approvals.get(id).state
  }

  it('are on disk when they are open, and nobody is asked twice after a crash', async () => {
    const id = await home.approvals.open(requestOf(1, { ask: { session: 's' } }))
    const before = home.approvals.get(id)
    await home.crash()
    assert.deepEqual(home.approvals.pending(), [before])
    const { expiresAt, openedAt, session, what } = before
    assert.deepEqual([session, what], ['s', 'write notes.md'])
    assert.equal(expiresAt - openedAt, TIMEOUT_MS)
  })

  it('are for calls of one tool with one key, also after a crash', async () => {
    const request = requestOf(1)
    const id = await home.approvals.open(request)
    await home.crash()
    assert.equal(home.approvals.isFor(id, request), true)
    assert.equal(home.approvals.isFor(id, { ...request, key: 'other' }), false)
    assert.equal(home.approvals.isFor(id, { ...request, tool: 'other' }), false)
    assert.equal(home.approvals.isFor(askId(9), request), false)
  })

  it('are over with the time of their ask, where that is shorter', async () => {
    const deadlineAt = home.clock.now() + 5_000
    const { id, state } = await home.waiting(1, { ask: { deadlineAt } })
    home.clock.advance(4_999)
    assert.equal(stateOf(id), 'open')
    home.clock.advance(1)
    assert.equal(await state, 'expired')
  })

  const answers: [answer: ApprovalAnswer, state: string][] = [
    ['once', 'granted'],
    ['session', 'granted'],
    ['always', 'granted'],
    ['deny', 'denied'],
  ]
  for (const [answer, expected] of answers) {
    it(`are ${expected} by the answer ${answer}, whoever hears of it first`, async () => {
      const { id, state } = await home.waiting(1, { ask: { session: 's' } })
      home.clock.advance(1_500)
      const closed = await home.approvals.answer(id, answer, LAPTOP)
      assert.deepEqual([closed.state, closed.by], [expected, LAPTOP])
      assert.equal(await state, expected)
      assert.equal(await home.approvals.wait(id, new AbortController().signal), expected)
      await home.crash()
      assert.deepEqual(home.approvals.get(id), closed)
    })
  }

  /** Holds writes back until the returned function is called. */
  function holdWrites(): () => void {
    const write = home.database.write.bind(home.database)
    const held = Promise.withResolvers<undefined>()
    home.database.write = async (...args) => {
      await held.promise
      await write(...args)
    }
    return () => {
      held.resolve(undefined)
    }
  }

  it('are on disk before anybody hears of them', async () => {
    let opened = 0
    home.approvals.onOpen(() => opened++)
    const release = holdWrites()
    const opening = home.approvals.open(requestOf(1)).then((id) => {
      opened++
      return id
    })
    await settle()
    assert.equal(opened, 0)
    release()
    await opening
    assert.equal(opened, 2)
  })

  it('are answered on disk before the call goes on', async () => {
    const { id, state } = await home.waiting(1)
    const release = holdWrites()
    let heard = 0
    const answers = [home.approvals.answer(id, 'once', OWNER), state]
    for (const answer of answers) void answer.then(() => heard++)
    await settle()
    assert.equal(heard, 0)
    release()
    await Promise.all(answers)
    assert.equal(await state, 'granted')
  })

  it('let no call go on by an answer that the disk has refused', async () => {
    const { id, state } = await home.waiting(1)
    const failure = new KithError('store-failed', 'no room', { folder: '/' })
    home.database.write = () => Promise.reject(failure)
    await assert.rejects(home.approvals.answer(id, 'once', OWNER), failure)
    await assert.rejects(state, failure)
  })

  it('take the same answer again, and no other', async () => {
    const { id } = await home.waiting(1)
    const closed = await home.approvals.answer(id, 'once', OWNER)
    assert.deepEqual(await home.approvals.answer(id, 'once', LAPTOP), closed)
    for (const other of ['deny', 'always'] as const) {
      await assert.rejects(home.approvals.answer(id, other, OWNER), {
        code: 'conflict',
        message: 'the approval was granted before, and stays so',
        details: { activeId: id },
      })
    }
    assert.equal(home.lines.length, 1)
  })

  it('have one verdict for a hundred answers at once', async () => {
    const { id, state } = await home.waiting(1)
    const given = Array.from({ length: 100 }, (_, nth) => (nth % 3 === 1 ? 'once' : 'deny'))
    const outcomes = await Promise.allSettled(
      given.map((answer) => home.approvals.answer(id, answer as ApprovalAnswer, OWNER)),
    )
    assert.equal(await state, 'denied')
    const taken = outcomes.filter(({ status }) => status === 'fulfilled')
    assert.equal(taken.length, given.filter((answer) => answer === 'deny').length)
    assert.equal(home.lines.length, 1)
    assert.deepEqual(home.approvals.answers.list(), [])
  })

  it('are not known by an id that nobody has', async () => {
    await assert.rejects(home.approvals.answer(askId(9), 'once', OWNER), {
      code: 'unknown-approval',
      hint: 'kith approvals list',
    })
  })

  it('are no yes to a session where there is none', async () => {
    const { id } = await home.waiting(1)
    await assert.rejects(home.approvals.answer(id, 'session', OWNER), { code: 'bad-request' })
    assert.equal(stateOf(id), 'open')
  })

  describe('of what a peer asked', () => {
    it('are not answered by that peer, in whatever ask or session', async () => {
      const ids = await Promise.all([
        home.approvals.open(requestOf(1)),
        home.approvals.open(requestOf(2, { ask: { session: 's' } })),
      ])
      for (const id of ids) {
        for (const answer of ['once', 'deny'] as const) {
          await assert.rejects(home.approvals.answer(id, answer, BERT), {
            code: 'denied',
            details: { rule: 'asker' },
          })
        }
        assert.equal(stateOf(id), 'open')
      }
    })

    it('are not answered by a node through which the ask came', async () => {
      const chain = [idOf('carol'), BERT.id]
      const id = await home.approvals.open(requestOf(1, { ask: { chain } }))
      const carol = { name: 'carol', id: idOf('carol') }
      await assert.rejects(home.approvals.answer(id, 'once', carol), { code: 'denied' })
      assert.equal((await home.approvals.answer(id, 'once', LAPTOP)).state, 'granted')
    })

    it('are answered by the owner, who may say yes to an ask of their own too', async () => {
      const own = { asker: OWNER, chain: [OWN_ID] }
      const id = await home.approvals.open(requestOf(1, { ask: own }))
      assert.equal((await home.approvals.answer(id, 'once', OWNER)).state, 'granted')
    })
  })

  describe('that nobody answers', () => {
    it('expire, and take no answer then', async () => {
      const { id, state } = await home.waiting(1)
      home.clock.advance(TIMEOUT_MS - 1)
      assert.equal(stateOf(id), 'open')
      home.clock.advance(1)
      assert.equal(await state, 'expired')
      await assert.rejects(home.approvals.answer(id, 'once', OWNER), { code: 'conflict' })
    })

    it('take an answer in the last millisecond, and then do not expire', async () => {
      const { id, state } = await home.waiting(1)
      home.clock.advance(TIMEOUT_MS - 1)
      const answered = home.approvals.answer(id, 'once', OWNER)
      home.clock.advance(1)
      assert.equal((await answered).state, 'granted')
      assert.equal(await state, 'granted')
      assert.deepEqual(
        home.lines.map(({ verdict }) => verdict),
        ['granted'],
      )
    })

    it('are expired for an answer that comes before a late timer', async () => {
      const { id, state } = await home.waiting(1)
      const late = home.clock.now() + TIMEOUT_MS
      home.clock.now = () => late
      await assert.rejects(home.approvals.answer(id, 'once', OWNER), { code: 'conflict' })
      assert.equal(await state, 'expired')
    })

    it('go on with the time that they have left after a restart', async () => {
      const { id } = await home.waiting(1)
      home.clock.advance(TIMEOUT_MS / 2)
      await home.crash(TIMEOUT_MS / 4)
      const state = home.approvals.wait(id, new AbortController().signal)
      home.clock.advance(TIMEOUT_MS / 4 - 1)
      assert.equal(stateOf(id), 'open')
      home.clock.advance(1)
      assert.equal(await state, 'expired')
    })

    it('have no more time than at first under a clock that was set back', async () => {
      const { id } = await home.waiting(1)
      await home.crash(-DAY_MS)
      home.clock.advance(TIMEOUT_MS)
      assert.equal(stateOf(id), 'expired')
    })

    it('whose time ended while the node was off are expired for the ask that goes on', async () => {
      const { id } = await home.waiting(1)
      await home.crash(TIMEOUT_MS)
      home.clock.advance(0)
      assert.equal(await home.approvals.wait(id, new AbortController().signal), 'expired')
      assert.deepEqual(await parked(1), { approval: id, checkpoint: CHECKPOINT })
    })
  })

  describe('of an ask that ends', () => {
    it('are withdrawn, and not answered any more', async () => {
      const { id, state, stop } = await home.waiting(1)
      stop.abort(CANCELLED)
      await assert.rejects(state, CANCELLED)
      assert.equal(stateOf(id), 'withdrawn')
      assert.equal(await parked(1), undefined)
      await assert.rejects(home.approvals.answer(id, 'once', OWNER), {
        code: 'conflict',
        message: 'the approval was withdrawn before, and stays so',
      })
      await home.quiet()
      await home.crash()
      assert.equal(stateOf(id), 'withdrawn')
    })

    it('are withdrawn where it was over before anybody waited', async () => {
      const id = await home.approvals.open(requestOf(1))
      await assert.rejects(home.approvals.wait(id, AbortSignal.abort(CANCELLED)), CANCELLED)
      assert.equal(stateOf(id), 'withdrawn')
    })

    it('stay as they were answered, though the ask hears of its end first', async () => {
      const { id, state, stop } = await home.waiting(1)
      const answered = home.approvals.answer(id, 'once', OWNER)
      stop.abort(CANCELLED)
      await assert.rejects(state, CANCELLED)
      assert.equal((await answered).state, 'granted')
    })

    it('are withdrawn by the next look, if nobody was left to do so', async () => {
      const ids = [await home.approvals.open(requestOf(1)), await home.approvals.open(requestOf(2))]
      home.over.add(askId(1))
      home.approvals.review()
      assert.deepEqual(ids.map(stateOf), ['withdrawn', 'open'])
      home.over.add(askId(2))
      await assert.rejects(home.approvals.answer(ids[1] ?? '', 'once', OWNER), { code: 'conflict' })
      assert.deepEqual(ids.map(stateOf), ['withdrawn', 'withdrawn'])
    })
  })

  describe('over a restart', () => {
    it('stay open when the node stops, and are answered after it', async () => {
      const { id, state, stop } = await home.waiting(1)
      stop.abort(INTERRUPTED)
      await assert.rejects(state, INTERRUPTED)
      assert.equal(stateOf(id), 'open')
      await home.crash()
      assert.deepEqual(await parked(1), { approval: id, checkpoint: CHECKPOINT })
      const again = home.approvals.wait(id, new AbortController().signal)
      await home.approvals.answer(id, 'once', OWNER)
      assert.equal(await again, 'granted')
    })

    it('give their answer at once when it came in the instant before', async () => {
      const { id } = await home.waiting(1)
      await home.approvals.answer(id, 'once', OWNER)
      await home.crash()
      assert.deepEqual(await parked(1), { approval: id, checkpoint: CHECKPOINT })
      assert.equal(await home.approvals.wait(id, new AbortController().signal), 'granted')
    })

    it('go on from the last one of an ask, whose first checkpoint is gone', async () => {
      const first = await home.approvals.open(requestOf(1))
      await home.approvals.answer(first, 'once', OWNER)
      const checkpoint = new Uint8Array()
      const second = await home.approvals.open(requestOf(1, { checkpoint }))
      await home.crash()
      assert.deepEqual(await parked(1), { approval: second, checkpoint })
      const rows = await Array.fromAsync(home.database.sublevel('approval-checkpoints').keys())
      assert.deepEqual(rows, [second])
    })

    it('are those of their own asker alone', async () => {
      await home.approvals.open(requestOf(1))
      const other = { ask: askId(1), peer: idOf('carol') }
      assert.equal(await home.approvals.parked(other), undefined)
    })

    it('leave no timer behind when they stop', async () => {
      await home.waiting(1)
      home.approvals.stop()
      assert.equal(home.clock.timers, 0)
    })
  })

  describe('that are closed', () => {
    it('are forgotten beyond the last two hundred', async () => {
      const ids: string[] = []
      for (let nth = 0; nth < 202; nth++) {
        const id = await home.approvals.open(requestOf(nth))
        ids.push(id)
        if (nth > 0) await home.approvals.answer(id, 'deny', OWNER)
      }
      // The first one is still open.
      assert.deepEqual(
        home.approvals.list().map(({ id }) => id),
        ids.filter((_, nth) => nth !== 1),
      )
      await home.crash()
      assert.equal(home.approvals.list().length, 201)
    })

    const kept = async (): Promise<string[]> =>
      await Array.fromAsync(home.database.sublevel('approval-checkpoints').keys())

    it('have no checkpoint once the engine has ended, or their ask is over', async () => {
      const { id } = await home.waiting(1)
      const ask = { id: askId(1), asker: BERT }
      home.approvals.ended(ask)
      await home.quiet()
      assert.deepEqual(await kept(), [id])
      await home.approvals.answer(id, 'once', OWNER)
      home.approvals.ended(ask)
      await home.quiet()
      assert.deepEqual(await kept(), [])
      const other = await home.waiting(2)
      await home.approvals.answer(other.id, 'deny', OWNER)
      assert.deepEqual(await kept(), [other.id])
      home.over.add(askId(2))
      home.approvals.review()
      await home.quiet()
      assert.deepEqual(await kept(), [])
    })

    it('have checkpoints up to a sum, also after a crash; one that is over leaves room', async () => {
      const megabyte = 1_048_576
      const id = await home.approvals.open(requestOf(1, { checkpoint: new Uint8Array(megabyte) }))
      const approval = home.approvals.get(id)
      // The rest is counted, and not written: it would be much for a disk.
      const { clock, database } = home
      const isOver = (_asker: string, ask: string): boolean => home.over.has(ask)
      const rows = new ApprovalRows({ clock, database, isOver })
      await rows.start()
      const large = new Uint8Array(MAX_CHECKPOINTS_BYTES - megabyte)
      rows.add({ ...approval, id: askId(2), ask: askId(2) }, large)
      const third = { ...approval, id: askId(3), ask: askId(3) }
      assert.throws(() => rows.add(third, new Uint8Array(1)), { code: 'denied' })
      // That of the same ask takes the place of the one before.
      rows.add({ ...approval, id: askId(4), ask: askId(2) }, large)
      rows.close({ ...approval, state: 'denied', closedAt: clock.now() })
      assert.throws(() => rows.add(third, new Uint8Array(1)), { code: 'denied' })
      home.over.add(askId(1))
      rows.tidied()
      rows.add(third, new Uint8Array(megabyte))
    })

    it('are forgotten after thirty days, and their checkpoints after the longest ask', async () => {
      const checkpoints = async (): Promise<number> =>
        (await Array.fromAsync(home.database.sublevel('approval-checkpoints').keys())).length
      const { id } = await home.waiting(1)
      await home.approvals.answer(id, 'once', OWNER)
      await home.crash(DAY_MS / 2 - 1)
      assert.equal(await checkpoints(), 1)
      await home.crash(1)
      assert.equal(await checkpoints(), 0)
      await home.crash(29.5 * DAY_MS - 1)
      assert.equal(home.approvals.list().length, 1)
      await home.crash(1)
      assert.equal(home.approvals.list().length, 0)
    })
  })

  it('are not opened for a command of which a part looks like a secret, and would be hidden', async () => {
    const what = 'run echo geheim; rm -r src'
    const command = requestOf(1, { tool: 'shell', toolClass: 'exec', what })
    await assert.rejects(home.approvals.open(command), { code: 'denied' })
    await home.approvals.open({ ...command, what: what.replace('geheim', 'water') })
    assert.equal(home.approvals.pending().length, 1)
  })

  it('are not opened for what is too long to be shown without its secrets', async () => {
    const fitting = `geheim${'a'.repeat(502)}`
    assert.ok(await home.approvals.open(requestOf(1, { what: fitting.slice(1) })))
    await assert.rejects(home.approvals.open(requestOf(2, { what: `${fitting}a` })), {
      code: 'denied',
    })
    assert.equal(home.approvals.pending().length, 1)
  })

  describe('in their log', () => {
    it('have one line for each, with what was decided, by whom and after how long', async () => {
      const what = `write geheim \u001B[2J\nto notes.md`
      const { id } = await home.waiting(1, { ask: { session: 's' }, what })
      home.clock.advance(1_500)
      await home.approvals.answer(id, 'always', LAPTOP)
      assert.deepEqual(home.lines, [
        {
          at: new Date(home.clock.now()).toISOString(),
          approval: id,
          ask: askId(1),
          asker: BERT,
          chain: [BERT.id],
          session: 's',
          tool: 'write_file',
          class: 'write',
          what: 'write [redacted] to notes.md',
          verdict: 'granted',
          scope: 'always',
          by: LAPTOP,
          waitedMs: 1_500,
        },
      ])
    })

    it('have those that expired and those that were withdrawn too', async () => {
      await home.waiting(1)
      const { stop } = await home.waiting(2)
      stop.abort(CANCELLED)
      await home.quiet()
      home.clock.advance(TIMEOUT_MS)
      assert.deepEqual(
        home.lines.map(({ by, verdict, waitedMs }) => [verdict, by, waitedMs]),
        [
          ['withdrawn', undefined, 0],
          ['expired', undefined, TIMEOUT_MS],
        ],
      )
    })

    it('are granted by no yes that cannot be written there, and denied by a no', async () => {
      const { id, state } = await home.waiting(1)
      home.fault = new Error('ENOSPC')
      await assert.rejects(home.approvals.answer(id, 'always', OWNER), /ENOSPC/)
      assert.equal(stateOf(id), 'open')
      assert.deepEqual(home.approvals.answers.list(), [])
      await home.approvals.answer(id, 'deny', OWNER)
      assert.equal(await state, 'denied')
    })
  })

  describe('as alerts', () => {
    const told = 'this waits for you: write notes.md'

    it('are told while they are open, with what to type', async () => {
      const { id } = await home.waiting(1)
      const [alert] = home.alerts.list()
      assert.deepEqual(
        [alert?.kind, alert?.peer, alert?.what, alert?.hint],
        ['approval-waiting', 'bert', told, `kith approvals show ${id}`],
      )
      await home.approvals.answer(id, 'once', OWNER)
      assert.deepEqual(home.told(), [])
    })

    it('are told until the last that is alike is closed', async () => {
      const ids = [await home.approvals.open(requestOf(1)), await home.approvals.open(requestOf(2))]
      const other = await home.approvals.open(requestOf(3, { what: 'write other.md' }))
      await home.approvals.answer(ids[0] ?? '', 'once', OWNER)
      assert.equal(home.told().length, 2)
      await home.approvals.answer(ids[1] ?? '', 'deny', OWNER)
      assert.deepEqual(home.told(), ['this waits for you: write other.md'])
      await home.approvals.answer(other, 'deny', OWNER)
      assert.deepEqual(home.told(), [])
    })

    it('are all over with the last of a flood', async () => {
      const ids: string[] = []
      for (let nth = 0; nth < 12; nth++) {
        ids.push(await home.approvals.open(requestOf(nth, { what: `write ${nth}.md` })))
      }
      assert.equal(home.told().length, 11)
      for (const id of ids.slice(1)) await home.approvals.answer(id, 'deny', OWNER)
      assert.equal(home.told().length, 2)
      await home.approvals.answer(ids[0] ?? '', 'deny', OWNER)
      assert.deepEqual(home.told(), [])
    })

    it('of what expired while the node was off are over soon after its start', async () => {
      await home.waiting(1)
      await home.crash(TIMEOUT_MS)
      home.clock.advance(0)
      assert.deepEqual(home.told(), [])
    })
  })

  it('tell whoever listens when one opens, until they do not', async () => {
    let opened = 0
    const unlisten = home.approvals.onOpen(() => opened++)
    await home.waiting(1)
    unlisten()
    await home.waiting(2)
    assert.equal(opened, 1)
  })

  it('have ids in their order when the clock goes back', async () => {
    const ids = [await home.approvals.open(requestOf(1))]
    home.clock.advance(-5_000)
    ids.push(await home.approvals.open(requestOf(2)))
    await home.crash()
    ids.push(await home.approvals.open(requestOf(3)))
    assert.deepEqual(ids, ids.toSorted())
  })
})
