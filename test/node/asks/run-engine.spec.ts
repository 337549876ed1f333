import assert from 'node:assert/strict'
import { digestOf } from '../../../src/node/asks/ask-store.ts'
import { bytesOfEvent } from '../../../src/node/asks/daily-bytes.ts'
import type { DailyBytes } from '../../../src/node/asks/daily-bytes.ts'
import { Feed } from '../../../src/node/asks/feed.ts'
import { runEngine } from '../../../src/node/asks/run-engine.ts'
import { MAX_ANSWER_EVENTS } from '../../../src/protocol/limits.ts'
import type { AskFinal } from '../../../src/protocol/verbs.ts'
import { askerOf } from '../../../src/node/verbs/ask.ts'
import { NOW, askCallOf, askerPeer } from '../../helpers/ask-calls.ts'
import { StubAgent } from '../../helpers/stub-agent.ts'

/** A day in which so many events of an answer may be stored, and how much each counted for. */
function roomFor(events: number): Pick<DailyBytes, 'excess' | 'add'> & { added: number[] } {
  const added: number[] = []
  return {
    added,
    excess: () => (added.length < events ? undefined : { scope: 'peer-bytes', resetAt: 7 }),
    add: (_asker, more) => {
      added.push(more)
    },
  }
}

const ROOMY = roomFor(Infinity)

describe('the run of an engine', () => {
  /** The final of an answer of so many notes without content, and how many of them were kept. */
  async function runOf(events: number, bytes = ROOMY): Promise<{ final: AskFinal; kept: number }> {
    const agent = new StubAgent()
    agent.script = async function* () {
      for (let event = 0; event < events; event++) yield { kind: 'progress', note: '' }
      yield { kind: 'done' }
    }
    let kept = 0
    const store = {
      addEvent: async () => {
        kept++
      },
      advance: async () => assert.fail('nothing waits'),
    }
    const call = askCallOf('bert')
    const asker = askerOf(askerPeer('bert'))
    const record = {
      direction: 'in',
      ask: call.ask,
      peer: asker.id,
      state: 'claimed',
      receivedAt: NOW,
      deadlineAt: NOW + 60_000,
      digest: digestOf(call),
    } as const
    const ask = {
      ...{ record, call, asker, feed: new Feed(), stop: new AbortController() },
      ...{ parked: undefined, left: false },
    }
    const parked = async (): Promise<undefined> => undefined
    const final = await runEngine({ agent, store, bytes, parked }, ask, () => undefined)
    assert.ok(final !== undefined)
    return { final, kept }
  }

  it('takes as many events as an answer may have', async () => {
    const { final, kept } = await runOf(MAX_ANSWER_EVENTS)
    assert.equal(final.outcome, 'done')
    assert.equal(kept, MAX_ANSWER_EVENTS)
  })

  it('ends as too large with one more, which is not kept', async () => {
    const { final, kept } = await runOf(MAX_ANSWER_EVENTS + 1)
    const limitBytes = MAX_ANSWER_EVENTS * 64
    const details = { bytes: limitBytes + 64, limitBytes }
    assert.deepEqual(final, { outcome: 'failed', code: 'too-large', details })
    assert.equal(kept, MAX_ANSWER_EVENTS)
  })

  it('ends where its asker may store no more today, with what does not fit left out', async () => {
    const bytes = roomFor(2)
    const { final, kept } = await runOf(3, bytes)
    const details = { scope: 'peer-bytes', resetAt: 7 }
    assert.deepEqual(final, { outcome: 'failed', code: 'budget-exhausted', details })
    assert.equal(kept, 2)
    const each = bytesOfEvent({ kind: 'progress', note: '' })
    assert.deepEqual(bytes.added, [each, each])
  })

  it('is done where its asker may store just so much today', async () => {
    assert.equal((await runOf(2, roomFor(2))).final.outcome, 'done')
  })
})
