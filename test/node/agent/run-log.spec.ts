import assert from 'node:assert/strict'
import type { Budget, Engine, EngineAsk, EngineEvent, Usage } from '../../../src/agent/ports.ts'
import { failed } from '../../../src/agent/failure.ts'
import { SecretScan } from '../../../src/agent/secret-scan.ts'
import { RunLog } from '../../../src/node/agent/run-log.ts'
import { askOf } from '../../agent/asks.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'

const KEY = 'canary-0123456789abcdef'

describe('the log of runs', () => {
  let turns: Record<string, unknown>[]
  let runs: Record<string, unknown>[]
  let faults: unknown[]
  let clock: ManualClock
  let log: RunLog

  beforeEach(() => {
    turns = []
    runs = []
    faults = []
    clock = new ManualClock()
    log = new RunLog({
      clock,
      secrets: new SecretScan(() => [{ kind: 'provider key', value: KEY }]),
      turns: { write: (line) => turns.push(JSON.parse(line) as Record<string, unknown>) },
      runs: { write: (line) => runs.push(JSON.parse(line) as Record<string, unknown>) },
      onFault: (err) => faults.push(err),
    })
  })

  /** An engine that says these events, 250 ms later each. */
  function saying(...events: EngineEvent[]): Engine {
    return {
      name: 'model',
      async *run() {
        for (const event of events) {
          clock.advance(250)
          yield event
        }
      },
    }
  }

  async function run(ask: EngineAsk, ...events: EngineEvent[]): Promise<EngineEvent[]> {
    return await Array.fromAsync(log.follow(saying(...events), ask, new AbortController().signal))
  }

  async function spend(ask: EngineAsk, used: Partial<Usage>): Promise<void> {
    const budget: Budget = {
      left: () => ({}),
      reserve: async () => ({
        exhausted: new AbortController().signal,
        settle: async () => undefined,
      }),
    }
    const most = {
      ...{ model: 'lab/m', inputTokens: 0, outputTokens: 0, microUsd: undefined, estimated: false },
      ...used,
    }
    await (await log.counting(budget).reserve(ask, most)).settle(most)
  }

  it('finds a secret that has invisible characters in it, or stands behind many', async () => {
    const hidden = `${KEY.slice(0, 5)}\u200b${KEY.slice(5)}`
    const ask = askOf(`${hidden} ${'\u200b'.repeat(600)}${KEY}`)
    const cause = `said ${hidden}`
    await run(ask, failed('bad-request', { what: 'x' }, cause))
    assert.equal(turns[0]?.['prompt'], '[redacted: provider key] [redacted: provider key]')
    assert.equal(runs[0]?.['cause'], 'said [redacted: provider key]')
  })

  it('has two lines for an answer: what it took, and how it ended', async () => {
    const ask = askOf('water\nthe plants', { session: 's', chain: ['kith1a', 'kith1nas'] })
    await spend(ask, { inputTokens: 100, outputTokens: 5, microUsd: 70 })
    await spend(ask, { inputTokens: 10, outputTokens: 1, microUsd: undefined })
    const tool = { kind: 'tool', call: '1', name: 'read_file' } as const
    const events: EngineEvent[] = [
      { ...tool, state: 'begun' },
      { ...tool, state: 'denied' },
      { kind: 'text', text: 'grün' },
      { kind: 'done' },
    ]
    log.noteProgram(ask.id, { pid: 7, exitCode: 0, signal: undefined })
    assert.deepEqual(await run(ask, ...events), events)
    const what = { at: '2026-11-21T09:00:01.000Z', ask: ask.id, asker: 'nas', engine: 'model' }
    assert.deepEqual(turns, [
      {
        ...{ ...what, chain: ask.chain, session: 's', outcome: 'done', elapsedMs: 1_000 },
        ...{ tools: ['read_file:denied'], replyBytes: 5, microUsd: 70, tokens: 116, calls: 2 },
        ...{ unpriced: 1, prompt: 'water the plants' },
      },
    ])
    assert.deepEqual(runs, [
      {
        ...{ ...what, pid: 7, exitCode: 0, outcome: 'done', cause: '' },
        ...{ lastTool: 'read_file:denied', tail: 'grün' },
      },
    ])
    await run(ask, { kind: 'done' })
    assert.equal(runs[1]?.['pid'], undefined)
  })

  it('has the code of a bad end, and its cause, without secrets', async () => {
    const end = failed('internal', { incident: 'i-1' }, `the provider refused ${KEY}`)
    await run(askOf(`is it ${KEY}?`), { kind: 'text', text: `no, ${KEY}` }, end)
    assert.deepEqual(
      [turns[0]?.['outcome'], turns[0]?.['prompt']],
      ['internal', 'is it [redacted: provider key]?'],
    )
    assert.deepEqual(
      [runs[0]?.['cause'], runs[0]?.['tail']],
      ['the provider refused [redacted: provider key]', 'no, [redacted: provider key]'],
    )
  })

  it('says of an answer that nobody read to its end that it was left', async () => {
    const { signal } = new AbortController()
    const engine = saying({ kind: 'text', text: 'one' }, { kind: 'text', text: 'two' })
    const reading = log.follow(engine, askOf('hi'), signal)
    await reading.next()
    await reading.return(undefined)
    assert.deepEqual([turns[0]?.['outcome'], runs[0]?.['tail']], ['left', 'one'])
  })

  it('keeps of a prompt and of an answer no more than a line', async () => {
    await run(
      askOf('p'.repeat(10_000)),
      { kind: 'text', text: 'a'.repeat(10_000) },
      { kind: 'done' },
    )
    assert.ok(String(turns[0]?.['prompt']).length <= 120)
    assert.ok(String(runs[0]?.['tail']).length <= 120)
    assert.equal(turns[0]?.['replyBytes'], 10_000)
  })

  it('shows no part of a secret that the cut of a prompt goes through', async () => {
    for (let before = 100; before < 130; before++)
      await run(askOf('x'.repeat(before) + KEY), { kind: 'done' })
    for (let before = 460; before < 482; before++)
      await run(askOf('x'.repeat(before) + KEY), { kind: 'done' })
    const lines = JSON.stringify([turns, runs])
    for (let from = 0; from + 8 <= KEY.length; from++) {
      assert.ok(!lines.includes(KEY.slice(from, from + 8)), KEY.slice(from, from + 8))
    }
  })

  it('tells the costs of one ask from those of another', async () => {
    const [first, second] = [askOf('one', { id: 'a-1' }), askOf('two', { id: 'a-2' })]
    await spend(first, { microUsd: 3 })
    await spend(second, { microUsd: 4 })
    await run(first, { kind: 'done' })
    await run(second, { kind: 'done' })
    assert.deepEqual(
      turns.map(({ calls, microUsd }) => [calls, microUsd]),
      [
        [1, 3],
        [1, 4],
      ],
    )
    await run(first, { kind: 'done' })
    assert.equal(turns[2]?.['microUsd'], undefined)
  })

  it('costs nobody an answer when it cannot be written', async () => {
    const fault = new Error('the disk is full')
    const broken = new RunLog({
      ...{ clock, secrets: new SecretScan(() => []) },
      turns: {
        write: () => {
          throw fault
        },
      },
      runs: { write: (line) => runs.push(JSON.parse(line) as Record<string, unknown>) },
      onFault: (err) => faults.push(err),
    })
    const answer = broken.follow(
      saying({ kind: 'done' }),
      askOf('hi'),
      new AbortController().signal,
    )
    assert.deepEqual(await Array.fromAsync(answer), [{ kind: 'done' }])
    assert.deepEqual(faults, [fault])
    assert.equal(runs.length, 1)
  })
})
