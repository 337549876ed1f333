import assert from 'node:assert/strict'
import type { KnownPeer } from '../../../src/node/pins.ts'
import { approvalAnswerVerb, approvalListVerb } from '../../../src/node/verbs/approval.ts'
import type { Body } from '../../../src/protocol/message.ts'
import { MAX_LISTED_APPROVALS, approvalListEnd } from '../../../src/protocol/verbs.ts'
import type { ListedApproval } from '../../../src/protocol/verbs.ts'
import { answerTo, askId, askerPeer, idOf } from '../../helpers/ask-calls.ts'
import {
  BERT,
  LAPTOP,
  OWNER,
  OWN_ID,
  TIMEOUT_MS,
  approvalHomes,
  requestOf,
} from '../../helpers/approval-home.ts'
import type { ApprovalHome } from '../../helpers/approval-home.ts'

const laptop = askerPeer('laptop', {}, { allow: ['approve'] })
/** Has a right that no node should have that asks, and still decides on nothing of its own. */
const bert = askerPeer('bert', {}, { allow: ['ask', 'approve'] })

describe('approvals over the wire', () => {
  const homes = approvalHomes()
  let home: ApprovalHome

  beforeEach(() => {
    home = homes()
  })

  async function list(peer: KnownPeer): Promise<ListedApproval[]> {
    const answer = answerTo(peer, 'approval.list', {})
    const verb = approvalListVerb(home)
    const end = await verb.run({ peer, body: {}, answer, now: home.clock.now() })
    return approvalListEnd.parse(end).approvals
  }

  async function give(peer: KnownPeer, approval: string, answer: string): Promise<Body> {
    const body = { approval, answer }
    const verb = approvalAnswerVerb(home)
    const call = answerTo(peer, 'approval.answer', body)
    return await verb.run({ peer, body, answer: call, now: home.clock.now() })
  }

  it('are listed with ids for names, the oldest first', async () => {
    const first = await home.approvals.open(requestOf(1, { ask: { session: 's' } }))
    const own = { asker: OWNER, chain: [] }
    const second = await home.approvals.open(requestOf(2, { ask: own }))
    const now = home.clock.now()
    const same = {
      ...{ tool: 'write_file', class: 'write', what: 'write notes.md' },
      ...{ openedAt: now, expiresAt: now + TIMEOUT_MS },
    }
    assert.deepEqual(await list(laptop), [
      { approval: first, ask: askId(1), asker: BERT.id, chain: [BERT.id], session: 's', ...same },
      { approval: second, ask: askId(2), asker: OWN_ID, chain: [], ...same },
    ])
  })

  it('are listed while they are open, without those of the caller and those that came through it', async () => {
    const closed = await home.approvals.open(requestOf(1))
    await home.approvals.answer(closed, 'deny', OWNER)
    await home.approvals.open(requestOf(2))
    const chain = [BERT.id, idOf('carol')]
    await home.approvals.open(requestOf(3, { ask: { asker: LAPTOP, chain: [LAPTOP.id] } }))
    const carol = { name: 'carol', id: idOf('carol') }
    await home.approvals.open(requestOf(4, { ask: { asker: carol, chain } }))
    const asks = async (peer: KnownPeer): Promise<string[]> =>
      (await list(peer)).map(({ ask }) => ask)
    assert.deepEqual(await asks(laptop), [askId(2), askId(4)])
    assert.deepEqual(await asks(bert), [askId(3)])
  })

  it('are listed up to what one message takes', async () => {
    const what = '€'.repeat(512)
    const tool = 't'.repeat(500)
    for (let nth = 0; nth <= MAX_LISTED_APPROVALS; nth++) {
      await home.approvals.open(requestOf(nth, { what, tool }))
    }
    assert.equal((await list(laptop)).length, MAX_LISTED_APPROVALS)
  })

  it('are granted and denied by another node of the owner, which is named', async () => {
    const { id, state } = await home.waiting(1)
    assert.deepEqual(await give(laptop, id, 'always'), { approval: id, state: 'granted' })
    assert.equal(await state, 'granted')
    assert.deepEqual(home.approvals.get(id).by, LAPTOP)
    const other = await home.waiting(2)
    assert.deepEqual(await give(laptop, other.id, 'deny'), { approval: other.id, state: 'denied' })
    assert.equal(await other.state, 'denied')
  })

  it('are refused to a peer that would approve itself', async () => {
    const { id } = await home.waiting(1)
    for (const answer of ['once', 'session', 'always', 'deny']) {
      await assert.rejects(give(bert, id, answer), { code: 'denied', details: { rule: 'asker' } })
    }
    assert.equal(home.approvals.get(id).state, 'open')
    assert.deepEqual(home.lines, [])
  })

  it('fail with a code of the wire for what is not known, and for what is decided', async () => {
    await assert.rejects(give(laptop, askId(9), 'once'), {
      code: 'bad-request',
      details: { what: 'approval: unknown' },
    })
    const { id } = await home.waiting(1)
    await home.approvals.answer(id, 'deny', OWNER)
    await assert.rejects(give(laptop, id, 'once'), {
      code: 'conflict',
      details: { activeId: id },
    })
  })

  it('are not served to a frozen peer and to an old key', () => {
    for (const verb of [approvalListVerb(home), approvalAnswerVerb(home)]) {
      assert.deepEqual([verb.whenFrozen, verb.withOldKey], [undefined, undefined])
    }
  })
})
