import assert from 'node:assert/strict'
import { Answerer } from '../../../src/node/asks/answerer.ts'
import { AskDesk } from '../../../src/node/asks/ask-desk.ts'
import { MAX_ASK_SECONDS } from '../../../src/protocol/limits.ts'
import { isUuidV7, uuidTime } from '../../../src/protocol/uuid.ts'
import { askId, askCallOf, askerPeer } from '../../helpers/ask-calls.ts'
import { askHomes, codeOf, readAnswer } from '../../helpers/ask-home.ts'
import type { AskHome } from '../../helpers/ask-home.ts'
import { AskPair, BERT } from '../../helpers/ask-pair.ts'
import { DESK_ID, DeskHome } from '../../helpers/desk-home.ts'
import { StubAgent } from '../../helpers/stub-agent.ts'

describe('ask desk', () => {
  const homes = askHomes()
  let home: AskHome
  let at: DeskHome
  let pair: AskPair
  let agent: StubAgent
  let answerer: Answerer
  let desk: AskDesk

  beforeEach(async () => {
    home = homes()
    at = await DeskHome.start(home)
    ;({ agent, answerer, desk, pair } = at)
    pair.peer.serve.set('ask', (body, say) => {
      const { ask, text } = body as { ask: string; text: string }
      say(1, { kind: 'text', text: `${text}, says bert` })
      return { ask, engine: 'stub', lastSeq: 1 }
    })
  })
  afterEach(async () => {
    await at.stop()
  })

  it('lets the owner ask this node itself, with nothing withheld', async () => {
    const handle = await desk.ask({ peer: 'self', text: 'hi', session: 's' })
    assert.equal((await readAnswer(handle)).text, 'hi')
    const [run] = agent.runs
    assert.deepEqual(run?.asker, { name: 'self', id: DESK_ID })
    assert.deepEqual(run.presets, ['full'])
    assert.deepEqual(run.approve, [])
    assert.equal(run.session, 's')
    assert.equal(desk.owner.grant.maxSeconds, MAX_ASK_SECONDS)
    assert.equal(pair.peer.calls.length, 0)
  })

  it('hands the job of an ask on, to this node alone', async () => {
    const job = { name: 'nightly', cap: { microUsd: 5, tokens: 9 } }
    await readAnswer(await desk.ask({ peer: 'self', text: 'hi', job }))
    await readAnswer(await desk.ask({ peer: 'self', text: 'hi' }))
    assert.deepEqual(
      agent.runs.map((run) => run.job),
      [job, undefined],
    )
    await assert.rejects(desk.ask({ peer: 'bert', text: 'hi', job }), {
      code: 'usage',
      message: 'what bert spends is its own: the caps of job nightly are for asks to self',
    })
    assert.equal(pair.peer.calls.length, 0)
  })

  it('holds the owner to the bounds of the node', async () => {
    agent.hold()
    for (let nth = 0; nth < 6; nth++) await desk.ask({ peer: 'self', text: 'hi' })
    await assert.rejects(desk.ask({ peer: 'self', text: 'hi' }), { code: 'busy' })
  })

  it('asks a peer by its name, in the name of this node', async () => {
    const request = { peer: 'bert', text: 'hi', timeoutMs: 5_000, retryOf: askId(9) }
    const handle = await desk.ask(request)
    assert.equal((await readAnswer(handle)).text, 'hi, says bert')
    const [{ body } = { body: null }] = pair.peer.calls
    const { ask, ...sent } = body as { ask: string }
    const chain = [DESK_ID]
    assert.deepEqual(sent, { text: 'hi', chain, timeoutMs: 5_000, retryOf: askId(9) })
    assert.ok(isUuidV7(ask))
    assert.equal(uuidTime(ask), home.clock.now())
  })

  it('makes a new id for each ask, takes one that is given, and waits ten minutes by default', async () => {
    const [first, second, third] = [
      await desk.ask({ peer: 'bert', text: 'hi' }),
      await desk.ask({ peer: 'bert', text: 'hi' }),
      await desk.ask({ peer: 'bert', text: 'hi', ask: askId(7) }),
    ]
    assert.notEqual(first.record.ask, second.record.ask)
    assert.equal(third.record.ask, askId(7))
    assert.equal(first.record.deadlineAt - first.record.receivedAt, 600_000)
  })

  it('leaves an ask in the outbox only when told so', async () => {
    pair.peer.reachable = false
    const left = await desk.ask({ peer: 'bert', text: 'hi', wait: true })
    const lost = await desk.ask({ peer: 'bert', text: 'hi' })
    assert.equal(codeOf((await readAnswer(lost)).final), 'unreachable')
    await home.pass(1_000)
    assert.equal((await desk.find(left.record.ask)).record.final, undefined)
  })

  it('knows no peer by another name, and says what to type', async () => {
    await assert.rejects(desk.ask({ peer: 'nas', text: 'hi' }), {
      code: 'unknown-peer',
      details: { name: 'nas' },
      hint: 'kith peers list',
    })
  })

  it('cannot ask a peer that it has not met', async () => {
    at.peers = [{ ...BERT, id: undefined, key: undefined }]
    await assert.rejects(desk.ask({ peer: 'bert', text: 'hi' }), { code: 'unreachable' })
  })

  it('finds an ask of either direction, with what was asked and what came', async () => {
    const out = await desk.ask({ peer: 'bert', text: 'hi' })
    const own = await desk.ask({ peer: 'self', text: 'ho' })
    for (const [{ record }, text, answer, noted] of [
      [out, 'hi', 'hi, says bert', {}],
      [own, 'ho', 'ho', { note: 'thinking' }],
    ] as const) {
      const chain = ['self']
      const found = await desk.find(record.ask)
      await readAnswer(found)
      assert.deepEqual(await desk.content(found), { text, chain, answer, ...noted })
    }
    await assert.rejects(desk.find(askId(99)), {
      code: 'unknown-ask',
      details: { ask: askId(99) },
      hint: 'kith asks list',
    })
  })

  it('cancels an ask of either direction', async () => {
    agent.hold()
    pair.peer.serve.delete('ask')
    pair.peer.reachable = false
    const own = await desk.ask({ peer: 'self', text: 'hi' })
    const out = await desk.ask({ peer: 'bert', text: 'hi', wait: true })
    for (const { record } of [own, out]) {
      const { record: cancelled } = await desk.cancel(record.ask)
      assert.equal(cancelled.final === undefined ? '' : codeOf(cancelled.final), 'cancelled')
    }
    await assert.rejects(desk.cancel(askId(99)), { code: 'unknown-ask' })
  })

  it('lists the newest asks as they stand now, not as they stood on disk', async () => {
    agent.hold()
    const first = await desk.ask({ peer: 'self', text: 'hi' })
    home.clock.advance(1_000)
    const second = await desk.ask({ peer: 'bert', text: 'hi' })
    await home.quiet()
    const listed = await desk.list(10)
    assert.deepEqual(
      listed.map(({ ask, state }) => [ask, state]),
      [
        [second.record.ask, 'done'],
        [first.record.ask, 'running'],
      ],
    )
    assert.equal((await desk.list(1)).length, 1)
    assert.equal(await desk.lastSeq(first.record), 1)
  })

  it('names the other side as we do, itself self, and one that is gone by its id', async () => {
    const out = await desk.ask({ peer: 'bert', text: 'hi' })
    const own = await desk.ask({ peer: 'self', text: 'hi' })
    assert.deepEqual([desk.nameOf(out.record), desk.nameOf(own.record)], ['bert', 'self'])
    at.peers = []
    assert.equal(desk.nameOf(out.record), BERT.id)
  })

  it('tells an engine of the asks that came here, and of no other', async () => {
    const { id, pin } = askerPeer('bert')
    const grant = { ...pin.ask }
    await answerer.submit({ name: 'bert', id, grant }, askCallOf('bert', { ask: askId(1) }))
    await desk.ask({ peer: 'bert', text: 'hi' })
    await home.quiet()
    assert.deepEqual(await desk.facts(), [
      { id: askId(1), asker: 'bert', state: 'done', at: home.clock.now() },
    ])
  })
})
