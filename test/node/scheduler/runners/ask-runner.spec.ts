import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { KithError, isFailure } from '../../../../src/protocol/errors.ts'
import { uuidV7 } from '../../../../src/protocol/uuid.ts'
import { Answerer } from '../../../../src/node/asks/answerer.ts'
import { AskDesk } from '../../../../src/node/asks/ask-desk.ts'
import type { AskerStanding } from '../../../../src/node/asks/handle.ts'
import type { Target } from '../../../../src/node/scheduler/job.ts'
import { AskRunner } from '../../../../src/node/scheduler/runners/ask-runner.ts'
import { idOf } from '../../../helpers/ask-calls.ts'
import { askHomes } from '../../../helpers/ask-home.ts'
import type { AskHome } from '../../../helpers/ask-home.ts'
import { AskPair, BERT } from '../../../helpers/ask-pair.ts'
import { jobOf } from '../../../helpers/job-home.ts'
import { StubAgent } from '../../../helpers/stub-agent.ts'

const never = new AbortController().signal
const DAY_MS = 86_400_000

describe('ask runner', () => {
  const homes = askHomes()
  let home: AskHome
  let pair: AskPair
  let agent: StubAgent
  let answerer: Answerer
  let desk: AskDesk
  let runId: string
  let signs: number
  let sign: PromiseWithResolvers<undefined>

  beforeEach(async () => {
    home = homes()
    pair = await AskPair.start(home)
    agent = new StubAgent()
    const { bytes, clock, store } = home
    const log = pino({ level: 'silent' })
    const standing = (): AskerStanding => ({ asker: desk.owner, deniedBy: undefined })
    const parked = async (): Promise<undefined> => undefined
    answerer = new Answerer(
      { store, bytes, agent, standing, parked, clock, log },
      { parallel: 2, queue: 4 },
    )
    const pins = {
      byName: (name: string) => (name === 'bert' ? BERT : undefined),
      byId: (id: string) => (id === BERT.id ? BERT : undefined),
    }
    desk = new AskDesk(
      { store, answerer, asker: pair.asker, pins, clock, randomBytes },
      { ownId: idOf('node') },
    )
    runId = uuidV7(clock.now(), randomBytes(10))
    signs = 0
    sign = Promise.withResolvers()
  })
  afterEach(async () => {
    agent.release()
    await answerer.stop(0)
    await pair.asker.stop()
  })

  async function run(
    target: Partial<Extract<Target, { kind: 'ask' }>> = {},
    attempt = 1,
    signal = never,
  ): Promise<string> {
    const runner = new AskRunner({ desk, clock: home.clock })
    const progress = (): void => {
      signs++
      sign.resolve(undefined)
    }
    return await runner.run(
      jobOf('digest', { limits: { total_seconds: 90 }, attempts: { max: 2 } }),
      {
        kind: 'ask',
        ...{ peer: 'self', text: 'first\nlast', preset: 'read-only', egress: 'none' },
        ...target,
      },
      { run: runId, attempt, dueAt: 0, progress },
      signal,
    )
  }

  it('asks this node, within the preset, the time and its share of the budget, under the id of the run', async () => {
    assert.equal(await run({ budget: { tokens: 500 } }), 'last')
    const [asked] = agent.runs
    assert.equal(asked?.id, runId)
    assert.ok(asked.presets.includes('read-only'))
    const { record } = await desk.find(runId)
    assert.equal(record.deadlineAt - record.receivedAt, 90_000)
    assert.deepEqual((await home.store.call(record))?.budget, { tokens: 250 })
    assert.ok(signs >= 2, 'events are signs of progress')
  })

  it('asks a pinned peer, and no other', async () => {
    pair.peer.serve.set('ask', (body, say) => {
      const { ask } = body as { ask: string }
      say(1, { kind: 'text', text: 'says bert' })
      return { ask, engine: 'stub', lastSeq: 1 }
    })
    assert.equal(await run({ peer: 'bert' }), 'says bert')
    await assert.rejects(run({ peer: 'carol' }), (err: unknown) => isFailure(err, 'unknown-peer'))
  })

  it('fails with the code of an answer that failed', async () => {
    agent.script = async function* () {
      yield { kind: 'failed', code: 'denied', details: { rule: 'preset' }, message: 'no' }
    }
    await assert.rejects(
      run(),
      (err: unknown) => isFailure(err, 'denied') && err.details.rule === 'preset',
    )
  })

  it('cancels its ask when the attempt ends, and not when the node stops', async () => {
    for (const [code, state] of [
      ['deadline', 'cancelled'],
      ['stopping', 'no end'],
    ] as const) {
      agent.hold()
      runId = uuidV7(home.clock.now(), randomBytes(10))
      const stop = new AbortController()
      const running = run({}, 1, stop.signal)
      // Aborted while the ask is on its way in: it is found and ended all the same.
      stop.abort(new KithError(code, 'the end', {}))
      await assert.rejects(running, (err: unknown) => isFailure(err, code))
      const { record } = await desk.find(runId)
      if (state === 'cancelled') assert.equal(record.state, state)
      else assert.equal(record.final, undefined)
      agent.release()
    }
  })

  it('joins the ask of the attempt before, as long as that has no answer', async () => {
    agent.hold()
    const stop = new AbortController()
    const first = run({}, 1, stop.signal)
    stop.abort(new KithError('stopping', 'the end', {}))
    await assert.rejects(first)
    sign = Promise.withResolvers()
    const second = run({}, 2)
    await sign.promise
    agent.release()
    assert.equal(await second, 'last')
    assert.equal(agent.runs.length, 1)
  })

  it('asks again where the ask before has its answer, and links the two', async () => {
    await run()
    assert.equal(await run({}, 2), 'last')
    assert.equal(agent.runs.length, 2)
    const second = agent.runs[1]?.id ?? ''
    const { record } = await desk.find(second)
    assert.equal((await home.store.call(record))?.retryOf, runId)
  })

  it('takes another id for a run that has waited for longer than an id is good', async () => {
    home.clock.advance(DAY_MS)
    assert.equal(await run(), 'last')
    assert.notEqual(agent.runs[0]?.id, runId)
  })
})
