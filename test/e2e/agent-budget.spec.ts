import assert from 'node:assert/strict'
import type { BudgetReport } from '../../src/node/control/routes/budget.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { Answer, LiveNode } from '../helpers/live-node.ts'
import { LAB_KEY, configureAgent, costsOf, modelAt } from '../helpers/live-agent.ts'
import { ModelServer } from '../helpers/model-server.ts'

/** Of each peer, for a day, in millionths of a dollar. */
const CAP_MICRO_USD = 20_000

/** What the provider says that one answer takes: 777 millionths, which no cap is a multiple of. */
const USAGE = { input: 701, output: 38 }
const COST_MICRO_USD = USAGE.input + 2 * USAGE.output

const DAY_MS = 86_400_000

describe('the budgets of peers', () => {
  const make = liveNodes()
  let server: ModelServer
  let bob: LiveNode

  before(async () => {
    server = await ModelServer.start()
    server.otherwise = () => ({ kind: 'text', text: 'yes', usage: USAGE })
    bob = await make('bob', { env: { [LAB_KEY]: 'sk-lab' } })
    await configureAgent(bob, modelAt(server, { parallel: 8, queue: 128 }))
    await bob.start()
  })
  after(() => server.stop())

  /** A peer of bob's with a cap of its own, linked. */
  async function asker(name: string, capMicroUsd = CAP_MICRO_USD): Promise<LiveNode> {
    const peer = await make(name)
    await peer.pin(bob)
    const limits = {
      per_minute: 1_000,
      parallel: 8,
      queue: 128,
      daily_usd: capMicroUsd / 1_000_000,
    }
    await bob.pin(peer, { allow: ['ask'], ask: { preset: 'none', ...limits } })
    await peer.start()
    await peer.linkedTo(bob)
    return peer
  }

  async function budgetOf(peer: LiveNode): Promise<BudgetReport['scopes'][number]> {
    const [scope] = (await bob.client.call('budget', { peer: peer.name })).scopes
    assert.ok(scope !== undefined)
    return scope
  }

  async function recordedFor(peer: LiveNode): Promise<number[]> {
    const { records, sum } = await costsOf(bob)
    assert.ok(sum.complete)
    return records
      .filter((record) => record.asker === peer.name)
      .map(({ microUsd = 0 }) => microUsd)
  }

  function codesOf(answers: readonly Answer[]): Map<string, number> {
    const codes = answers.map(({ final }) => (final.outcome === 'done' ? 'done' : final.code))
    return new Map([...Map.groupBy(codes, (code) => code)].map(([code, all]) => [code, all.length]))
  }

  /** Asks until there is no more: the details of the refusal. */
  async function askUntilRefused(peer: LiveNode): Promise<Record<string, unknown>> {
    for (let asks = 0; asks < CAP_MICRO_USD / COST_MICRO_USD; asks++) {
      const { final } = await peer.ask(bob, 'once more')
      if (final.outcome === 'done') continue
      assert.equal(final.code, 'budget-exhausted')
      return final.details
    }
    assert.fail('it is never refused')
  }

  function assertTomorrow(resetAt: unknown): void {
    const leftMs = Number(resetAt) - Date.now()
    assert.ok(leftMs > 0 && leftMs <= DAY_MS + 3_600_000, `in ${leftMs} ms`)
  }

  it('N05: are not passed by a millionth of a dollar, by 100 asks at once', async () => {
    const alice = await asker('alice')
    const asks = await Promise.all(Array.from({ length: 100 }, () => alice.submit(bob, 'may I?')))
    const codes = codesOf(await Promise.all(asks.map((ask) => alice.answer(ask))))
    const costs = await recordedFor(alice)
    const sum = costs.reduce((all, cost) => all + cost, 0)
    assert.ok(sum <= CAP_MICRO_USD, `${sum}`)
    assert.ok(costs.every((cost) => cost === COST_MICRO_USD))
    const done = codes.get('done') ?? 0
    assert.deepEqual([codes.size, done + (codes.get('budget-exhausted') ?? 0)], [2, 100])
    assert.equal(costs.length, done)

    const { resetAt, scope } = await askUntilRefused(alice)
    assert.equal(scope, 'peer-day')
    assertTomorrow(resetAt)
    const { reserved, spent } = await budgetOf(alice)
    const after = (await recordedFor(alice)).reduce((all, cost) => all + cost, 0)
    assert.deepEqual([spent.microUsd, reserved.microUsd], [after, 0])
    assert.ok(after <= CAP_MICRO_USD)
  })

  it('N05: are not passed when the node is killed among 100 asks and starts again', async () => {
    const dora = await asker('dora')
    const from = server.requests.length
    for (let nth = 0; nth < 7; nth++) server.reply({ kind: 'text', text: 'yes', usage: USAGE })
    // What comes after these is still under way when the node dies.
    server.otherwise = () => ({ kind: 'stall' })
    const asks = await Promise.all(Array.from({ length: 100 }, () => dora.submit(bob, 'may I?')))
    const answers = Promise.all(asks.map((ask) => dora.answer(ask)))
    await server.request(from + 8)
    await bob.kill()
    server.otherwise = () => ({ kind: 'text', text: 'yes', usage: USAGE })
    await bob.start()
    const { reserved, spent } = await budgetOf(dora)
    assert.ok(spent.microUsd + reserved.microUsd <= CAP_MICRO_USD)

    const codes = codesOf(await answers)
    assert.deepEqual(
      [...codes.keys()].filter((code) => !['done', 'budget-exhausted'].includes(code)),
      ['interrupted'],
    )
    const { resetAt, scope } = await askUntilRefused(dora)
    assert.equal(scope, 'peer-day')
    assertTomorrow(resetAt)
    const costs = await recordedFor(dora)
    // What was reserved when it died counts whole: nobody knows what it has cost.
    assert.ok(costs.some((cost) => cost > COST_MICRO_USD))
    const sum = costs.reduce((all, cost) => all + cost, 0)
    assert.equal((await budgetOf(dora)).spent.microUsd, sum)
    assert.ok(sum <= CAP_MICRO_USD, `${sum}`)
  })

  describe('of what was spent before the node was killed', () => {
    // Room for what a call may cost at most, not for what two of them do.
    const job = { name: 'nightly', cap: { microUsd: 100_000 } }
    let carol: LiveNode

    before(async () => {
      carol = await asker('carol', 100_000)
      await costing(60_000)
      server.reply({ kind: 'text', text: 'yes', usage: { input: 96_000, output: 0 } })
      assert.equal((await bob.ask('self', 'go on', { job })).final.outcome, 'done')

      await bob.kill()
      await bob.start()
    })

    async function costing(microUsd: number): Promise<void> {
      server.reply({ kind: 'text', text: 'yes', usage: { input: microUsd, output: 0 } })
      assert.equal((await carol.ask(bob, 'go on', { wait: true })).final.outcome, 'done')
    }

    it('F10, F11: hold over a kill, and tell of 80, 95 and 100 percent once each, in order', async () => {
      const told = async (): Promise<string[]> =>
        (await bob.client.call('alerts', {}))
          .filter(({ kind, peer }) => kind === 'budget' && peer === carol.name)
          .map(({ count, what }) => `${count} ${/\d+ %|all/.exec(what)?.[0] ?? ''}`)

      assert.equal((await budgetOf(carol)).spent.microUsd, 60_000)
      assert.deepEqual(await told(), [])
      await costing(20_000)
      assert.deepEqual(await told(), ['1 80 %'])
      await costing(14_999)
      assert.deepEqual(await told(), ['1 80 %'])
      // One that takes more than was reserved for it: nobody can keep a provider from that.
      await costing(5_001)
      assert.deepEqual(await told(), ['1 80 %', '1 95 %', '1 all'])
      const { final } = await carol.ask(bob, 'once more')
      assert.ok(final.outcome === 'failed' && final.code === 'budget-exhausted')
      assert.equal(final.details['scope'], 'peer-day')
      assert.deepEqual(await told(), ['1 80 %', '1 95 %', '1 all'])
      assert.equal((await budgetOf(carol)).spent.microUsd, 100_000)
    })

    it('count the asks of a job of the owner together, over a kill, beside all that is of no job', async () => {
      const { final } = await bob.ask('self', 'once more', { job })
      assert.ok(final.outcome === 'failed')
      assert.deepEqual([final.code, final.details['scope']], ['budget-exhausted', 'job'])
      assertTomorrow(final.details['resetAt'])
      assert.equal((await bob.ask('self', 'of no job')).final.outcome, 'done')

      const { scopes } = await bob.client.call('budget', { peer: 'self' })
      const [shown] = scopes.filter(({ scope }) => scope === 'job')
      assert.deepEqual([shown?.who, shown?.cap, shown?.spent.microUsd], [job.name, job.cap, 96_000])
      const { records } = await costsOf(bob)
      assert.deepEqual(
        records.filter(({ asker }) => asker === 'self').map((record) => record.job),
        [job.name, undefined],
      )
      const alerts = await bob.client.call('alerts', {})
      assert.ok(
        alerts.some(({ what }) => what.startsWith('the budget of job nightly for a day: 95')),
      )
    })
  })
})
