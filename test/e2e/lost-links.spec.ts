import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { liveNodes } from '../helpers/live-node.ts'
import type { Answer, LiveNode } from '../helpers/live-node.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'

const INTERRUPTED = { outcome: 'failed', code: 'interrupted', details: {} }

describe('an ask whose way is cut', () => {
  const make = liveNodes()
  let alice: LiveNode
  let bob: LiveNode
  let proxy: TcpProxy

  before(async () => {
    alice = await make('alice')
    bob = await make('bob')
    proxy = await TcpProxy.to(Number(bob.address.split('/').at(-1)))
    await alice.pin(bob, { addresses: [proxy.address] })
    await bob.pin(alice, { allow: ['ask'], ask: { preset: 'write' } })
    await bob.start()
    await alice.start()
    await Promise.all([alice.linkedTo(bob), bob.linkedTo(alice)])
  })
  after(() => proxy.stop())

  /** The answer to a count, while `cut` happens after a few pieces. A stream that ends meanwhile is read on. */
  async function countThrough(
    count: number,
    cut: () => Promise<void>,
  ): Promise<Answer & { ask: string }> {
    const ask = await alice.submit(bob, `count ${count}`)
    let cutting: Promise<void> | undefined
    const answer = await alice
      .answer(ask, 0, (text) => {
        if (text === '5\n') cutting = cut()
      })
      .catch(async () => {
        await cutting
        return await alice.answer(ask)
      })
    await cutting
    return { ...answer, ask }
  }

  function numbersTo(count: number): number[] {
    return Array.from({ length: count }, (_, index) => index + 1)
  }

  async function restart(node: LiveNode): Promise<void> {
    await node.kill()
    await node.start()
  }

  it('goes on when the connection is reset', async () => {
    const from = alice.log.mark
    const { final, seqs } = await countThrough(60, async () => {
      proxy.reset()
    })
    await alice.logLine(({ msg }) => msg === 'peer disconnected', from)
    assert.deepEqual(seqs, numbersTo(60))
    assert.equal(final.outcome, 'done')
  })

  it('is interrupted once when the answerer is killed, and does not run again', async () => {
    const { ask, final, seqs } = await countThrough(1_000, () => restart(bob))
    assert.deepEqual(final, INTERRUPTED)
    assert.deepEqual(seqs, numbersTo(seqs.length))
    assert.deepEqual(await alice.answer(ask), await alice.answer(ask))
    assert.deepEqual((await alice.answer(ask)).final, INTERRUPTED)
    const { state } = await bob.client.call('showAsk', { ask })
    assert.equal(state, 'interrupted')
    assert.deepEqual((await bob.status()).asks, { running: 0, queued: 0, out: 0 })
  })

  it('goes on when the asker is killed, and its answer is there afterwards', async () => {
    const { ask, final, seqs, text } = await countThrough(60, () => restart(alice))
    assert.equal(final.outcome, 'done')
    assert.deepEqual(seqs, numbersTo(60))
    assert.equal(
      text,
      numbersTo(60)
        .map((number) => `${number}\n`)
        .join(''),
    )
    const rest = await alice.answer(ask, 40)
    assert.deepEqual(rest.seqs, numbersTo(60).slice(40))
  })

  it('expires while the peer stays away, and is delivered once when it comes back, if it may wait', async () => {
    await bob.kill()
    const refused = await alice.ask(bob, 'echo now')
    assert.ok(refused.final.outcome === 'failed')
    assert.equal(refused.final.code, 'unreachable')
    const { final } = await alice.ask(bob, 'echo late', { wait: true, timeoutMs: 500 })
    assert.deepEqual(final, { outcome: 'failed', code: 'deadline', details: {} })
    const ask = await alice.submit(bob, 'remember the outbox', { wait: true })
    assert.equal((await alice.client.call('showAsk', { ask })).state, 'received')
    await bob.start()
    assert.equal((await alice.answer(ask)).final.outcome, 'done')
    const memory = await readFile(bob.home.memory, 'utf8')
    assert.equal(memory.split('the outbox').length - 1, 1)
  })

  it('is delivered once after a restart of the asker, if it may wait', async () => {
    await bob.kill()
    const ask = await alice.submit(bob, 'remember the second outbox', { wait: true })
    await restart(alice)
    await bob.start()
    assert.equal((await alice.answer(ask)).final.outcome, 'done')
    const memory = await readFile(bob.home.memory, 'utf8')
    assert.equal(memory.split('the second outbox').length - 1, 1)
  })
})
