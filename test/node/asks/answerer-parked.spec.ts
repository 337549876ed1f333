import assert from 'node:assert/strict'
import type { ApprovalEvent, EngineEvent } from '../../../src/agent/ports.ts'
import { abortFailure } from '../../../src/agent/failure.ts'
import { askId } from '../../helpers/ask-calls.ts'
import { aborted } from '../../helpers/stub-agent.ts'
import type { StubAgent } from '../../helpers/stub-agent.ts'
import { codeOf, readAnswer } from '../../helpers/ask-home.ts'
import { BERT, allowed, askerOf, testAnswerers } from '../../helpers/test-answerer.ts'
import type { TestAnswerer } from '../../helpers/test-answerer.ts'

const PARKED = { approval: askId(900), checkpoint: new Uint8Array([1, 2]) }

describe('an ask that waits for a person', () => {
  const answerers = testAnswerers()
  let test: TestAnswerer
  let answer: (state: ApprovalEvent['state']) => void
  /** Tools that ran. */
  let ran: number

  beforeEach(() => {
    test = answerers()
    test.parked = PARKED
    ran = 0
    test.agent.script = parking()
  })

  /** What waits for a person before it runs its tool: `answer` is what the person says. */
  function parking(): StubAgent['script'] {
    const answered = Promise.withResolvers<ApprovalEvent['state']>()
    answer = answered.resolve
    return async function* (ask, signal): AsyncGenerator<EngineEvent> {
      const { approval } = PARKED
      if (ask.resume === undefined) {
        yield { kind: 'text', text: 'first, ' }
        yield { kind: 'approval', approval, state: 'waiting', what: 'write notes.md' }
      } else {
        assert.deepEqual(ask.resume, PARKED)
      }
      const state = await Promise.race([answered.promise, aborted(signal)])
      if (state === undefined) {
        yield abortFailure(signal)
        return
      }
      yield { kind: 'approval', approval, state, what: 'write notes.md' }
      if (state === 'granted') ran++
      yield { kind: 'text', text: 'then' }
      yield { kind: 'done' }
    }
  }

  /** Starts an ask, and resolves when it waits for a person. */
  async function parked(nth: number): Promise<void> {
    await test.ask(nth)
    await test.home.quiet()
    assert.equal(stateOf(nth), 'waiting-approval')
  }

  function stateOf(nth: number): string | undefined {
    return test.answerer.find(BERT.id, askId(nth))?.state
  }

  it('is waiting-approval on disk while it waits, and running before its tool runs', async () => {
    await parked(1)
    assert.equal(ran, 0)
    answer('granted')
    assert.equal(await test.finalOf(1), 'done')
    assert.equal(ran, 1)
    const steps = await test.home.steps(askId(1))
    const waits = ['claimed', 'event', 'event', 'waiting-approval']
    assert.deepEqual(steps, [...waits, 'event', 'running', 'event', 'done'])
  })

  it('lets others have its turn', async () => {
    await parked(1)
    assert.deepEqual(test.answerer.counts, { running: 0, queued: 0 })
    await parked(2)
    answer('denied')
    assert.equal(await test.finalOf(1), 'done')
    assert.equal(await test.finalOf(2), 'done')
    assert.equal(ran, 0)
  })

  it('keeps its place among those of its asker', async () => {
    const few = askerOf('bert', { parallel: 1, queue: 1 })
    await test.ask(1, {}, few)
    await test.ask(2, {}, few)
    await test.home.quiet()
    await assert.rejects(test.ask(3, {}, few), { code: 'busy' })
  })

  it('goes on after a crash, with the events of before it, and runs its tool once', async () => {
    await parked(1)
    await test.restart({ script: parking() })
    assert.equal(stateOf(1), 'waiting-approval')
    assert.deepEqual(test.answerer.counts, { running: 0, queued: 0 })
    answer('granted')
    const { final, seqs, text } = await readAnswer(test.answerer.attach(BERT.id, askId(1)))
    assert.deepEqual([codeOf(final), seqs, text], ['done', [1, 2, 3, 4], 'first, then'])
    assert.equal(ran, 1)
  })

  it('is over after a crash when its time is, or its asker may not ask any more', async () => {
    await parked(1)
    await test.restart({ laterMs: 60_000, script: parking() })
    assert.equal(stateOf(1), 'expired')
    await test.ask(2)
    await test.home.quiet()
    test.standing = () => ({ asker: BERT, deniedBy: 'until' })
    await test.restart({ script: parking() })
    assert.equal(await test.finalOf(2), 'denied')
  })

  it('is running on disk, and ends, when it goes on after a crash without having waited', async () => {
    await parked(1)
    const denied: EngineEvent = { kind: 'tool', call: 'call-1', name: 'shell', state: 'denied' }
    const script = async function* (): AsyncGenerator<EngineEvent> {
      yield denied
      yield { kind: 'text', text: 'without' }
      yield { kind: 'done' }
    }
    await test.restart({ script })
    assert.equal(await test.finalOf(1), 'done')
    const steps = await test.home.steps(askId(1))
    assert.deepEqual(steps.slice(-4), ['running', 'event', 'event', 'done'])
    await test.restart({ script })
    assert.equal(test.agent.runs.length, 0)
  })

  it('ends when its asker may not ask any more', async () => {
    await parked(1)
    test.standing = () => ({ asker: BERT, deniedBy: 'allow' })
    await test.answerer.review()
    assert.equal(await test.finalOf(1), 'cancelled')
    assert.equal(ran, 0)
  })

  it('is under the grant that is in force when it goes on', async () => {
    await parked(1)
    test.standing = () => allowed(askerOf('bert', { preset: 'none', approve: ['exec'] }))
    await test.answerer.review()
    assert.deepEqual(test.agent.runs[0]?.presets, ['none'])
    assert.deepEqual(test.agent.runs[0].approve, ['exec'])
  })

  it('is left as it is by a stop of the node, without a final', async () => {
    await parked(1)
    const gone = new AbortController()
    const reading = readAnswer(test.answerer.attach(BERT.id, askId(1)), 0, gone.signal)
    await test.answerer.stop(60_000)
    // Neither who reads it nor who comes now hears of an end, until the link is gone.
    const late = readAnswer(test.answerer.attach(BERT.id, askId(1)), 0, gone.signal)
    gone.abort(new Error('the link is gone'))
    await assert.rejects(reading, /the link is gone/)
    await assert.rejects(late, /the link is gone/)
    assert.equal(test.home.store.get('in', BERT.id, askId(1))?.state, 'waiting-approval')
    assert.equal(ran, 0)
  })

  it('is left as it is also when it begins to wait while the node stops', async () => {
    const begin = Promise.withResolvers<undefined>()
    const { script } = test.agent
    test.agent.script = async function* (ask, signal) {
      await begin.promise
      yield* script?.(ask, signal) ?? []
    }
    await test.ask(1)
    await test.home.quiet()
    const stopped = test.answerer.stop(60_000)
    begin.resolve(undefined)
    await stopped
    assert.equal(test.home.store.get('in', BERT.id, askId(1))?.state, 'waiting-approval')
    assert.equal(ran, 0)
  })

  it('is interrupted by a stop when it cannot go on in another process', async () => {
    test.parked = undefined
    await parked(1)
    const stopped = test.answerer.stop(5_000)
    test.home.clock.advance(5_000)
    await stopped
    const record = test.home.store.get('in', BERT.id, askId(1))
    assert.equal(record?.state, 'interrupted')
  })

  it('ends at its deadline', async () => {
    await test.ask(1, { timeoutMs: 5_000 })
    await test.home.quiet()
    test.home.clock.advance(5_000)
    assert.equal(await test.finalOf(1), 'deadline')
  })

  it('ends when its asker cancels it', async () => {
    await parked(1)
    await test.answerer.cancel(BERT.id, askId(1))
    assert.equal(await test.finalOf(1), 'cancelled')
  })
})
