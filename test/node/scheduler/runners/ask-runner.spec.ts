import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { EngineEvent } from '../../../../src/agent/ports.ts'
import { decode, encode } from '../../../../src/protocol/cbor.ts'
import { KithError, isFailure } from '../../../../src/protocol/errors.ts'
import { uuidV7 } from '../../../../src/protocol/uuid.ts'
import { AskDesk } from '../../../../src/node/asks/ask-desk.ts'
import { artifactOf, artifactSchema, isOf } from '../../../../src/node/scheduler/artifact.ts'
import type { Target } from '../../../../src/node/scheduler/job.ts'
import type { Result } from '../../../../src/node/scheduler/runner.ts'
import { AskRunner } from '../../../../src/node/scheduler/runners/ask-runner.ts'
import { askHomes } from '../../../helpers/ask-home.ts'
import type { AskHome } from '../../../helpers/ask-home.ts'
import { AskPair } from '../../../helpers/ask-pair.ts'
import { DeskHome } from '../../../helpers/desk-home.ts'
import { jobOf } from '../../../helpers/job-home.ts'
import { StubAgent } from '../../../helpers/stub-agent.ts'

const never = new AbortController().signal
const DAY_MS = 86_400_000
const ASK = { kind: 'ask', peer: 'self', text: 'first\nlast', egress: 'local-model' }

async function* failed(): AsyncGenerator<EngineEvent> {
  yield { kind: 'failed', code: 'busy', details: { position: 1 }, message: 'later' }
}

describe('ask runner', () => {
  const homes = askHomes()
  let home: AskHome
  let at: DeskHome
  let pair: AskPair
  let agent: StubAgent
  let desk: AskDesk
  let runId: string
  let signs: number
  let sign: PromiseWithResolvers<undefined>

  beforeEach(async () => {
    home = homes()
    at = await DeskHome.start(home)
    ;({ agent, desk, pair } = at)
    runId = uuidV7(home.clock.now(), randomBytes(10))
    signs = 0
    sign = Promise.withResolvers()
  })
  afterEach(async () => {
    await at.stop()
  })

  async function run(
    target: Partial<Extract<Target, { kind: 'ask' }>> = {},
    attempt = 1,
    signal = never,
  ): Promise<string> {
    return (await resultOf(target, attempt, signal)).summary
  }

  async function resultOf(
    target: Partial<Extract<Target, { kind: 'ask' }>> = {},
    attempt = 1,
    signal = never,
  ): Promise<Result> {
    const runner = new AskRunner({
      ...{ desk, clock: home.clock },
      modelOf: async ({ ask }) => (ask === runId ? 'local/qwen3' : undefined),
      engineSettings: () => ({ engine: 'model', max_steps: 24 }),
    })
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

  it('makes the whole answer its result, with all that it was made from', async () => {
    const { made } = await resultOf({ budget: { microUsd: 10 } })
    assert.ok(made !== undefined)
    const { record } = await desk.find(runId)
    const { context, sources, ...rest } = made
    assert.deepEqual(rest, {
      prompt: 'first\nlast',
      content: 'first\nlast',
      engine: 'stub',
      model: 'local/qwen3',
      trace: runId,
    })
    assert.deepEqual(JSON.parse(context), {
      ...{ peer: 'self', preset: 'read-only', egress: 'none', timeoutMs: 90_000 },
      budget: { microUsd: 5 },
      engine: { engine: 'model', max_steps: 24 },
    })
    assert.deepEqual(sources, [{ ref: `ask:${runId}`, digest: record.digest }])
    const artifact = artifactOf(jobOf('digest', { target: ASK }), runId, made, 1_000)
    assert.deepEqual(artifactSchema.parse(decode(encode(artifact))), artifact)
    assert.equal(isOf(artifact, made), true)
    assert.equal(artifact.egress, 'local-model')
  })

  it('says of an answer of a peer what the peer says of it, and nothing of its own engine', async () => {
    pair.peer.serve.set('ask', (body, say) => {
      const { ask } = body as { ask: string }
      say(1, { kind: 'text', text: 'says bert' })
      return { ask, engine: 'stub', lastSeq: 1 }
    })
    const { made } = await resultOf({ peer: 'bert', egress: 'peers' })
    assert.equal(made?.content, 'says bert')
    assert.equal(made.model, undefined)
    assert.equal(Object.hasOwn(JSON.parse(made.context) as object, 'engine'), false)
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

  it('joins the ask of the attempt before it that a stop has cut off, whichever that is', async () => {
    agent.script = failed
    await assert.rejects(run({}, 1))
    agent.script = undefined
    agent.hold()
    const stop = new AbortController()
    const second = run({}, 2, stop.signal)
    stop.abort(new KithError('stopping', 'the end', {}))
    await assert.rejects(second)
    for (const attempt of [3, 4]) {
      const cut = new AbortController()
      const again = run({}, attempt, cut.signal)
      cut.abort(new KithError('stopping', 'the end', {}))
      await assert.rejects(again)
    }
    sign = Promise.withResolvers()
    const last = run({}, 5)
    await sign.promise
    agent.release()
    assert.equal(await last, 'last')
    assert.equal(agent.runs.length, 2, 'the one that failed, and the one that all others are about')
  })

  it('takes the answer that the ask before has, where nobody came to store it', async () => {
    await run()
    assert.equal(await run({}, 2), 'last')
    assert.equal(agent.runs.length, 1)
  })

  it('asks again where the ask before has failed, and links the two', async () => {
    agent.script = failed
    await assert.rejects(run())
    agent.script = undefined
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
