import assert from 'node:assert/strict'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AskReport } from '../../src/node/control/api.ts'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { LAB_KEY, configureAgent, costsOf, linesOf, modelAt } from '../helpers/live-agent.ts'
import { ModelServer } from '../helpers/model-server.ts'
import type { ModelReply, ModelRequest } from '../helpers/model-server.ts'

const BOBS_MODEL = 'lab/at-bob'
const CAROLS_MODEL = 'lab/at-carol'

/** A model at Bob's does nothing but ask on, and one at Carol's does what `carols` says. */
describe('an ask that causes another', () => {
  const make = liveNodes()
  let server: ModelServer
  let alice: LiveNode
  let bob: LiveNode
  let carol: LiveNode
  /** Whom Bob's model asks, and what Carol's model replies. */
  let asked = 'carol'
  let carols: (request: ModelRequest) => ModelReply

  before(async () => {
    server = await ModelServer.start()
    server.otherwise = (request) =>
      `lab/${request.body.model}` === CAROLS_MODEL ? carols(request) : bobs(request)
    alice = await make('alice')
    bob = await make('bob', { env: { [LAB_KEY]: 'sk-bob' } })
    carol = await make('carol', { env: { [LAB_KEY]: 'sk-carol' } })
    const presets = { careful: { like: 'full' as const, without: ['shell'] } }
    await configureAgent(bob, modelAt(server, { presets }, BOBS_MODEL))
    await appendFile(bob.home.config, 'stop: { drain_seconds: 0.2 }\n')
    await configureAgent(carol, modelAt(server, {}, CAROLS_MODEL))
    // So long that a call of her model costs more than half of a small budget.
    const rules = 'Be kind to plants. '.repeat(420)
    await writeFile(join(carol.home.path, 'AGENT.md'), rules, { mode: 0o600 })
    await alice.pin(bob)
    await bob.pin(alice, { allow: ['ask'], ask: { preset: 'full', depth: 1 } })
    await bob.pin(carol)
    await carol.pin(bob, { allow: ['ask'], ask: { preset: 'read-only', depth: 1 } })
    await carol.pin(alice, { allow: ['ask'] })
    await carol.start()
    await bob.start()
    await alice.start()
    await Promise.all([bob.linkedTo(carol), bob.linkedTo(alice)])
    await writeFile(join(carol.home.workspace, 'plants.md'), 'water them on Monday\n')
  })
  after(() => server.stop())
  beforeEach(() => {
    asked = 'carol'
    carols = () => ({ kind: 'text', text: 'carol says hello' })
  })

  function bobs({ body }: ModelRequest): ModelReply {
    const last = body.messages.at(-1)
    if (last?.role === 'tool') return { kind: 'text', text: `bob heard: ${JSON.stringify(last)}` }
    return {
      kind: 'tools',
      calls: [{ name: 'ask_peer', input: { peer: asked, text: 'and you?' } }],
    }
  }

  /** The newest ask at a node that came from a peer. */
  async function newestAt(node: LiveNode): Promise<AskReport | undefined> {
    const asks = await node.client.call('asks', {})
    return asks.find(({ direction }) => direction === 'in')
  }

  async function changePin(node: LiveNode, edit: (pins: string) => string): Promise<void> {
    const pins = await readFile(node.home.peers, 'utf8')
    const from = node.log.mark
    await writeFile(node.home.peers, edit(pins), { mode: 0o600 })
    await node.logLine(({ msg }) => msg === 'pins in force', from)
  }

  it('N06: shows the third node through whom it came', async () => {
    const { text } = await alice.ask(bob, 'ask carol')
    assert.match(text, /bob heard: .*the peer carol.*carol says hello/)
    const ask = await newestAt(carol)
    assert.deepEqual([ask?.peer, ask?.state], ['bob', 'done'])
    const { chain } = await carol.client.call('showAsk', { ask: ask?.ask ?? '' })
    assert.deepEqual(chain, ['alice', 'bob'])
    const line = (await linesOf(carol, 'agent.log')).at(-1)
    assert.deepEqual(line?.['chain'], [alice.id, bob.id])
  })

  it('N06: is of the owner alone where the owner has asked', async () => {
    const { text } = await bob.ask('self', 'ask carol')
    assert.match(text, /carol says hello/)
    const ask = await newestAt(carol)
    const { chain } = await carol.client.call('showAsk', { ask: ask?.ask ?? '' })
    assert.deepEqual(chain, ['bob'])
  })

  for (const [what, call, result] of [
    ['reads there', { name: 'read_file', input: { path: 'plants.md' } }, /water them on Monday/],
    [
      'writes nothing there',
      { name: 'write_file', input: { path: 'plants.md', text: 'weeds\n' } },
      /denied: write_file is above the preset read-only and full/,
    ],
  ] as const) {
    it(`N06: ${what}, where the grant of the one in the middle is read-only`, async () => {
      carols = ({ body }) =>
        body.messages.at(-1)?.role === 'tool'
          ? { kind: 'text', text: JSON.stringify(body.messages.at(-1)) }
          : { kind: 'tools', calls: [call] }
      const { text } = await alice.ask(bob, 'ask carol')
      assert.match(text, result)
    })
  }

  it('N06: hands on none of a preset that the third node does not know', async () => {
    await changePin(bob, (pins) => pins.replace('preset: full', 'preset: careful'))
    carols = ({ body }) =>
      body.messages.at(-1)?.role === 'tool'
        ? { kind: 'text', text: JSON.stringify(body.messages.at(-1)) }
        : { kind: 'tools', calls: [{ name: 'read_file', input: { path: 'plants.md' } }] }
    const { text } = await alice.ask(bob, 'ask carol')
    await changePin(bob, (pins) => pins.replace('preset: careful', 'preset: full'))
    assert.match(text, /denied: read_file is above the preset read-only and none/)
  })

  it('N06: is not caused where the grant says depth 0, at either node', async () => {
    const before = (await carol.client.call('asks', {})).length
    await changePin(bob, (pins) => pins.replace('depth: 1', 'depth: 0'))
    const here = await alice.ask(bob, 'ask carol')
    await changePin(bob, (pins) => pins.replace('depth: 0', 'depth: 1'))
    assert.match(here.text, /denied: asks of alice may cause none of ours to others \(depth 0\)/)
    await changePin(carol, (pins) => pins.replace('depth: 1', 'depth: 0'))
    const there = await alice.ask(bob, 'ask carol')
    await changePin(carol, (pins) => pins.replace('depth: 0', 'depth: 1'))
    assert.match(there.text, /no answer, or not all of it: denied/)
    assert.equal((await carol.client.call('asks', {})).length, before)
  })

  it('N06: does not go back to where it came from', async () => {
    asked = 'alice'
    const { text } = await alice.ask(bob, 'ask me')
    assert.match(text, /failed: the ask has come through alice/)
    assert.equal(await newestAt(alice), undefined)
  })

  it('N05: costs the third node no more than half of what is left, and both no more than all', async () => {
    const budget = { microUsd: 40_000 }
    const before = await Promise.all([costsOf(bob), costsOf(carol)])
    const { final } = await alice.ask(bob, 'ask carol', { budget })
    assert.equal(final.outcome, 'done')
    const after = await Promise.all([costsOf(bob), costsOf(carol)])
    const [atBob = [], atCarol = []] = after.map(({ records }, nth) =>
      records.slice(before[nth]?.records.length),
    )
    const share = atBob.find(({ model }) => model === 'peer/carol')?.microUsd ?? 0
    const spent = atCarol.reduce((sum, { microUsd = 0 }) => sum + microUsd, 0)
    const all = atBob.reduce((sum, { microUsd = 0 }) => sum + microUsd, 0)
    assert.ok(0 < spent && spent <= share && share <= budget.microUsd / 2, `${spent} of ${share}`)
    assert.ok(all <= budget.microUsd, `${all}`)
  })

  it('N05: is refused by the third node where too little is left for it', async () => {
    const { text } = await alice.ask(bob, 'ask carol', { budget: { microUsd: 20_000 } })
    const final = (await newestAt(carol))?.final
    assert.ok(final?.outcome === 'failed' && final.code === 'budget-exhausted', text)
    assert.equal(final.details['scope'], 'ask')
  })

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`ends at the third node when the second is ended by ${signal} in its midst`, async () => {
      carols = () => ({ kind: 'stall', text: 'well' })
      const from = server.requests.length
      const ask = await alice.submit(bob, 'ask carol')
      const { abandoned } = await server.request(from + 1)
      await bob.end(signal)
      await bob.start()
      await abandoned
      const { final } = await alice.answer(ask)
      assert.ok(final.outcome === 'failed' && final.code === 'interrupted')
      await eventually(async () => {
        assert.equal((await newestAt(carol))?.state, 'cancelled')
      })
    })
  }

  it('F16: is cancelled with the one that caused it, up to the provider, within a second', async () => {
    carols = () => ({ kind: 'stall', text: 'well' })
    const from = server.requests.length
    const ask = await alice.submit(bob, 'ask carol')
    const answer = alice.answer(ask)
    const { abandoned } = await server.request(from + 1)
    const cancelledAt = performance.now()
    await alice.client.call('cancelAsk', { ask })
    const tookMs = (await abandoned) - cancelledAt
    assert.ok(tookMs < 1_000, `${tookMs} ms`)
    const { final } = await answer
    assert.ok(final.outcome === 'failed' && final.code === 'cancelled')
    await eventually(async () => {
      assert.equal((await newestAt(carol))?.state, 'cancelled')
    })
  })
})
