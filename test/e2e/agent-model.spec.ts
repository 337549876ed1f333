import assert from 'node:assert/strict'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { LAB_KEY, MODEL, configureAgent, costsOf, linesOf, modelAt } from '../helpers/live-agent.ts'
import { ModelServer, lastText } from '../helpers/model-server.ts'

const KEY = 'sk-lab-0123456789abcdef'

describe('a node that answers with a model', () => {
  const make = liveNodes()
  let server: ModelServer
  let alice: LiveNode
  let bob: LiveNode
  let carol: LiveNode

  before(async () => {
    server = await ModelServer.start()
    alice = await make('alice')
    bob = await make('bob', { env: { [LAB_KEY]: KEY } })
    carol = await make('carol')
    await configureAgent(bob, modelAt(server, { model: { context_tokens: 2_000 } }))
    for (const peer of [alice, carol]) {
      await peer.pin(bob)
      await bob.pin(peer, { allow: ['ask'], addresses: [], ask: { preset: 'none' } })
    }
    await bob.start()
    await Promise.all([alice.start(), carol.start()])
    await Promise.all([alice.linkedTo(bob), carol.linkedTo(bob)])
  })
  after(() => server.stop())

  it('sends the answer piece by piece, as it comes', async () => {
    server.reply({ kind: 'text', text: 'one two three', pieceChars: 4 })
    const answer = await alice.ask(bob, 'count')
    assert.equal(answer.text, 'one two three')
    assert.ok(answer.seqs.length > 1)
    assert.equal(answer.final.outcome, 'done')
    assert.equal(server.requests.at(-1)?.headers.authorization, `Bearer ${KEY}`)
  })

  it('N04: remembers a session for the peer whose it is, and for no other', async () => {
    await alice.ask(bob, 'my cat is called Turing', { session: 'pets' })
    await alice.ask(bob, 'what is her name?', { session: 'pets' })
    const own = JSON.stringify(server.requests.at(-1)?.body.messages)
    assert.match(own, /Turing/)
    for (const asker of [carol, bob]) {
      await asker.ask(asker === bob ? 'self' : bob, 'what is her name?', { session: 'pets' })
      assert.doesNotMatch(JSON.stringify(server.requests.at(-1)?.body.messages), /Turing/)
    }
    const sessions = await bob.client.call('sessions', {})
    const pets = sessions.filter(({ session }) => session === 'pets')
    assert.deepEqual(
      new Map(pets.map(({ asker, messages }) => [asker, messages])),
      new Map([
        ['self', 2],
        ['carol', 2],
        ['alice', 4],
      ]),
    )
  })

  it('F18: counts what each call has cost by the price list of its owner', async () => {
    const before = await costsOf(bob)
    server.reply({ kind: 'text', text: 'cheap', usage: { input: 1_000, output: 50 } })
    const ask = await alice.submit(bob, 'how much?', { session: 'money' })
    await alice.answer(ask)
    const { records, sum } = await costsOf(bob)
    const [record, ...more] = records.slice(before.records.length)
    assert.deepEqual(more, [])
    assert.ok(record !== undefined)
    const { asker, estimated, inputTokens, microUsd, model, outputTokens, session } = record
    assert.deepEqual(
      { ask: record.ask, asker, estimated, inputTokens, microUsd, model, outputTokens, session },
      {
        ...{ ask, asker: 'alice', estimated: false, inputTokens: 1_000, microUsd: 1_100 },
        ...{ model: MODEL, outputTokens: 50, session: 'money' },
      },
    )
    assert.ok(sum.complete)
    assert.deepEqual(sum.records, sum.ledger)
    const { models } = await bob.client.call('budget', {})
    assert.deepEqual(models, [{ model: MODEL, ...sum.ledger }])
  })

  it('writes a line for each answer, and one for how it ended', async () => {
    server.reply(
      { kind: 'tools', calls: [{ name: 'read_file', input: { path: 'notes.md' } }] },
      { kind: 'text', text: 'it is refused', usage: { input: 500, output: 10 } },
    )
    const ask = await alice.submit(bob, 'read\nthe notes', { session: 'log' })
    await alice.answer(ask)
    const [turn, ...moreTurns] = (await linesOf(bob, 'agent.log')).filter(
      (line) => line['ask'] === ask,
    )
    const [run, ...moreRuns] = (await linesOf(bob, 'runs.log')).filter(
      (line) => line['ask'] === ask,
    )
    assert.deepEqual([moreTurns, moreRuns], [[], []])
    const { at, elapsedMs, microUsd, tokens, ...rest } = turn ?? {}
    assert.ok(typeof at === 'string' && typeof elapsedMs === 'number' && elapsedMs >= 0)
    assert.ok(typeof microUsd === 'number' && microUsd > 520 && Number(tokens) > 510)
    assert.deepEqual(rest, {
      ...{ ask, asker: 'alice', session: 'log', engine: 'model', outcome: 'done' },
      ...{ tools: ['read_file:denied'], replyBytes: 13, calls: 2, unpriced: 0 },
      prompt: 'read the notes',
    })
    assert.deepEqual(
      { ...run, at: undefined },
      {
        ...{ at: undefined, ask, asker: 'alice', engine: 'model', outcome: 'done', cause: '' },
        ...{ lastTool: 'read_file:denied', tail: 'it is refused' },
      },
    )
  })

  it('shortens a long session, and writes down that it did', async () => {
    server.otherwise = ({ body }) => ({ kind: 'text', text: `${lastText(body).length} characters` })
    for (const nth of [1, 2, 3]) {
      await alice.ask(bob, `${nth} ${'a long story '.repeat(400)}`, { session: 'stories' })
    }
    const lines = await linesOf(bob, 'compaction.log')
    const [line] = lines
    assert.deepEqual(
      { session: line?.['session'], trigger: line?.['trigger'], truncated: line?.['truncated'] },
      { session: 'stories', trigger: 'tokens', truncated: false },
    )
    assert.ok(Number(line?.['tokensBefore']) > Number(line?.['tokensAfter']), JSON.stringify(line))
  })

  it('says to its owner what failed, and to the asker no more than that it did', async () => {
    server.reply({ kind: 'status', status: 400, message: `bad request of ${KEY}` })
    const ask = await alice.submit(bob, 'fail')
    const { final } = await alice.answer(ask)
    assert.equal(final.outcome, 'failed')
    assert.doesNotMatch(JSON.stringify(final), /bad request/)
    const runs = await linesOf(bob, 'runs.log')
    const run = runs.find((line) => line['ask'] === ask)
    assert.match(String(run?.['cause']), /bad request/)
    assert.doesNotMatch(String(run?.['cause']), /sk-lab/)
  })
})
