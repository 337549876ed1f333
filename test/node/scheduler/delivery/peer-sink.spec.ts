import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { AskDesk } from '../../../../src/node/asks/ask-desk.ts'
import { afterTry } from '../../../../src/node/scheduler/delivery/delivery.ts'
import type { Delivery, TryEnd } from '../../../../src/node/scheduler/delivery/delivery.ts'
import { DeliveryStore } from '../../../../src/node/scheduler/delivery/delivery-store.ts'
import { deliverToPeer } from '../../../../src/node/scheduler/delivery/peer-sink.ts'
import { WireFailure } from '../../../../src/node/answer.ts'
import { ASK_RETENTION_MS, MAX_ASK_TEXT_BYTES } from '../../../../src/protocol/limits.ts'
import { idOf } from '../../../helpers/ask-calls.ts'
import { askPairs, BERT, LOST } from '../../../helpers/ask-pair.ts'
import { jobOf } from '../../../helpers/job-home.ts'
import { deliveryOf, doneRun } from '../../../helpers/results.ts'

const never = new AbortController().signal
const job = jobOf('digest', { deliver: [{ peer: 'bert' }] })

describe('delivery to a peer', () => {
  const pairs = askPairs()
  let store: DeliveryStore
  let run: string
  /** Ids of the asks that the peer has begun, in order. */
  let begun: string[]

  beforeEach(async () => {
    const { home } = pairs()
    begun = []
    await reopen()
    const ended = doneRun('digest', home.clock.now())
    run = ended.run
    await home.database.write(store.add([deliveryOf(job, ended)]), { durable: false })
    await store.take(run)
  })

  async function reopen(): Promise<void> {
    store = await DeliveryStore.open(pairs().home.database)
    answer()
  }

  /** Has the peer answer each ask that it has not begun before. */
  function answer(): void {
    pairs().peer.serve.set('ask', (body, say) => {
      const { ask } = body as { ask: string }
      begun.push(ask)
      say(1, { kind: 'text', text: 'thank you' })
      return { ask, engine: 'stub', lastSeq: 1 }
    })
  }

  async function row(): Promise<Delivery> {
    const [delivery] = await store.ofRun(run)
    assert.ok(delivery !== undefined)
    return delivery
  }

  async function deliver(text = 'Zwei Briefe.', signal = never, peer = 'bert'): Promise<TryEnd> {
    const { asker, home } = pairs()
    const { clock } = home
    const pins = {
      byName: (name: string) => (name === 'bert' ? BERT : undefined),
      byId: () => BERT,
    }
    const answerer = {} as never
    const desk = new AskDesk(
      { store: home.store, answerer, asker, pins, clock, randomBytes },
      { ownId: idOf('node') },
    )
    const components = { desk, deliveries: store, clock, randomBytes }
    const end = await deliverToPeer(components, await row(), peer, text, signal)
    await store.change(run, (delivery) =>
      afterTry(delivery, end, { now: clock.now(), random: 0.5 }),
    )
    return end
  }

  it('is an ask without tools, whose id is on disk before it is made', async () => {
    let known: string | undefined
    pairs().peer.serve.set('ask', async (body, say) => {
      const { ask, preset, text } = body as { ask: string; preset: string; text: string }
      known = (await row()).ask
      assert.equal(known, ask)
      assert.deepEqual([preset, text], ['none', 'Zwei Briefe.'])
      say(1, { kind: 'text', text: 'thank you' })
      return { ask, engine: 'stub', lastSeq: 1 }
    })
    assert.deepEqual(await deliver(), { kind: 'done' })
    assert.ok(known !== undefined)
    assert.equal((await row()).state, 'done')
  })

  it('is tried again by another ask where the first has not begun', async () => {
    pairs().peer.reachable = false
    const end = await deliver()
    assert.deepEqual(
      [end.kind === 'failed' && end.code, (await row()).state],
      ['unreachable', 'waiting'],
    )
    pairs().peer.reachable = true
    assert.deepEqual(await deliver(), { kind: 'done' })
    assert.equal(begun.length, 1)
  })

  for (const code of ['internal', 'denied', 'interrupted'] as const) {
    it(`is not asked a second time when the first ask has ended with ${code}`, async () => {
      pairs().peer.serve.set('ask', () => {
        throw new WireFailure(code, {})
      })
      const end = await deliver()
      assert.ok(end.kind === 'failed')
      assert.deepEqual([end.code, end.again], [code, false])
      assert.equal((await row()).state, 'dead')
    })
  }

  it('goes on with the ask of before after a crash: the peer has it once', async () => {
    const stop = new AbortController()
    const reached = Promise.withResolvers<undefined>()
    pairs().peer.serve.set('ask', async (body) => {
      begun.push((body as { ask: string }).ask)
      reached.resolve(undefined)
      return await new Promise<never>(() => undefined)
    })
    const cut = deliver('Zwei Briefe.', stop.signal)
    await reached.promise
    stop.abort(LOST)
    await assert.rejects(cut)
    const { ask } = await row()
    assert.deepEqual(begun, [ask])
    await pairs().restart()
    await reopen()
    pairs().peer.serve.set('ask.attach', (body, say) => {
      say(1, { kind: 'text', text: 'thank you' })
      return { ask: (body as { ask: string }).ask, engine: 'stub', lastSeq: 1 }
    })
    await pairs().asker.start()
    assert.deepEqual(await deliver(), { kind: 'done' })
    assert.deepEqual(new Set(begun), new Set([ask]))
  })

  for (const [when, laterMs, asks] of [
    ['forgotten', ASK_RETENTION_MS, 1],
    ['never made', 0, 2],
  ] as const) {
    it(`is ${asks === 1 ? 'not asked again' : 'asked'} where its ask was ${when}`, async () => {
      const { home } = pairs()
      assert.deepEqual(await deliver(), { kind: 'done' })
      const [ask = ''] = begun
      // A crash after the answer, before the end of the try was written.
      await store.change(run, (delivery) => ({ ...delivery, state: 'waiting', nextAt: 0, ask }))
      home.clock.advance(laterMs)
      await home.store.prune(home.clock.now() + 1)
      const end = await deliver()
      assert.equal(begun.length, asks)
      if (asks === 1) assert.deepEqual([end.kind, (await row()).state], ['failed', 'dead'])
      else assert.deepEqual(end, { kind: 'done' })
    })
  }

  it('is dead without a peer of that name', async () => {
    const end = await deliver('Zwei Briefe.', never, 'carol')
    assert.deepEqual(
      [end.kind === 'failed' && end.code, (await row()).state],
      ['unknown-peer', 'dead'],
    )
  })

  it('is dead of a result that no ask holds', async () => {
    const end = await deliver('x'.repeat(MAX_ASK_TEXT_BYTES + 1))
    assert.deepEqual(end, {
      ...{ kind: 'failed', code: 'too-large', again: false },
      why: `an ask has at most ${MAX_ASK_TEXT_BYTES} bytes`,
    })
    assert.deepEqual(begun, [])
  })
})
