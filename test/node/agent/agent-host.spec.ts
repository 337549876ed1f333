import assert from 'node:assert/strict'
import { systemClock } from '../../../src/node/clock.ts'
import type { Clock } from '../../../src/node/clock.ts'
import type { KithNode } from '../../../src/node/node.ts'
import { codeOf, readAnswer } from '../../helpers/ask-home.ts'
import type { ReadAnswer } from '../../helpers/ask-home.ts'
import { eventually } from '../../helpers/eventually.ts'
import { freePort } from '../../helpers/free-port.ts'
import { MODEL, modelAt } from '../../helpers/live-agent.ts'
import type { AgentSettings } from '../../helpers/live-agent.ts'
import { ModelServer } from '../../helpers/model-server.ts'
import { openNodes } from '../../helpers/open-node.ts'

const HOUR_MS = 3_600_000
const CALLERS = 50

/** The clock of this machine, which a test can put forward. */
class AdvancedClock implements Clock {
  aheadMs = 0

  now(): number {
    return systemClock.now() + this.aheadMs
  }

  every(ms: number, run: () => void): () => void {
    return systemClock.every(ms, run)
  }

  after(ms: number, run: () => void): () => void {
    return systemClock.after(ms, run)
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    await systemClock.sleep(ms, signal)
  }
}

describe('the agent of a node', () => {
  const nodes = openNodes()
  const clock = new AdvancedClock()
  let server: ModelServer
  let node: KithNode

  beforeEach(async () => {
    clock.aheadMs = 0
    server = await ModelServer.start(await freePort())
  })
  afterEach(() => server.stop())

  /** Starts a node whose model is at the server. */
  async function open(changes: AgentSettings = {}): Promise<void> {
    const lab = { name: 'lab', kind: 'openai-compatible', url: server.url }
    node = await nodes().open('node', {
      flags: { agent: { ...modelAt(server, changes), providers: [lab] } },
      around: (same) => ({ ...same, clock }),
    })
    await node.start()
  }

  async function ask(text: string): Promise<ReadAnswer> {
    return await readAnswer(await node.desk.ask({ peer: 'self', text }))
  }

  async function askAtOnce(count: number): Promise<string[]> {
    const answers = await Promise.all(Array.from({ length: count }, () => ask('hello')))
    return answers.map(({ final }) => codeOf(final))
  }

  it('F14: lets one of 50 callers through to a provider that was dead, and the rest when it lives', async () => {
    await open({ parallel: CALLERS })
    const port = Number(new URL(server.url).port)
    await server.stop()
    const dead = await askAtOnce(CALLERS)
    assert.deepEqual([...new Set(dead)].sort(), ['breaker-open'])
    const [breaker] = node.agent.breakers.list()
    assert.deepEqual([breaker?.name, breaker?.state], ['provider lab', 'open'])

    server = await ModelServer.start(port)
    assert.deepEqual(await askAtOnce(CALLERS), Array(CALLERS).fill('breaker-open'))
    assert.equal(server.requests.length, 0)

    // An hour without a call closes nothing.
    clock.aheadMs += HOUR_MS
    assert.equal(node.agent.breakers.list()[0]?.state, 'open')
    const alive = Promise.withResolvers<undefined>()
    server.reply({ kind: 'text', text: 'I live', when: alive.promise })
    const probing = Array.from({ length: CALLERS }, () => ask('hello'))
    const refused = await Promise.race(probing)
    assert.equal(codeOf(refused.final), 'breaker-open')
    await server.request(0)
    await eventually(() => {
      assert.equal(node.answerer.counts.running, 1)
    })
    assert.equal(server.requests.length, 1)
    alive.resolve(undefined)
    const codes = (await Promise.all(probing)).map(({ final }) => codeOf(final))
    assert.deepEqual(
      [...Map.groupBy(codes, (code) => code)].map(([code, all]) => [code, all.length]).sort(),
      [
        ['breaker-open', CALLERS - 1],
        ['done', 1],
      ],
    )
    assert.equal(codeOf((await ask('once more')).final), 'done')
    assert.equal(node.agent.breakers.list()[0]?.state, 'closed')
    assert.deepEqual(await askAtOnce(CALLERS), Array(CALLERS).fill('done'))
  })

  it('F16, F66: has nothing left of 1,000 asks that were cancelled in mid-answer', async function () {
    this.timeout(120_000)
    await open({ parallel: 20 })
    server.otherwise = () => ({ kind: 'stall', text: 'well' })
    const slowest: number[] = []
    const round = async (): Promise<void> => {
      const from = server.requests.length
      const handles = await Promise.all(
        Array.from({ length: 20 }, () => node.desk.ask({ peer: 'self', text: 'hello' })),
      )
      const requests = await Promise.all(handles.map((_, nth) => server.request(from + nth)))
      const cancelledAt = performance.now()
      await Promise.all(handles.map(({ record }) => node.desk.cancel(record.ask)))
      const gone = await Promise.all(requests.map(({ abandoned }) => abandoned))
      slowest.push(Math.max(...gone) - cancelledAt)
      assert.deepEqual(node.answerer.counts, { running: 0, queued: 0 })
    }
    await round()
    const before = handles()
    for (let rounds = 0; rounds < 50; rounds++) await round()
    assert.ok(Math.max(...slowest) < 1_000, `${Math.max(...slowest)} ms`)
    await eventually(() => {
      for (const [kind, count] of handles()) assert.ok(count <= (before.get(kind) ?? 0), kind)
    })
    const { node: used } = await node.agent.spending.today()
    assert.deepEqual([used.calls, used.reserved], [51 * 20, { microUsd: 0, tokens: 0 }])
  })

  it('counts what nobody has told the price of as unknown, and refuses it under a cap in money', async () => {
    await open({ prices: [] })
    assert.equal(codeOf((await ask('hello')).final), 'done')
    const { models } = await node.agent.spending.today()
    assert.deepEqual(models.get(MODEL)?.unpriced, 1)
    await nodes().stop(node)
    await open({ prices: [], budget: { daily_usd: 1 } })
    const { final } = await ask('hello')
    assert.equal(codeOf(final), 'budget-exhausted')
  })

  it('keeps nothing to go on with of an ask that has ended', async () => {
    await open()
    const { approvals } = node.agent
    approvals.onOpen(() => {
      const [{ id } = { id: '' }] = approvals.pending()
      void approvals.answer(id, 'once', { name: 'self', id: node.self.id })
    })
    const calls = [{ name: 'forget', input: { source: 'nas' } }]
    server.reply({ kind: 'tools', calls }, { kind: 'text', text: 'Forgotten.' })
    assert.equal(codeOf((await ask('forget all of nas')).final), 'done')
    const [approval] = approvals.list()
    assert.equal(approval?.state, 'granted')
    await eventually(async () => {
      const parked = await approvals.parked({ ask: approval.ask, peer: approval.asker.id })
      assert.equal(parked, undefined)
    })
  })
})

/** What keeps this process alive, by kind. */
function handles(): Map<string, number> {
  const kinds = Map.groupBy(process.getActiveResourcesInfo(), (kind) => kind)
  return new Map([...kinds].map(([kind, all]) => [kind, all.length]))
}
