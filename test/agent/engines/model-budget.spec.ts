import assert from 'node:assert/strict'
import { KithError } from '../../../src/protocol/errors.ts'
import type { EngineEvent, SpendLimit, Usage } from '../../../src/agent/ports.ts'
import { ModelServer } from '../../helpers/model-server.ts'
import { askOf, endOf, eventsOf } from '../asks.ts'
import { modelHome } from './model-home.ts'

const MODEL = 'local/test-model'
const PRICES = { [MODEL]: { inputMicroUsd: 2_000_000, outputMicroUsd: 10_000_000 } }

describe('what the model engine spends', () => {
  const home = modelHome(() => ModelServer.start())

  it('is reserved before, by the bytes of the request, and settled by what the provider says', async () => {
    home().server.reply({ kind: 'text', text: 'here', usage: { input: 100, output: 7 } })
    await eventsOf(
      home().engine({ prices: PRICES, limits: { maxOutputTokens: 50 } }),
      askOf('hello'),
    )
    const [most] = home().budget.reserved
    assert.ok(most !== undefined)
    const sent = home().server.requests[0]?.body.messages ?? []
    const bytes = Buffer.byteLength(sent.map(({ content }) => String(content)).join(''))
    assert.ok(most.inputTokens > bytes, `${most.inputTokens} tokens for ${bytes} bytes`)
    assert.equal(most.outputTokens, 50)
    assert.equal(most.microUsd, most.inputTokens * 2 + 500)
    assert.deepEqual(home().budget.settled, [
      { model: MODEL, inputTokens: 100, outputTokens: 7, microUsd: 270, estimated: false },
    ])
  })

  it('has no price where none is known', async () => {
    await eventsOf(home().engine(), askOf('hello'))
    assert.equal(home().budget.reserved[0]?.microUsd, undefined)
    assert.deepEqual(home().budget.settled, [
      { model: MODEL, inputTokens: 20, outputTokens: 5, microUsd: undefined, estimated: false },
    ])
  })

  it('is reserved for each call of the model', async () => {
    home().server.reply({ kind: 'tools', calls: [{ name: 'add', input: { a: 1, b: 1 } }] })
    await eventsOf(home().engine(), askOf('hello', { presets: ['read-only'] }))
    assert.equal(home().budget.reserved.length, 2)
    assert.equal(home().budget.settled.length, 2)
    const [first, second] = home().budget.reserved
    assert.ok((second?.inputTokens ?? 0) > (first?.inputTokens ?? 0))
  })

  it('is estimated when the provider does not say', async () => {
    home().server.reply({ kind: 'text', text: 'twelve bytes', usage: null })
    await eventsOf(home().engine({ prices: PRICES }), askOf('hello'))
    const inputTokens = home().budget.reserved[0]?.inputTokens ?? 0
    const microUsd = inputTokens * 2 + 120
    assert.deepEqual(home().budget.settled, [
      { model: MODEL, inputTokens, outputTokens: 12, microUsd, estimated: true },
    ])
  })

  it('is nothing for a call that the provider refused', async () => {
    home().server.reply({ kind: 'status', status: 401 })
    await eventsOf(home().engine({ prices: PRICES }), askOf('hello'))
    assert.deepEqual(home().budget.settled, [
      { model: MODEL, inputTokens: 0, outputTokens: 0, microUsd: 0, estimated: false },
    ])
  })

  it('is refused before any request has left', async () => {
    home().budget.refuses = true
    const events = await eventsOf(home().engine(), askOf('hello'))
    assert.deepEqual(endOf(events), {
      code: 'budget-exhausted',
      details: { scope: 'day', resetAt: home().clock.now() },
    })
    assert.equal(home().server.requests.length, 0)
    assert.equal(home().budget.settled.length, 0)
    assert.deepEqual(home().breakers.told, ['provider local withdrawn'])
  })

  describe('is as much as is left: the answer may be shorter', () => {
    const limits = { maxOutputTokens: 4_096 }

    async function reservedWith(remaining: SpendLimit): Promise<Usage> {
      home().budget.remaining = remaining
      await eventsOf(home().engine({ prices: PRICES, limits }), askOf('hello'))
      const most = home().budget.reserved.at(-1)
      assert.ok(most !== undefined)
      assert.equal(home().server.requests.at(-1)?.body.max_tokens, most.outputTokens)
      return most
    }

    it('where tokens are short', async () => {
      const { inputTokens, outputTokens } = await reservedWith({ tokens: 3_000 })
      assert.equal(inputTokens + outputTokens, 3_000)
    })

    it('where money is short', async () => {
      const { microUsd, outputTokens } = await reservedWith({ microUsd: 9_995 })
      assert.ok(microUsd !== undefined && microUsd <= 9_995 && microUsd > 9_995 - 10)
      assert.ok(outputTokens < 4_096)
    })

    it('down to an answer worth having, and no further', async () => {
      const { inputTokens } = await reservedWith({})
      assert.equal((await reservedWith({ tokens: inputTokens + 256 })).outputTokens, 256)
      assert.equal((await reservedWith({ tokens: inputTokens + 255 })).outputTokens, 4_096)
    })

    it('and whole where enough is', async () => {
      const { inputTokens, microUsd } = await reservedWith({})
      const enough = {
        tokens: inputTokens + 4_096,
        ...(microUsd === undefined ? {} : { microUsd }),
      }
      assert.equal((await reservedWith(enough)).outputTokens, 4_096)
    })
  })

  it('ends the answer when the budget is used up meanwhile', async () => {
    home().server.reply({ kind: 'stall', text: 'so far' })
    const events: EngineEvent[] = []
    const resetAt = home().clock.now()
    for await (const event of home().engine().run(askOf('hello'), new AbortController().signal)) {
      events.push(event)
      const details = { scope: 'ask', resetAt }
      home().budget.exhausted.abort(new KithError('budget-exhausted', 'used up', details))
    }
    await (
      await home().server.request(0)
    ).abandoned
    assert.deepEqual(endOf(events), {
      code: 'budget-exhausted',
      details: { scope: 'ask', resetAt },
    })
    assert.equal(home().budget.settled.length, 1)
    assert.deepEqual(home().breakers.told, ['provider local withdrawn'])
  })
})
