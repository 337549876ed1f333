import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import type { AskReport } from '../../src/node/control/api.ts'
import { MAX_ASK_TEXT_BYTES } from '../../src/protocol/limits.ts'
import { uuidV7 } from '../../src/protocol/uuid.ts'
import { linkedPair, liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'

describe('asks between processes', () => {
  const make = liveNodes()
  let alice: LiveNode
  let bob: LiveNode

  before(async () => {
    ;({ alice, bob } = await linkedPair(make, { allow: ['ping', 'ask'], ask: { preset: 'write' } }))
  })

  function newId(): string {
    return uuidV7(Date.now(), crypto.getRandomValues(new Uint8Array(10)))
  }

  async function atBob(ask: string): Promise<AskReport> {
    return await bob.client.call('showAsk', { ask })
  }

  it('are answered piece by piece', async () => {
    const ask = await alice.submit(bob, 'count 30')
    let stateAtFirst: Promise<AskReport> | undefined
    const { final, seqs, text } = await alice.answer(ask, 0, () => {
      stateAtFirst ??= atBob(ask)
    })
    assert.equal((await stateAtFirst)?.state, 'running')
    const numbers = Array.from({ length: 30 }, (_, index) => index + 1)
    assert.equal(text, numbers.map((number) => `${number}\n`).join(''))
    assert.deepEqual(seqs, numbers)
    assert.deepEqual(final, { outcome: 'done', end: { ask, engine: 'builtin', lastSeq: 30 } })
    assert.equal((await atBob(ask)).state, 'done')
  })

  it('are heard again from any piece on', async () => {
    const ask = await alice.submit(bob, 'count 5')
    const whole = await alice.answer(ask)
    assert.deepEqual(await alice.answer(ask, 3), { ...whole, text: '4\n5\n', seqs: [4, 5] })
    assert.deepEqual(await alice.answer(ask, 5), { ...whole, text: '', seqs: [] })
  })

  it('that are cancelled end at both sides within a second', async () => {
    const ask = await alice.submit(bob, 'count 1000')
    let cancelledAt = 0
    const { final } = await alice.answer(ask, 0, (text) => {
      if (text !== '3\n') return
      cancelledAt = performance.now()
      void alice.client.call('cancelAsk', { ask })
    })
    assert.deepEqual(final, { outcome: 'failed', code: 'cancelled', details: {} })
    assert.ok(performance.now() - cancelledAt < 1_000)
    assert.equal((await atBob(ask)).state, 'cancelled')
  })

  it('end at their deadline', async () => {
    const { final } = await alice.ask(bob, 'count 1000', { timeoutMs: 200 })
    assert.deepEqual(final, { outcome: 'failed', code: 'deadline', details: {} })
  })

  it('that are sent twice are answered once, with the same answer', async () => {
    const ask = newId()
    const text = `remember ${ask}`
    const answers = await Promise.all([
      alice.ask(bob, text, { ask }),
      alice.ask(bob, text, { ask }),
    ])
    answers.push(await alice.ask(bob, text, { ask }))
    for (const answer of answers) assert.deepEqual(answer, answers[0])
    const memory = await readFile(bob.home.memory, 'utf8')
    assert.equal(memory.split(ask).length - 1, 1)
  })

  it('of one id with another text are refused', async () => {
    const ask = newId()
    await alice.ask(bob, 'echo one', { ask })
    await assert.rejects(alice.submit(bob, 'echo two', { ask }), {
      code: 'conflict',
      details: { activeId: ask },
    })
    assert.equal((await alice.answer(ask)).text, 'one')
  })

  it('that are too long are refused', async () => {
    await assert.rejects(alice.submit(bob, 'x'.repeat(MAX_ASK_TEXT_BYTES + 1)))
    const { text } = await alice.ask(bob, `echo ${'x'.repeat(MAX_ASK_TEXT_BYTES - 5)}`)
    assert.equal(text.length, MAX_ASK_TEXT_BYTES - 5)
  })

  it('that are many at once wait their turn, and the one too many is told so', async () => {
    // Two run and eight wait, unless peers.yaml says otherwise.
    const asks = await Promise.all(
      Array.from({ length: 10 }, () => alice.submit(bob, 'count 1000')),
    )
    const refused = await alice.ask(bob, 'echo one too many')
    assert.deepEqual(refused.final, {
      outcome: 'failed',
      code: 'busy',
      details: { position: asks.length },
    })
    assert.deepEqual((await bob.status()).asks, { running: 2, queued: 8, out: 0 })
    for (const ask of asks) await alice.client.call('cancelAsk', { ask })
    for (const ask of asks) {
      const { final } = await alice.answer(ask)
      assert.deepEqual(final, { outcome: 'failed', code: 'cancelled', details: {} })
    }
  })
})

describe('asks beyond the rate of a peer', () => {
  const make = liveNodes()

  it('are refused with the time to wait, and use up nothing', async () => {
    const [alice, bob] = [await make('alice'), await make('bob')]
    await alice.pin(bob)
    await bob.pin(alice, { allow: ['ask'], addresses: [], ask: { per_minute: 2 } })
    await bob.start()
    await alice.start()
    await alice.linkedTo(bob)
    assert.equal((await alice.ask(bob, 'echo 1')).text, '1')
    assert.equal((await alice.ask(bob, 'echo 2')).text, '2')
    for (let time = 0; time < 10; time++) {
      const { final } = await alice.ask(bob, 'echo 3')
      assert.ok(final.outcome === 'failed')
      assert.equal(final.code, 'rate-limited')
      const retryAfterMs = Number(final.details['retryAfterMs'])
      assert.ok(retryAfterMs > 20_000 && retryAfterMs <= 30_000, `${retryAfterMs} ms`)
    }
    const known = await bob.client.call('asks', {})
    assert.deepEqual(
      known.map(({ state }) => state),
      ['done', 'done'],
    )
  })
})

describe('asks beyond the bytes that a peer may store in a day', () => {
  const make = liveNodes()

  it('are refused before they are stored, end in the middle of an answer, and are again after a restart', async () => {
    const [alice, bob] = [await make('alice'), await make('bob')]
    await alice.pin(bob)
    await bob.pin(alice, { allow: ['ask'], addresses: [], ask: { daily_bytes: 9_000 } })
    await bob.start()
    await alice.start()
    await alice.linkedTo(bob)
    const codes: string[] = []
    const ask = async (length: number): Promise<void> => {
      const { final } = await alice.ask(bob, `echo ${'x'.repeat(length)}`)
      codes.push(final.outcome === 'done' ? 'done' : `${final.code} ${final.details['scope']}`)
    }
    await ask(100)
    // Its text fits, and its answer no longer does.
    await ask(4_000)
    await ask(4_000)
    await bob.stop()
    await bob.start()
    await alice.linkedTo(bob)
    await ask(4_000)
    const full = 'budget-exhausted peer-bytes'
    assert.deepEqual(codes, ['done', full, full, full])
    const known = await bob.client.call('asks', {})
    assert.deepEqual(
      known.map(({ state }) => state),
      ['failed', 'done'],
    )
  })
})
