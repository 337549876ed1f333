import assert from 'node:assert/strict'
import { LAB_KEY, MODEL, configureAgent, modelAt } from '../helpers/live-agent.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { ModelServer } from '../helpers/model-server.ts'
import { kith } from '../helpers/run-kith.ts'

describe('a breaker of a node', function () {
  this.timeout(120_000)
  const make = liveNodes()
  let server: ModelServer
  let alice: LiveNode
  let bob: LiveNode

  before(async () => {
    server = await ModelServer.start()
    alice = await make('alice', { env: { [LAB_KEY]: 'sk-lab' } })
    bob = await make('bob')
    await configureAgent(alice, modelAt(server))
    await alice.pin(bob)
    await bob.pin(alice, { allow: ['ping', 'ask'], addresses: [] })
    await alice.start()
  })
  after(() => server.stop())

  it('is shown with what closes it when it holds an ask, and an ask goes through once its peer is here', async () => {
    const codes: number[] = []
    for (let nth = 0; nth < 5; nth++) codes.push((await kith(alice, 'ask', 'bob', 'hi')).code)
    assert.deepEqual(codes, [3, 3, 3, 3, 3])
    const { code, err } = await kith(alice, 'ask', 'bob', 'hi')
    assert.equal(code, 75)
    assert.match(err, /bob has failed too often, and is left alone for a while \(breaker-open/u)
    assert.match(err, /kith breaker reset 'peer bob'/u)
    assert.match((await kith(alice, 'breaker', 'list')).out, /peer bob +open/u)
    const from = alice.log.mark
    await bob.start()
    assert.equal((await kith(alice, 'ping', 'bob')).code, 0)
    await alice.linkedTo(bob, from)
    for (let nth = 0; nth < 2; nth++) {
      assert.equal((await kith(alice, 'ask', 'bob', 'count 3')).code, 0)
    }
    assert.match((await kith(alice, 'breaker', 'list')).out, /peer bob +closed/u)
  })

  it('hears of a test of a model, which is in the ledger and says what is wrong', async () => {
    const good = await kith(alice, 'models', 'test')
    assert.match(good.out, new RegExp(`${MODEL} +ok after .*, price`, 'u'))
    assert.equal(good.code, 0)
    server.reply({ kind: 'status', status: 401, message: 'who are you?' })
    const bad = await kith(alice, 'models', 'test')
    assert.equal(bad.code, 1)
    assert.match(bad.out, /failed after [^]*who are you\?[^]*look at the key of the provider/u)
    assert.match((await kith(alice, 'breaker', 'list')).out, /provider lab +closed/u)
    assert.match((await kith(alice, 'budget', 'export')).out, new RegExp(MODEL, 'u'))
  })
})
