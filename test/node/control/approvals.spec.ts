import assert from 'node:assert/strict'
import { ROUTES } from '../../../src/node/control/api.ts'
import type { ApprovalReport } from '../../../src/node/control/api.ts'
import { approvalHandlers } from '../../../src/node/control/handlers/approvals.ts'
import { askId, askerPeer, idOf } from '../../helpers/ask-calls.ts'
import {
  BERT,
  LAPTOP,
  OWN_ID,
  TIMEOUT_MS,
  approvalHomes,
  requestOf,
} from '../../helpers/approval-home.ts'
import type { ApprovalHome } from '../../helpers/approval-home.ts'
import { StubCaller } from '../../helpers/stub-caller.ts'

const { signal } = new AbortController()

describe('control handlers of approvals', () => {
  const homes = approvalHomes()
  let home: ApprovalHome
  let caller: StubCaller
  let handlers: ReturnType<typeof approvalHandlers>

  beforeEach(() => {
    home = homes()
    caller = new StubCaller()
    const peers = [askerPeer('bert'), askerPeer('laptop')]
    handlers = approvalHandlers({
      approvals: home.approvals,
      caller,
      pins: {
        byId: (id) => peers.find((peer) => peer.id === id),
        byName: (name) => peers.find(({ pin }) => pin.name === name),
      },
      self: { id: OWN_ID },
      submitterOf: async (ask) => (ask === askId(1) ? 'token ci' : undefined),
    })
  })

  async function list(input: Parameters<typeof handlers.approvals>[0]): Promise<ApprovalReport[]> {
    const output = await handlers.approvals(input, signal)
    assert.deepEqual(ROUTES.approvals.output.parse(output), output)
    return output
  }

  it('list what is open; what was decided too, if it is wanted', async () => {
    const first = await home.approvals.open(requestOf(1, { ask: { session: 's' } }))
    const second = await home.approvals.open(requestOf(2))
    await home.approvals.answer(first, 'session', LAPTOP)
    const now = home.clock.now()
    const same = {
      ...{ asker: 'bert', tool: 'write_file', class: 'write', what: 'write notes.md' },
      ...{ openedAt: now, expiresAt: now + TIMEOUT_MS },
    }
    const open = { approval: second, state: 'open', ask: askId(2), ...same }
    assert.deepEqual(await list({}), [open])
    const decided = { approval: first, state: 'granted', ask: askId(1), session: 's', ...same }
    const how = { closedAt: now, scope: 'session', by: 'laptop' }
    assert.deepEqual(await list({ which: 'all' }), [{ ...decided, ...how }, open])
    const shown = await handlers.showApproval({ approval: first }, signal)
    assert.deepEqual(shown, { ...decided, ...how })
  })

  it('name the token by which an ask of this node came, and take no ask of a peer for it', async () => {
    const own = { asker: { name: 'self', id: OWN_ID }, chain: [] }
    const first = await home.approvals.open(requestOf(1, { ask: own }))
    await home.approvals.open(requestOf(2, { ask: own }))
    await home.approvals.open(requestOf(1))
    assert.deepEqual(
      (await list({})).map((report) => report.asker),
      ['token ci', 'self', 'bert'],
    )
    assert.equal((await handlers.showApproval({ approval: first }, signal)).asker, 'token ci')
  })

  it('name who is no longer pinned by the name that it had', async () => {
    const asker = { name: 'carol', id: idOf('carol') }
    await home.approvals.open(requestOf(1, { ask: { asker, chain: [asker.id] } }))
    await home.approvals.open(requestOf(2, { ask: { asker: { ...BERT, name: 'old' } } }))
    assert.deepEqual(
      (await list({})).map((report) => report.asker),
      ['carol', 'bert'],
    )
  })

  it('name the nodes that an ask came through, and who asked first', async () => {
    const carol = idOf('carol')
    const ask = { chain: [LAPTOP.id, carol, BERT.id] }
    const id = await home.approvals.open(requestOf(1, { ask }))
    const [listed] = await list({})
    assert.deepEqual(listed?.chain, ['laptop', carol, 'bert'])
    await handlers.answerApproval({ approval: id, answer: 'always' }, signal)
    const [answer] = await handlers.rememberedAnswers({}, signal)
    assert.deepEqual([answer?.first, answer?.asker], ['laptop', 'bert'])
  })

  it('give all of a call where one is shown, and say when a yes is to that call alone', async () => {
    const details = `- a\n+ geheim\n${'+'.repeat(20_000)}`
    const id = await home.approvals.open(requestOf(1, { details, onceOnly: true }))
    assert.equal((await list({}))[0]?.details, undefined)
    const shown = await handlers.showApproval({ approval: id }, signal)
    assert.match(shown.details ?? '', /^- a\n\+ \[redacted\]\n\++\n\[cut here: \d+ more bytes\]$/u)
    const given = await handlers.answerApproval({ approval: id, answer: 'always' }, signal)
    assert.deepEqual(given, { approval: id, state: 'granted', onceOnly: true })
    assert.equal(home.approvals.get(id).scope, 'once')
    assert.deepEqual(home.approvals.answers.list(), [])
    assert.deepEqual(
      await handlers.answerApproval({ approval: id, answer: 'session' }, signal).catch(() => 'no'),
      'no',
    )
  })

  it('answer as the owner', async () => {
    const { id, state } = await home.waiting(1)
    const answered = await handlers.answerApproval({ approval: id, answer: 'once' }, signal)
    assert.deepEqual(answered, { approval: id, state: 'granted' })
    assert.equal(await state, 'granted')
    assert.deepEqual(home.approvals.get(id).by, { name: 'self', id: OWN_ID })
    await assert.rejects(handlers.showApproval({ approval: askId(9) }, signal), {
      code: 'unknown-approval',
    })
  })

  it('list, and forget, what is remembered', async () => {
    const { id } = await home.waiting(1)
    await handlers.answerApproval({ approval: id, answer: 'always' }, signal)
    const [answer, ...others] = await handlers.rememberedAnswers({}, signal)
    assert.deepEqual(answer, {
      ...{ approval: id, scope: 'always', asker: 'bert', tool: 'write_file', class: 'write' },
      ...{ what: 'write notes.md', at: home.clock.now(), by: 'self' },
    })
    assert.deepEqual(others, [])
    assert.deepEqual(await handlers.forgetAnswer({ approval: id }, signal), answer)
    assert.deepEqual(await handlers.rememberedAnswers({}, signal), [])
  })

  it('tell of what is open, then of each as it opens, until the reader goes', async () => {
    const stop = new AbortController()
    const events = async (after = {}): Promise<AsyncIterator<ApprovalReport, undefined>> =>
      (await handlers.approvalEvents(after, stop.signal))[Symbol.asyncIterator]()
    const first = await home.approvals.open(requestOf(1))
    const reader = await events()
    assert.equal((await reader.next()).value?.approval, first)
    const coming = reader.next()
    const second = await home.approvals.open(requestOf(2))
    assert.equal((await coming).value?.approval, second)
    assert.equal((await (await events({ after: first })).next()).value?.approval, second)
    const end = reader.next()
    stop.abort()
    assert.equal((await end).done, true)
  })

  describe('at a peer', () => {
    it('list what waits there, with our names for who asked', async () => {
      const same = {
        ...{ approval: askId(7), ask: askId(1), tool: 'shell', class: 'exec', what: 'ls' },
        ...{ openedAt: 1, expiresAt: 2 },
      }
      const askers = [BERT.id, idOf('carol'), LAPTOP.id]
      caller.serve.set('approval.list', () => ({
        approvals: askers.map((asker) => ({ ...same, asker, chain: [asker] })),
      }))
      assert.deepEqual(
        await list({ peer: 'laptop' }),
        ['bert', idOf('carol'), 'laptop'].map((asker) => ({ ...same, asker, state: 'open' })),
      )
    })

    it('answer there, and nowhere else', async () => {
      const { id } = await home.waiting(1)
      caller.serve.set('approval.answer', () => ({ approval: id, state: 'denied' }))
      const input = { approval: id, answer: 'deny', peer: 'laptop' } as const
      assert.deepEqual(await handlers.answerApproval(input, signal), {
        approval: id,
        state: 'denied',
      })
      assert.deepEqual(caller.calls, [
        { verb: 'approval.answer', body: { approval: id, answer: 'deny' } },
      ])
      assert.equal(home.approvals.get(id).state, 'open')
    })

    it('fail for a peer that is not pinned', async () => {
      await assert.rejects(list({ peer: 'carol' }), { code: 'unknown-peer' })
      const input = { approval: askId(1), answer: 'once', peer: 'carol' } as const
      await assert.rejects(handlers.answerApproval(input, signal), { code: 'unknown-peer' })
    })
  })
})
