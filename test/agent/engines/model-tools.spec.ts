import assert from 'node:assert/strict'
import type { EngineAsk, EngineEvent } from '../../../src/agent/ports.ts'
import { ModelServer } from '../../helpers/model-server.ts'
import type { ChatMessage } from '../../helpers/model-server.ts'
import { askOf, endOf, eventsOf, textOf } from '../asks.ts'
import { KEY, modelHome } from './model-home.ts'

const ADD = { name: 'add', input: { a: 2, b: 3 } }
const NOTE = { name: 'note', input: { text: 'milk' } }

describe('the tools of the model engine', () => {
  const home = modelHome(() => ModelServer.start())

  const writing = (changes: Partial<EngineAsk> = {}): EngineAsk =>
    askOf('hello', { presets: ['write'], ...changes })

  /** The results of tools in the newest request, as the model is told of them. */
  function results(): unknown[] {
    const messages: ChatMessage[] = home().server.requests.at(-1)?.body.messages ?? []
    return messages.filter(({ role }) => role === 'tool').map(({ content }) => content)
  }

  for (const { names, preset } of [
    { preset: 'none', names: [] },
    { preset: 'read-only', names: ['add'] },
    { preset: 'write', names: ['add', 'note'] },
  ]) {
    it(`are, for an ask with the preset ${preset}: ${names.join(', ') || 'none'}`, async () => {
      await eventsOf(home().engine(), askOf('hello', { presets: [preset] }))
      const tools = home().server.requests[0]?.body.tools ?? []
      assert.deepEqual(
        tools.map((tool) => tool.function.name),
        names,
      )
    })
  }

  it('are called one after the other, and the model goes on with what they said', async () => {
    home().server.reply(
      { kind: 'tools', text: 'Let me see.', calls: [ADD, { name: 'add', input: { a: 4, b: 4 } }] },
      { kind: 'text', text: 'They are 5 and 8.' },
    )
    const events = await eventsOf(home().engine(), writing())
    assert.deepEqual(events, [
      { kind: 'text', text: 'Let me see.' },
      { kind: 'tool', call: 'call-1', name: 'add', state: 'begun' },
      { kind: 'tool', call: 'call-1', name: 'add', state: 'done' },
      { kind: 'tool', call: 'call-2', name: 'add', state: 'begun' },
      { kind: 'tool', call: 'call-2', name: 'add', state: 'done' },
      { kind: 'text', text: '\n\nThey are 5 and 8.' },
      { kind: 'done' },
    ])
    assert.deepEqual(results(), ['5', '8'])
    assert.deepEqual(home().done, ['2 + 3', '4 + 4'])
  })

  const refused = [
    { what: 'one above the preset', call: NOTE, says: /^denied: note is above the preset/u },
    {
      what: 'one that there is not',
      call: { name: 'rm', input: {} },
      says: /there is no such tool/u,
    },
    {
      what: 'an input that does not fit',
      call: { name: 'add', input: { a: 1 } },
      says: /does not fit/u,
    },
    { what: 'an input that is no JSON', call: { name: 'add', input: '{"a":' }, says: /not JSON/u },
  ]
  for (const { call, says, what } of refused) {
    it(`do nothing for ${what}, and the model is told so`, async () => {
      home().server.reply({ kind: 'tools', calls: [call] }, { kind: 'text', text: 'I see.' })
      const events = await eventsOf(home().engine(), askOf('hello', { presets: ['read-only'] }))
      assert.equal(textOf(events), 'I see.')
      assert.deepEqual(home().done, [])
      assert.match(String(results()[0]), says)
    })
  }

  it('are not called beyond the limit of calls, and no more are offered then', async () => {
    home().server.reply(
      { kind: 'tools', calls: [ADD, ADD, ADD] },
      { kind: 'text', text: 'Enough.' },
    )
    const events = await eventsOf(home().engine({ limits: { maxToolCalls: 2 } }), writing())
    assert.equal(endOf(events), 'done')
    assert.equal(home().done.length, 2)
    assert.match(String(results()[2]), /used up its calls/u)
    const body = home().server.requests[1]?.body as { tool_choice?: string } | undefined
    assert.equal(body?.tool_choice, 'none')
  })

  it('are not offered for the last answer, and a model that calls them all the same has failed', async () => {
    home().server.otherwise = () => ({ kind: 'tools', calls: [ADD] })
    const events = await eventsOf(home().engine({ limits: { maxSteps: 3 } }), writing())
    assert.deepEqual(endOf(events), { code: 'internal', details: { incident: 'incident-1' } })
    assert.equal(home().server.requests.length, 3)
    assert.equal(home().done.length, 2)
    assert.equal(home().faults[0]?.kind, 'endless')
  })

  it('that a model makes up, where there are none, come to the same end', async () => {
    home().server.otherwise = () => ({ kind: 'tools', calls: [ADD] })
    const events = await eventsOf(home().engine({ limits: { maxSteps: 3 } }), askOf('hello'))
    assert.deepEqual(endOf(events), { code: 'internal', details: { incident: 'incident-1' } })
    assert.equal(home().server.requests.length, 3)
    assert.deepEqual(home().done, [])
  })

  describe('that wait for a person', () => {
    const SCRIPT = [
      { kind: 'tools', text: 'Wait.', calls: [ADD, NOTE, ADD] },
      { kind: 'text', text: 'Written.' },
    ] as const

    /** The events of an ask up to the one that says that it waits, and what it would be started again with. */
    async function parked(): Promise<{ events: EngineEvent[]; ask: EngineAsk }> {
      home().server.reply({ ...SCRIPT[0], calls: [...SCRIPT[0].calls] }, SCRIPT[1])
      const events: EngineEvent[] = []
      for await (const event of home().engine().run(writing(), new AbortController().signal)) {
        events.push(event)
        if (event.kind === 'approval') break
      }
      const checkpoint = home().approvals.requests[0]?.checkpoint
      assert.ok(checkpoint !== undefined)
      return { events, ask: writing({ resume: { approval: 'approval-1', checkpoint } }) }
    }

    for (const state of ['granted', 'denied', 'expired'] as const) {
      it(`go on in a new engine when they are ${state}, and nothing is done twice`, async () => {
        const { ask, events } = await parked()
        assert.deepEqual(events.at(-1), {
          kind: 'approval',
          approval: 'approval-1',
          state: 'waiting',
          what: 'note milk',
        })
        home().approvals.answer('approval-1', state)
        const after = await eventsOf(home().engine(), ask)
        const ended = state === 'granted' ? 'done' : 'denied'
        assert.deepEqual(after, [
          { kind: 'approval', approval: 'approval-1', state: 'waiting', what: 'note milk' },
          { kind: 'approval', approval: 'approval-1', state, what: 'note milk' },
          { kind: 'tool', call: 'call-2', name: 'note', state: ended },
          { kind: 'tool', call: 'call-3', name: 'add', state: 'begun' },
          { kind: 'tool', call: 'call-3', name: 'add', state: 'done' },
          { kind: 'text', text: '\n\nWritten.' },
          { kind: 'done' },
        ])
        assert.equal(home().approvals.requests.length, 1)
        assert.equal(home().server.requests.length, 2)
        const noted = state === 'granted' ? ['note milk'] : []
        assert.deepEqual(home().done, ['2 + 3', ...noted, '2 + 3'])
        assert.equal(results().length, 3)
      })
    }

    it('keep the whole answer for the session, also what went out before the restart', async () => {
      const { ask } = await parked()
      home().approvals.answer('approval-1', 'granted')
      await eventsOf(home().engine(), { ...ask, session: 's' })
      assert.equal(home().session.messages[1]?.text, 'Wait.\n\nWritten.')
    })

    it('keep no secret of this node in what they go on with, and change no call', async () => {
      const call = { name: 'note', input: { text: KEY } }
      home().server.reply({ kind: 'tools', text: `It is ${KEY}.`, calls: [call] })
      for await (const event of home().engine().run(writing(), new AbortController().signal)) {
        if (event.kind === 'approval') break
      }
      const checkpoint = Buffer.from(home().approvals.requests[0]?.checkpoint ?? []).toString()
      const { thread } = JSON.parse(checkpoint) as {
        thread: { said: string; messages: { content: unknown }[]; pending: unknown[] }
      }
      assert.equal(thread.said, 'It is [redacted].')
      const [said] = thread.messages.at(-1)?.content as [unknown]
      assert.deepEqual(said, { type: 'text', text: 'It is [redacted].' })
      assert.deepEqual(thread.pending, [{ id: 'call-1', ...call }])
    })

    it('end with the abort of their ask', async () => {
      const { ask } = await parked()
      const aborting = new AbortController()
      const events: EngineEvent[] = []
      for await (const event of home().engine().run(ask, aborting.signal)) {
        events.push(event)
        aborting.abort()
      }
      assert.deepEqual(endOf(events), { code: 'cancelled', details: {} })
      assert.deepEqual(home().done, ['2 + 3'])
    })

    for (const checkpoint of ['', '{"v":2}', '{"v":1,"thread":{}}', 'nonsense']) {
      it(`do not go on from ${JSON.stringify(checkpoint)}`, async () => {
        const resume = { approval: 'approval-1', checkpoint: Buffer.from(checkpoint) }
        const running = eventsOf(home().engine(), writing({ resume }))
        await assert.rejects(running, { code: 'corrupt' })
        assert.equal(home().server.requests.length, 0)
      })
    }
  })
})
