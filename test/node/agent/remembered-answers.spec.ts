import assert from 'node:assert/strict'
import { MAX_REMEMBERED, SESSION_ANSWER_MS } from '../../../src/node/agent/remembered-answers.ts'
import type { ApprovalAnswer } from '../../../src/protocol/verbs.ts'
import { askId, idOf } from '../../helpers/ask-calls.ts'
import { BERT, OWNER, approvalHomes, requestOf } from '../../helpers/approval-home.ts'
import type { ApprovalHome, Changes } from '../../helpers/approval-home.ts'

describe('remembered answers', () => {
  const homes = approvalHomes()
  let home: ApprovalHome

  beforeEach(() => {
    home = homes()
  })

  /** Asks for a call, and answers. Gives the id of the approval. */
  async function answered(answer: ApprovalAnswer, changes: Changes = {}): Promise<string> {
    const id = await home.approvals.open(requestOf(1, { ask: { session: 's' }, ...changes }))
    await home.approvals.answer(id, answer, OWNER)
    return id
  }

  function remembered(changes: Changes = {}): 'granted' | undefined {
    return home.approvals.remembered(requestOf(2, { ask: { session: 's' }, ...changes }))
  }

  it('are none for a yes to one call, and for a no', async () => {
    await answered('once')
    await answered('deny')
    assert.equal(remembered(), undefined)
    assert.deepEqual(home.approvals.answers.list(), [])
  })

  const carol = { name: 'carol', id: idOf('carol') }
  const calls: [what: string, changes: Changes, session: boolean, always: boolean][] = [
    ['the same call', {}, true, true],
    ['one of another session', { ask: { session: 't' } }, false, true],
    ['one of no session', { ask: {} }, false, true],
    ['one with another key', { key: 'write other.md' }, false, false],
    ['one of another tool', { tool: 'remember' }, false, false],
    ['one of another peer', { ask: { session: 's', asker: carol } }, false, false],
    [
      'one that the same peer asks for another',
      { ask: { session: 's', chain: [carol.id, BERT.id] } },
      false,
      false,
    ],
    [
      'one of a peer that has the name now',
      { ask: { session: 's', asker: { ...carol, name: BERT.name } } },
      false,
      false,
    ],
    [
      'one of the same peer under another name',
      { ask: { session: 's', asker: { ...BERT, name: 'robert' } } },
      true,
      true,
    ],
  ]
  for (const [what, changes, session, always] of calls) {
    it(`hold for ${what} as far as they were given`, async () => {
      const before = await answered('session')
      assert.equal(remembered(changes), session ? 'granted' : undefined)
      await home.approvals.answers.forget(before)
      await answered('always')
      assert.equal(remembered(changes), always ? 'granted' : undefined)
    })
  }

  it('hold after a restart, until they are forgotten', async () => {
    const id = await answered('always')
    await home.crash()
    assert.equal(remembered(), 'granted')
    const [answer] = home.approvals.answers.list()
    assert.deepEqual([answer?.id, answer?.scope, answer?.by], [id, 'always', OWNER])
    assert.deepEqual(await home.approvals.answers.forget(id), answer)
    assert.equal(remembered(), undefined)
    await home.crash()
    assert.equal(remembered(), undefined)
    await assert.rejects(home.approvals.answers.forget(id), { code: 'unknown-approval' })
  })

  it('of a session are over before it can be', async () => {
    await answered('session')
    home.clock.advance(SESSION_ANSWER_MS - 1)
    assert.equal(remembered(), 'granted')
    home.clock.advance(1)
    assert.equal(remembered(), undefined)
    assert.deepEqual(home.approvals.answers.list(), [])
  })

  it('always given do not run out', async () => {
    await answered('always')
    home.clock.advance(10 * SESSION_ANSWER_MS)
    assert.equal(remembered(), 'granted')
  })

  it('take the place of those that say the same', async () => {
    await answered('always')
    const id = await answered('always')
    assert.deepEqual(
      home.approvals.answers.list().map((answer) => answer.id),
      [id],
    )
    await home.approvals.answers.forget(id)
    await home.crash()
    assert.equal(remembered(), undefined)
  })

  it('are so many and no more: the oldest is asked for again', async () => {
    for (let nth = 0; nth <= MAX_REMEMBERED; nth++) await answered('always', { key: String(nth) })
    assert.equal(remembered({ key: '0' }), undefined)
    assert.equal(remembered({ key: '1' }), 'granted')
    await home.crash()
    assert.equal(home.approvals.answers.list().length, MAX_REMEMBERED)
  })

  it('are forgotten by what they have in common', async () => {
    await answered('session')
    await answered('always', { key: 'other' })
    await home.approvals.answers.forgetIf(({ session }) => session === 's')
    await home.crash()
    assert.equal(remembered(), undefined)
    assert.equal(remembered({ key: 'other' }), 'granted')
  })

  it('leave a line in the log each time that they let a call run', async () => {
    const id = await answered('always')
    home.lines = []
    assert.equal(remembered(), 'granted')
    const [line] = home.lines
    assert.deepEqual(
      [line?.['approval'], line?.['ask'], line?.['verdict'], line?.['scope'], line?.['by']],
      [id, askId(2), 'remembered', 'always', OWNER],
    )
  })

  it('let nothing run that the log cannot hold', async () => {
    await answered('always')
    home.fault = new Error('ENOSPC')
    assert.throws(() => remembered(), /ENOSPC/)
  })
})
