import assert from 'node:assert/strict'
import { ABORT_GRACE_MS } from '../../../src/agent/agent.ts'
import type { FaultReport } from '../../../src/agent/engines/model/answer.ts'
import { MODEL_TIMES } from '../../../src/agent/engines/model.ts'
import type { ModelEngineInit } from '../../../src/agent/engines/model.ts'
import type { EngineEvent } from '../../../src/agent/ports.ts'
import { systemClock } from '../../../src/node/clock.ts'
import { eventually } from '../../helpers/eventually.ts'
import { ModelServer } from '../../helpers/model-server.ts'
import type { ModelReply } from '../../helpers/model-server.ts'
import { askOf, endOf, eventsOf, textOf } from '../asks.ts'
import { modelHome } from './model-home.ts'

const INTERNAL = { code: 'internal', details: { incident: 'incident-1' } }
const BUSY = { code: 'busy', details: { position: 0 } }
const TWO_MODELS = ['local/test-model', 'spare/other-model']

describe('a model that fails', () => {
  const home = modelHome(() => ModelServer.start())

  /** All events of an ask whose waits take no time. How long they would be is in the reports. */
  async function eventsWithoutWaits(
    models = ['local/test-model'],
    deadlineAt?: number,
    more: ModelEngineInit['providers'] = {},
  ): Promise<EngineEvent[]> {
    const { clock } = home()
    const hurried = {
      now: () => clock.now(),
      after: (ms: number, run: () => void) => systemClock.after(ms, run),
      sleep: () => Promise.resolve(),
    }
    const providers = { local: home().provider(), spare: home().provider(), ...more }
    const ask = askOf('hello', deadlineAt === undefined ? {} : { deadlineAt })
    return await eventsOf(home().engine({ models, providers }, hurried), ask)
  }

  const failures: {
    reply: ModelReply
    kind: FaultReport['kind']
    message: RegExp
    requests: number
    end: unknown
    breaker: string
    text?: string
  }[] = [
    {
      reply: { kind: 'status', status: 429 },
      kind: 'rate-limited',
      message: /^the provider answered 429: scripted$/u,
      requests: 3,
      end: BUSY,
      breaker: 'withdrawn',
    },
    {
      reply: { kind: 'status', status: 503 },
      kind: 'overloaded',
      message: /^the provider answered 503/u,
      requests: 3,
      end: BUSY,
      breaker: 'failed',
    },
    {
      reply: { kind: 'status', status: 500 },
      kind: 'broken',
      message: /^the provider answered 500/u,
      requests: 3,
      end: INTERNAL,
      breaker: 'failed',
    },
    {
      reply: { kind: 'status', status: 401 },
      kind: 'refused',
      message: /^the provider answered 401/u,
      requests: 1,
      end: INTERNAL,
      breaker: 'withdrawn',
    },
    {
      reply: { kind: 'garbage' },
      kind: 'broken',
      message: /^the provider sent what is no answer/u,
      requests: 3,
      end: INTERNAL,
      breaker: 'failed',
    },
    {
      reply: { kind: 'stream-error', message: 'upstream is gone' },
      kind: 'broken',
      message: /^the provider reports an error: upstream is gone$/u,
      requests: 3,
      end: INTERNAL,
      breaker: 'failed',
    },
    {
      reply: { kind: 'text', text: '' },
      kind: 'empty',
      message: /^the model said nothing \(stop\)$/u,
      requests: 3,
      end: INTERNAL,
      breaker: 'withdrawn',
    },
    {
      reply: { kind: 'cut', text: 'half' },
      kind: 'cut',
      message: /^the answer was cut off/u,
      requests: 1,
      end: INTERNAL,
      breaker: 'failed',
      text: 'half',
    },
    {
      reply: { kind: 'stream-error', text: 'half', message: 'upstream is gone' },
      kind: 'broken',
      message: /upstream is gone/u,
      requests: 1,
      end: INTERNAL,
      breaker: 'failed',
      text: 'half',
    },
  ]
  for (const { breaker, end, kind, message, reply, requests, text = '' } of failures) {
    it(`is ${kind} for ${JSON.stringify(reply)}`, async () => {
      home().server.otherwise = () => reply
      const events = await eventsWithoutWaits()
      assert.equal(textOf(events), text)
      assert.deepEqual(endOf(events), end)
      assert.equal(home().server.requests.length, requests)
      const last = home().faults.at(-1)
      assert.equal(last?.kind, kind)
      assert.match(last.message, message)
      assert.equal(last.next, 'none')
      assert.deepEqual(
        home().breakers.told,
        Array.from({ length: requests }, () => `provider local ${breaker}`),
      )
      assert.equal(home().budget.settled.length, requests)
    })
  }

  it('is unreachable when nobody listens', async () => {
    const gone = await ModelServer.start()
    const provider = home().provider(gone.url)
    await gone.stop()
    const end = (await eventsWithoutWaits(['gone/test-model'], undefined, { gone: provider })).at(
      -1,
    )
    assert.equal(end?.kind, 'failed')
    assert.match(end.message, /^gone\/test-model: the provider cannot be reached/u)
    assert.deepEqual(
      home().faults.map(({ kind, next }) => [kind, next]),
      [
        ['unreachable', 'same model'],
        ['unreachable', 'same model'],
        ['unreachable', 'none'],
      ],
    )
  })

  it('is called again, and what it says then is the answer', async () => {
    home().server.reply({ kind: 'status', status: 500 }, { kind: 'text', text: 'here' })
    const events = await eventsWithoutWaits()
    assert.equal(textOf(events), 'here')
    assert.equal(endOf(events), 'done')
  })

  const waits = [
    { headers: { 'retry-after': '7' }, waitMs: 7_000 },
    { headers: { 'retry-after-ms': '1500' }, waitMs: 1_500 },
    { headers: { 'retry-after': 'Sat, 21 Nov 2026 08:00:20 GMT' }, waitMs: 20_000 },
    { headers: {}, waitMs: 500 },
  ]
  for (const { headers, waitMs } of waits) {
    it(`is waited for ${waitMs} ms after ${JSON.stringify(headers)}`, async () => {
      const { clock, server } = home()
      server.reply({ kind: 'status', status: 429, headers }, { kind: 'text', text: 'here' })
      const slept = clock.nextSleep
      const events = eventsOf(home().engine(), askOf('hello'))
      assert.equal(await slept, waitMs)
      assert.equal(server.requests.length, 1)
      clock.advance(waitMs)
      assert.equal(textOf(await events), 'here')
    })
  }

  it('is not waited for longer than the owner lets it, nor past the deadline', async () => {
    const status: ModelReply = { kind: 'status', status: 429, headers: { 'retry-after': '20' } }
    home().server.otherwise = () => status
    const { clock } = home()
    assert.deepEqual(endOf(await eventsWithoutWaits(undefined, clock.now() + 20_000)), BUSY)
    assert.equal(home().server.requests.length, 1)
    home().server.otherwise = () => ({ ...status, headers: { 'retry-after': '31' } })
    assert.deepEqual(endOf(await eventsWithoutWaits()), BUSY)
    assert.equal(home().server.requests.length, 2)
  })

  it('leaves the answer to the next one, which has it from then on', async () => {
    home().server.reply(
      { kind: 'status', status: 401 },
      { kind: 'tools', calls: [{ name: 'add', input: { a: 1, b: 1 } }] },
      { kind: 'text', text: 'here' },
    )
    const events = await eventsWithoutWaits(TWO_MODELS)
    assert.equal(textOf(events), 'here')
    assert.deepEqual(
      home().server.requests.map(({ body }) => body.model),
      ['test-model', 'other-model', 'other-model'],
    )
    assert.deepEqual(
      home().faults.map(({ model, next, status }) => [model, next, status]),
      [['local/test-model', 'next model', 401]],
    )
  })

  it('leaves nothing to the next one once it has said something', async () => {
    home().server.reply({ kind: 'cut', text: 'half' })
    const events = await eventsWithoutWaits(TWO_MODELS)
    assert.equal(textOf(events), 'half')
    assert.deepEqual(endOf(events), INTERNAL)
    assert.equal(home().server.requests.length, 1)
  })

  it('is not called while its breaker is open', async () => {
    home().breakers.open.add('provider local')
    assert.equal(textOf(await eventsWithoutWaits(TWO_MODELS)).slice(0, 8), 'You said')
    assert.deepEqual(
      home().server.requests.map(({ body }) => body.model),
      ['other-model'],
    )
    assert.deepEqual(
      home().faults.map(({ kind }) => kind),
      ['breaker-open'],
    )
    home().breakers.open.add('provider spare')
    const nextProbeAt = home().clock.now()
    const end = { code: 'breaker-open', details: { nextProbeAt } }
    assert.deepEqual(endOf(await eventsWithoutWaits(TWO_MODELS)), end)
    assert.equal(home().server.requests.length, 1)
    assert.equal(home().budget.reserved.length, 1)
  })

  for (const { ms, text } of [
    { ms: MODEL_TIMES.firstPartMs, text: undefined },
    { ms: MODEL_TIMES.idleMs, text: 'half' },
  ]) {
    it(`is silent after ${ms} ms ${text === undefined ? 'without a word' : 'within its answer'}`, async () => {
      const { clock, server } = home()
      server.reply(
        { kind: 'stall', ...(text === undefined ? {} : { text }) },
        { kind: 'text', text: 'here' },
      )
      const events: EngineEvent[] = []
      const ended = collect(
        home().engine().run(askOf('hello'), new AbortController().signal),
        events,
      )
      const { abandoned } = await server.request(0)
      await eventually(() => {
        assert.equal(events.length, text === undefined ? 0 : 1)
        assert.equal(clock.timers, 1)
      })
      clock.advance(ms - 1)
      assert.deepEqual(home().faults, [])
      const slept = clock.nextSleep
      clock.advance(1)
      await abandoned
      if (text === undefined) clock.advance(await slept)
      await ended
      assert.equal(home().faults[0]?.kind, 'silent')
      assert.deepEqual(endOf(events), text === undefined ? 'done' : INTERNAL)
      assert.equal(clock.timers, 0)
    })
  }

  it('is hung up on within a second of an abort, and says nothing about its provider', async () => {
    home().server.reply({ kind: 'stall', text: 'so far' })
    const aborting = new AbortController()
    let abortedAt = 0
    const events: EngineEvent[] = []
    for await (const event of home().engine().run(askOf('hello'), aborting.signal)) {
      events.push(event)
      abortedAt = performance.now()
      aborting.abort()
    }
    const closedAt = await (await home().server.request(0)).abandoned
    assert.ok(closedAt - abortedAt < ABORT_GRACE_MS)
    assert.deepEqual(endOf(events), { code: 'cancelled', details: {} })
    assert.deepEqual(home().breakers.told, ['provider local withdrawn'])
    assert.deepEqual(home().faults, [])
    assert.equal(home().budget.settled[0]?.estimated, true)
  })

  it('is hung up on, and settled, when its answer is no longer wanted', async () => {
    home().server.reply({ kind: 'stall', text: 'so far' })
    for await (const event of home().engine().run(askOf('hello'), new AbortController().signal)) {
      assert.equal(event.kind, 'text')
      break
    }
    await (
      await home().server.request(0)
    ).abandoned
    assert.equal(home().budget.settled.length, 1)
    assert.deepEqual(home().breakers.told, ['provider local withdrawn'])
    assert.equal(home().clock.timers, 0)
  })

  it('is not waited for after an abort', async () => {
    const { clock, server } = home()
    server.reply({ kind: 'status', status: 500 })
    const aborting = new AbortController()
    const slept = clock.nextSleep
    const events = Array.fromAsync(home().engine().run(askOf('hello'), aborting.signal))
    await slept
    aborting.abort()
    assert.deepEqual(endOf(await events), { code: 'cancelled', details: {} })
    assert.equal(server.requests.length, 1)
  })
})

async function collect(source: AsyncIterable<EngineEvent>, events: EngineEvent[]): Promise<void> {
  for await (const event of source) events.push(event)
}
