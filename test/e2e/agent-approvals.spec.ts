import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ApprovalReport } from '../../src/node/control/routes/approvals.ts'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { Answer, LiveNode } from '../helpers/live-node.ts'
import { LAB_KEY, configureAgent, linesOf, modelAt } from '../helpers/live-agent.ts'
import { ModelServer } from '../helpers/model-server.ts'
import { kith } from '../helpers/run-kith.ts'

/** The tally has a stroke for each time that the tool has run. */
const TALLY = 'tally: '
const STROKE = `${TALLY}|`
const STROKE_CALL = {
  name: 'edit_file',
  input: { path: 'tally.md', before: TALLY, after: STROKE },
}

/** An ask that waits for a person. */
interface Parked {
  ask: string
  answer: Promise<Answer>
  approval: ApprovalReport
}

/** The first item of a stream, which ends with it. */
async function* firstOf<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const item of items) {
    yield item
    return
  }
}

describe('an ask that waits for a person', () => {
  const make = liveNodes()
  let server: ModelServer
  let alice: LiveNode
  let bob: LiveNode
  let laptop: LiveNode

  before(async () => {
    server = await ModelServer.start()
    // Asks for the tool until it has been told of it.
    server.otherwise = ({ body }) =>
      body.messages.at(-1)?.role === 'tool'
        ? { kind: 'text', text: 'as you wish' }
        : { kind: 'tools', calls: [STROKE_CALL] }
    alice = await make('alice')
    bob = await make('bob', { env: { [LAB_KEY]: 'sk-lab' } })
    laptop = await make('laptop')
    await configureAgent(bob, modelAt(server))
    for (const peer of [alice, laptop]) await peer.pin(bob)
    // Alice may answer approvals as well, of others.
    await bob.pin(alice, {
      allow: ['ask', 'approve'],
      ask: { preset: 'write', approve: ['write'] },
    })
    await bob.pin(laptop, { allow: ['approve'], addresses: [] })
    await bob.start()
    await Promise.all([alice.start(), laptop.start()])
    await Promise.all([alice.linkedTo(bob), laptop.linkedTo(bob)])
  })
  after(() => server.stop())
  beforeEach(() => writeFile(tallyOf(bob), TALLY))

  function tallyOf(node: LiveNode): string {
    return join(node.home.workspace, 'tally.md')
  }

  /** Lets alice ask for a stroke, which the model does not make without the tool. */
  async function park(at = bob): Promise<Parked> {
    const ask = await alice.submit(at, 'one stroke')
    const answer = alice.answer(ask)
    // It may fail while alice is down; who waits for it is told.
    answer.catch(() => undefined)
    const approval = await eventually(async () => {
      const open = await at.client.call('approvals', {})
      const found = open.find((one) => one.ask === ask)
      assert.ok(found !== undefined)
      assert.equal((await at.client.call('showAsk', { ask })).state, 'waiting-approval')
      return found
    })
    return { ask, answer, approval }
  }

  async function restart(node: LiveNode, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await node.end(signal)
    await node.start()
  }

  for (const [how, ended] of [
    ['killed', (): Promise<void> => restart(bob, 'SIGKILL')],
    ['stopped', (): Promise<void> => restart(bob, 'SIGTERM')],
  ] as const) {
    it(`F68: goes on after its node was ${how}, and runs its tool once`, async () => {
      const from = server.requests.length
      const { answer, approval, ask } = await park()
      await ended()
      assert.equal((await bob.client.call('showAsk', { ask })).state, 'waiting-approval')
      assert.equal(await readFile(tallyOf(bob), 'utf8'), TALLY)
      const { code, err } = await kith(bob, 'approvals', 'grant', approval.approval)
      assert.equal(code, 0, err)
      const { final, text } = await answer
      assert.deepEqual([final.outcome, text], ['done', 'as you wish'])
      assert.equal(await readFile(tallyOf(bob), 'utf8'), STROKE)
      assert.equal(server.requests.length - from, 2)
      const line = (await linesOf(bob, 'approval.log')).findLast((one) => one['ask'] === ask)
      const { at, waitedMs, what, ...rest } = line ?? {}
      assert.ok(typeof at === 'string' && Number(waitedMs) > 0)
      assert.match(String(what), /^change tally\.md: .* becomes /u)
      assert.deepEqual(rest, {
        ...{ approval: approval.approval, ask, asker: { name: 'alice', id: alice.id } },
        chain: [alice.id],
        ...{ tool: 'edit_file', class: 'write', verdict: 'granted' },
        ...{ scope: 'once', by: { name: 'self', id: bob.id } },
      })
    })
  }

  it('of the owner is read on after a stop, which does not wait for it', async () => {
    const FORGET = { name: 'forget', input: { source: 'alice' } }
    server.reply({ kind: 'tools', calls: [FORGET] })
    const ask = await bob.submit('self', 'forget what alice has said')
    const reading = bob.answer(ask)
    const [event] = await Array.fromAsync(firstOf(bob.client.approvalEvents({})))
    assert.equal(event?.ask, ask)
    const stoppedAt = performance.now()
    const [, { code }] = await Promise.all([assert.rejects(reading, /without a final/), bob.stop()])
    assert.equal(code, 0)
    assert.ok(performance.now() - stoppedAt < 3_000)
    await bob.start()
    await bob.client.call('answerApproval', { approval: event.approval, answer: 'once' })
    assert.equal((await bob.answer(ask)).text, 'as you wish')
    assert.match(JSON.stringify(server.requests.at(-1)?.body.messages), /Forgot 0 notes/)
  })

  it('has its answer for an asker who was away meanwhile', async () => {
    const { approval, ask } = await park()
    await alice.kill()
    await bob.kill()
    await bob.start()
    await bob.client.call('answerApproval', { approval: approval.approval, answer: 'once' })
    await eventually(async () => {
      assert.equal((await bob.client.call('showAsk', { ask })).state, 'done')
    })
    await alice.start()
    const { final, text } = await alice.answer(ask)
    assert.deepEqual([final.outcome, text], ['done', 'as you wish'])
    assert.equal(await readFile(tallyOf(bob), 'utf8'), STROKE)
  })

  it('runs its tool at most once when its node is killed right after the yes', async () => {
    const { answer, approval, ask } = await park()
    await bob.client.call('answerApproval', { approval: approval.approval, answer: 'once' })
    await restart(bob, 'SIGKILL')
    const { final } = await answer
    const outcome = final.outcome === 'done' ? 'done' : final.code
    assert.ok(['done', 'interrupted'].includes(outcome), outcome)
    assert.ok([TALLY, STROKE].includes(await readFile(tallyOf(bob), 'utf8')))
    assert.equal((await bob.client.call('showAsk', { ask })).final?.outcome, final.outcome)
  })

  it('goes on without what its owner refuses', async () => {
    const { answer, approval, ask } = await park()
    const { code } = await kith(bob, 'approvals', 'deny', approval.approval)
    assert.equal(code, 0)
    assert.equal((await answer).final.outcome, 'done')
    assert.equal(await readFile(tallyOf(bob), 'utf8'), TALLY)
    assert.match(JSON.stringify(server.requests.at(-1)?.body.messages), /a person refused/)
    const line = (await linesOf(bob, 'approval.log')).findLast((one) => one['ask'] === ask)
    assert.equal(line?.['verdict'], 'denied')
  })

  it('goes on without what nobody answers in time', async () => {
    const hasty = await make('hasty', { env: { [LAB_KEY]: 'sk-lab' } })
    await configureAgent(hasty, modelAt(server, { approvals: { timeout_seconds: 1 } }))
    await hasty.pin(alice, {
      allow: ['ask'],
      addresses: [],
      ask: { preset: 'write', approve: ['write'] },
    })
    await hasty.start()
    await alice.pin(hasty)
    await alice.linkedTo(hasty)
    await writeFile(tallyOf(hasty), TALLY)
    const { answer, ask } = await park(hasty)
    assert.equal((await answer).final.outcome, 'done')
    assert.equal(await readFile(tallyOf(hasty), 'utf8'), TALLY)
    assert.match(JSON.stringify(server.requests.at(-1)?.body.messages), /nobody answered in time/)
    const line = (await linesOf(hasty, 'approval.log')).findLast((one) => one['ask'] === ask)
    assert.equal(line?.['verdict'], 'expired')
  })

  it('F68: is not granted by its own asker, but by another node of the owner', async () => {
    const {
      answer,
      approval: { approval },
    } = await park()
    assert.deepEqual(await alice.client.call('approvals', { peer: 'bob' }), [])
    const own = { approval, answer: 'once', peer: 'bob' } as const
    await assert.rejects(alice.client.call('answerApproval', own), { code: 'denied' })
    assert.equal(await readFile(tallyOf(bob), 'utf8'), TALLY)
    const [listed, ...more] = await laptop.client.call('approvals', { peer: 'bob' })
    assert.deepEqual([listed?.approval, listed?.chain, more], [approval, undefined, []])
    assert.match(listed?.what ?? '', /^change tally\.md: .* becomes /u)
    const granted = await laptop.client.call('answerApproval', own)
    assert.deepEqual(granted, { approval, state: 'granted' })
    assert.equal((await answer).final.outcome, 'done')
    assert.equal(await readFile(tallyOf(bob), 'utf8'), STROKE)
    const line = (await linesOf(bob, 'approval.log')).findLast(
      (one) => one['approval'] === approval,
    )
    assert.deepEqual(line?.['by'], { name: 'laptop', id: laptop.id })
  })

  it('takes its approval with it when it is cancelled', async () => {
    const {
      answer,
      approval: { approval },
      ask,
    } = await park()
    await alice.client.call('cancelAsk', { ask })
    const { final } = await answer
    assert.ok(final.outcome === 'failed' && final.code === 'cancelled')
    await eventually(async () => {
      const { state } = await bob.client.call('showApproval', { approval })
      assert.equal(state, 'withdrawn')
    })
    await assert.rejects(bob.client.call('answerApproval', { approval, answer: 'once' }), {
      code: 'conflict',
    })
    assert.equal(await readFile(tallyOf(bob), 'utf8'), TALLY)
  })
})
