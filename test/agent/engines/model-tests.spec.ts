import assert from 'node:assert/strict'
import { ModelTests } from '../../../src/agent/engines/model/model-tests.ts'
import { modelHandlers } from '../../../src/node/control/handlers/models.ts'
import { Secret } from '../../../src/agent/secret.ts'
import { KEY, RecordedBreakers, RecordedBudget } from './model-home.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { ModelServer } from '../../helpers/model-server.ts'

const SMALL = 'local/small'
const LARGE = 'local/large'

describe('tests of the models', () => {
  let server: ModelServer
  let budget: RecordedBudget
  let breakers: RecordedBreakers
  let clock: ManualClock
  let tests: ModelTests
  const { signal } = new AbortController()

  beforeEach(async () => {
    server = await ModelServer.start()
    budget = new RecordedBudget()
    breakers = new RecordedBreakers()
    clock = new ManualClock()
    tests = new ModelTests(
      { budget, breakers, clock, incidentId: () => 'abc', ownId: 'kith1own' },
      {
        models: [LARGE, SMALL],
        providers: {
          local: { kind: 'openai-compatible', baseUrl: server.url, apiKey: new Secret(KEY) },
        },
        prices: { [SMALL]: { inputMicroUsd: 1_000_000, outputMicroUsd: 1_000_000 } },
      },
      { firstPartMs: 1_000, idleMs: 1_000 },
    )
  })
  afterEach(() => server.stop())

  it('list them by preference, and say whose price is known', async () => {
    assert.deepEqual(await tests.list(), [
      { model: LARGE, priced: false },
      { model: SMALL, priced: true },
    ])
    assert.equal(server.requests.length, 0)
  })

  it('call one once, with little to say and no tools, and say how long it took', async () => {
    server.reply({ kind: 'text', text: 'ok' })
    assert.deepEqual(await tests.test(SMALL, signal), { ok: true, ms: 0 })
    const [request] = server.requests
    assert.equal(request?.body.model, 'small')
    assert.equal(request.body.tools, undefined)
    assert.ok((request.body.max_tokens ?? Infinity) <= 256)
    assert.equal(server.requests.length, 1)
  })

  it('are in the ledger, and heard of by the breaker, as a call for an ask', async () => {
    server.reply({ kind: 'text', text: 'ok', usage: { input: 30, output: 1 } })
    await tests.test(SMALL, signal)
    assert.deepEqual(budget.settled, [
      { model: SMALL, inputTokens: 30, outputTokens: 1, microUsd: 31, estimated: false },
    ])
    assert.deepEqual(breakers.told, ['provider local succeeded'])
  })

  it('say what is wrong, without the key, and do not try again', async () => {
    server.reply({ kind: 'status', status: 401, message: `no such key: ${KEY}` })
    const { fault, ok } = await tests.test(LARGE, signal)
    assert.equal(ok, false)
    assert.equal(fault?.kind, 'refused')
    assert.equal(fault.status, 401)
    assert.ok(!fault.message.includes(KEY))
    assert.equal(server.requests.length, 1)
  })

  it('give up a model that says nothing', async () => {
    server.reply({ kind: 'stall' })
    const testing = tests.test(SMALL, signal)
    await server.request(0)
    clock.advance(1_000)
    assert.equal((await testing).fault?.kind, 'silent')
    assert.deepEqual(breakers.told, ['provider local failed'])
  })

  it('end when nobody waits for them, and say nothing of the provider', async () => {
    server.reply({ kind: 'stall' })
    const abort = new AbortController()
    const testing = tests.test(SMALL, abort.signal)
    const { abandoned } = await server.request(0)
    abort.abort(new Error('gone'))
    await assert.rejects(testing, /gone/)
    await abandoned
    assert.deepEqual(breakers.told, ['provider local withdrawn'])
  })

  for (const [what, refuse] of [
    ['the budget', () => (budget.refuses = true)],
    ['a breaker', () => breakers.open.add('provider local')],
  ] as const) {
    it(`that ${what} refuses are told as such, and reach nobody`, async () => {
      refuse()
      const handlers = modelHandlers({ agent: { name: 'model', models: tests } })
      const report = await handlers.testModel({ model: SMALL }, signal)
      assert.equal(report.ok, false)
      assert.equal(report.priced, true)
      assert.notEqual(report.cause, undefined)
      assert.equal(server.requests.length, 0)
    })
  }
})
