import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { mock } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { ABORT_GRACE_MS, Agent, MAX_NOTE_CHARS } from '../../src/agent/agent.ts'
import type { Incident } from '../../src/agent/agent.ts'
import type { Engine, EngineAsk, EngineEvent } from '../../src/agent/ports.ts'
import { Presets } from '../../src/agent/presets.ts'
import { SecretScan } from '../../src/agent/secret-scan.ts'
import type { SecretCounts } from '../../src/agent/secret-scan.ts'
import { systemClock } from '../../src/node/clock.ts'
import { KithError } from '../../src/protocol/errors.ts'
import { MAX_EVENT_TEXT_BYTES } from '../../src/protocol/limits.ts'
import { askOf, endOf, eventsOf, textOf } from './asks.ts'
import { describeEngineContract } from './engine-contract.ts'

type Run = (ask: EngineAsk, signal: AbortSignal) => AsyncIterable<EngineEvent>

const hello: EngineEvent = { kind: 'text', text: 'hello' }
const done: EngineEvent = { kind: 'done' }

describe('Agent', () => {
  let incidents: Incident[]
  let redacted: { ask: string; counts: SecretCounts }[]

  beforeEach(() => {
    incidents = []
    redacted = []
  })

  /** An agent around an engine that runs as told. */
  function agentOf(run: Run): Agent {
    const engine: Engine = { name: 'told', run }
    return new Agent({
      engine,
      presets: new Presets(),
      secrets: new SecretScan(() => [{ kind: 'key', value: 'top-secret-value' }]),
      onRedacted: (ask, counts) => redacted.push({ ask, counts }),
      after: (ms, run) => systemClock.after(ms, run),
      incidentId: () => `incident-${incidents.length + 1}`,
      onIncident: (incident) => incidents.push(incident),
    })
  }

  describeEngineContract('Agent around an engine that throws when it is aborted', () => ({
    engine: agentOf(async function* ({ text }, signal) {
      yield { kind: 'text', text }
      if (text === 'slow') await delay(60_000, undefined, { signal })
      yield done
    }),
    quick: 'one',
    otherQuick: 'two',
    slow: 'slow',
  }))

  it('hands events on as they are', async () => {
    const events: EngineEvent[] = [hello, { kind: 'progress', note: 'thinking' }, hello, done]
    assert.deepEqual(await eventsOf(agentOf(each(events)), askOf('x')), events)
    assert.deepEqual(incidents, [])
  })

  it('hands a failure of the engine on as it is', async () => {
    const failure: EngineEvent = {
      kind: 'failed',
      code: 'budget-exhausted',
      details: { scope: 'ask', resetAt: 7 },
      message: 'spent',
    }
    assert.deepEqual(await eventsOf(agentOf(each([hello, failure])), askOf('x')), [hello, failure])
    assert.deepEqual(incidents, [])
  })

  it('drops what comes after the end', async () => {
    const events = await eventsOf(agentOf(each([hello, done, hello, done])), askOf('x'))
    assert.deepEqual(events, [hello, done])
  })

  it('lets an engine clean up after its end', async () => {
    let cleaned = false
    const agent = agentOf(async function* () {
      try {
        yield done
      } finally {
        cleaned = true
      }
    })
    await eventsOf(agent, askOf('x'))
    assert.ok(cleaned)
  })

  const broken: { title: string; run: Run; cause: RegExp }[] = [
    {
      title: 'throws in the middle',
      run: async function* () {
        yield hello
        throw new Error('boom')
      },
      cause: /boom/,
    },
    {
      title: 'throws before it returns its events',
      run: () => {
        throw new Error('early')
      },
      cause: /early/,
    },
    {
      title: 'throws a failure instead of yielding it',
      run: async function* () {
        yield hello
        throw new KithError('denied', 'thrown', { rule: 'preset' })
      },
      cause: /thrown/,
    },
    { title: 'stops without an end', run: each([hello]), cause: /without done or failed/ },
    { title: 'yields nothing', run: each([]), cause: /without done or failed/ },
  ]
  for (const { title, run, cause } of broken) {
    it(`ends with internal and reports an incident for an engine that ${title}`, async () => {
      const events = await eventsOf(agentOf(run), askOf('x'))
      assert.deepEqual(endOf(events), { code: 'internal', details: { incident: 'incident-1' } })
      assert.equal(incidents.length, 1)
      assert.match(String(incidents[0]?.cause), cause)
      assert.equal(incidents[0]?.engine, 'told')
      assert.equal(incidents[0].ask, askOf('x').id)
    })
  }

  it('tells the asker nothing of what broke', async () => {
    const agent = agentOf(() => {
      throw new Error('/home/owner/secret')
    })
    assert.doesNotMatch(JSON.stringify(await eventsOf(agent, askOf('x'))), /secret/)
  })

  it('does not start the engine for an unknown preset', async () => {
    const agent = agentOf(() => assert.fail('started'))
    for (const preset of ['', 'root', 'Full', 'toString', '__proto__']) {
      const events = await eventsOf(agent, askOf('x', { presets: [preset] }))
      assert.deepEqual(endOf(events), { code: 'denied', details: { rule: 'preset' } })
    }
    assert.deepEqual(incidents, [])
  })

  it('does not start the engine for an aborted signal', async () => {
    const agent = agentOf(() => assert.fail('started'))
    const events = await Array.fromAsync(agent.run(askOf('x'), AbortSignal.abort()))
    assert.deepEqual(endOf(events), { code: 'cancelled', details: {} })
  })

  it('ends with cancelled for an engine that stops without an end once it is aborted', async () => {
    const aborting = new AbortController()
    const agent = agentOf(async function* () {
      yield hello
    })
    const events: EngineEvent[] = []
    for await (const event of agent.run(askOf('x'), aborting.signal)) {
      events.push(event)
      aborting.abort()
    }
    assert.deepEqual(endOf(events), { code: 'cancelled', details: {} })
    assert.deepEqual(incidents, [])
  })

  it('reports what an engine throws after an abort, if it is not the abort', async () => {
    const aborting = new AbortController()
    const agent = agentOf(async function* () {
      yield hello
      throw new Error('boom')
    })
    for await (const event of agent.run(askOf('x'), aborting.signal)) {
      if (event.kind === 'text') aborting.abort()
    }
    assert.equal(incidents.length, 1)
  })

  describe('secrets', () => {
    it('are taken out of a note also where invisible characters are in them', async () => {
      const said: EngineEvent[] = [
        { kind: 'progress', note: 'top-\u200bsecret-\u001b[1mvalue' },
        { kind: 'tool', call: 'top-sec\u2060ret-value', name: 'x', state: 'begun' },
        { kind: 'approval', approval: 'a', state: 'waiting', what: 'run top-secret-\u00advalue' },
        done,
      ]
      const text = JSON.stringify(await eventsOf(agentOf(each(said)), askOf('x')))
      assert.equal(text.match(/\[redacted: key\]/gu)?.length, 3)
      assert.doesNotMatch(text, /top-/u)
    })

    it('are taken out, also when they are cut over two texts with something between', async () => {
      const events: EngineEvent[] = [
        { kind: 'text', text: 'it is top-sec' },
        { kind: 'progress', note: 'top-secret-value' },
        { kind: 'tool', call: '1', name: 'x', state: 'begun' },
        { kind: 'text', text: 'ret-value, so' },
        done,
      ]
      const all = await eventsOf(agentOf(each(events)), askOf('x'))
      assert.equal(textOf(all), 'it is [redacted: key], so')
      assert.ok(!JSON.stringify(all).includes('secret'))
      assert.deepEqual(redacted, [{ ask: askOf('x').id, counts: { key: 1 } }])
    })

    it('are taken out of the name of a tool, which may be a model of its own making', async () => {
      const event = { kind: 'tool', call: 'call-top-secret-value', state: 'begun' } as const
      const name = `${'x'.repeat(48)}top-secret-value`
      const [tool] = await eventsOf(agentOf(each([{ ...event, name }, done])), askOf('x'))
      const call = 'call-[redacted: key]'
      assert.deepEqual(tool, { ...event, call, name: `${'x'.repeat(48)}[redacted: key]` })
    })

    it('do not keep a text back over a wait for a person', async () => {
      const approval: EngineEvent = {
        kind: 'approval',
        approval: '1',
        state: 'waiting',
        what: 'send top-secret-value',
      }
      const all = await eventsOf(agentOf(each([hello, approval, done])), askOf('x'))
      assert.deepEqual(all, [hello, { ...approval, what: 'send [redacted: key]' }, done])
    })

    it('that are not there are not told of', async () => {
      await eventsOf(agentOf(each([hello, done])), askOf('x'))
      assert.deepEqual(redacted, [])
    })
  })

  describe('with an engine that ignores the abort', () => {
    beforeEach(() => {
      mock.timers.enable({ apis: ['setTimeout'] })
    })

    afterEach(() => {
      mock.timers.reset()
    })

    /** Never yields again after its first event, whatever happens. */
    const stuck: Run = async function* () {
      yield hello
      await new Promise(() => undefined)
    }

    it('gives it up when the grace is over, and not before', async () => {
      const aborting = new AbortController()
      const events = agentOf(stuck).run(askOf('x'), aborting.signal)
      await events.next()
      let ended = false
      const end = events.next().finally(() => {
        ended = true
      })
      aborting.abort()
      mock.timers.tick(ABORT_GRACE_MS - 1)
      await settled()
      assert.equal(ended, false)
      mock.timers.tick(1)
      const next = await end
      assert.ok(next.done !== true)
      assert.deepEqual(endOf([next.value]), { code: 'cancelled', details: {} })
      assert.equal((await events.next()).done, true)
      assert.equal(getEventListeners(aborting.signal, 'abort').length, 0)
    })

    it('tells a deadline from a cancel', async () => {
      const aborting = new AbortController()
      const events = agentOf(stuck).run(askOf('x'), aborting.signal)
      await events.next()
      const end = events.next()
      aborting.abort(new KithError('deadline', 'late', {}))
      mock.timers.tick(ABORT_GRACE_MS)
      const next = await end
      assert.ok(next.done !== true)
      assert.deepEqual(endOf([next.value]), { code: 'deadline', details: {} })
    })

    it('gives one up that goes on talking', async () => {
      const aborting = new AbortController()
      const agent = agentOf(async function* () {
        for (;;) yield hello
      })
      const events: EngineEvent[] = []
      for await (const event of agent.run(askOf('x'), aborting.signal)) {
        events.push(event)
        if (events.length === 1) aborting.abort()
        if (events.length === 10) mock.timers.tick(ABORT_GRACE_MS)
      }
      assert.equal(events.length, 11)
      assert.deepEqual(endOf(events), { code: 'cancelled', details: {} })
    })
  })

  describe('sizes', () => {
    const limit = MAX_EVENT_TEXT_BYTES
    const edges = [
      { title: 'at the limit', text: 'a'.repeat(limit), sizes: [limit] },
      { title: 'one byte above', text: 'a'.repeat(limit + 1), sizes: [limit, 1] },
      { title: '2 bytes across the cut', text: `${'a'.repeat(limit - 1)}é`, sizes: [limit - 1, 2] },
      {
        title: '4 bytes across the cut',
        text: `${'a'.repeat(limit - 3)}😀b`,
        sizes: [limit - 3, 5],
      },
      { title: '4 bytes up to the cut', text: `${'a'.repeat(limit - 4)}😀b`, sizes: [limit, 1] },
      { title: 'empty', text: '', sizes: [] },
    ]
    for (const { title, text, sizes } of edges) {
      it(`cuts a text between code points: ${title}`, async () => {
        const events = await eventsOf(agentOf(each([{ kind: 'text', text }, done])), askOf('x'))
        const texts = events.filter((event) => event.kind === 'text')
        assert.deepEqual(
          texts.map((event) => Buffer.byteLength(event.text)),
          sizes,
        )
        assert.equal(textOf(events), text)
      })
    }

    it('cuts any text into pieces that fit and are it again, put together', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.string({ unit: 'binary', maxLength: 50 }),
          fc.integer({ min: 0, max: 4 }),
          async (unit, shift) => {
            const text = 'a'.repeat(shift) + unit.repeat(1_000)
            const events = await eventsOf(agentOf(each([{ kind: 'text', text }, done])), askOf('x'))
            assert.equal(textOf(events), text)
            for (const event of events) {
              assert.ok(event.kind !== 'text' || Buffer.byteLength(event.text) <= limit)
            }
          },
        ),
        { numRuns: 25 },
      )
    })

    it('makes a lone surrogate a replacement character, which the wire takes', async () => {
      const run = each([{ kind: 'text', text: 'a\ud800b' }, done])
      assert.equal(textOf(await eventsOf(agentOf(run), askOf('x'))), 'a\ufffdb')
    })

    it('cuts a progress note to one line', async () => {
      const note = 'doing\n'.repeat(1_000)
      const events = await eventsOf(agentOf(each([{ kind: 'progress', note }, done])), askOf('x'))
      const [first] = events
      assert.ok(first?.kind === 'progress' && Array.from(first.note).length === MAX_NOTE_CHARS)
      assert.match(first.note, /^doing doing .*…$/u)
    })
  })
})

/** An engine's `run` that yields `events`. */
function each(events: readonly EngineEvent[]): Run {
  return async function* () {
    yield* events
  }
}

/** Resolves after all that is ready to run has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
