import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { ABORT_GRACE_MS } from '../../src/agent/agent.ts'
import type { Engine, EngineEvent } from '../../src/agent/ports.ts'
import { KithError } from '../../src/protocol/errors.ts'
import { askOf, endOf, eventsOf, textOf } from './asks.ts'

export interface EngineUnderTest {
  engine: Engine
  /** A text that is answered at once, and an answer that differs for the other one. */
  quick: string
  otherQuick: string
  /** A text whose answer begins at once and takes longer than `ABORT_GRACE_MS`. */
  slow: string
}

/** What `Engine` promises, as tests: every engine passes them. */
export function describeEngineContract(
  name: string,
  make: () => EngineUnderTest | Promise<EngineUnderTest>,
): void {
  describe(`${name}, as an engine`, () => {
    let under: EngineUnderTest

    beforeEach(async () => {
      under = await make()
    })

    it('ends with done, once, after a text', async () => {
      const events = await eventsOf(under.engine, askOf(under.quick))
      assert.equal(endOf(events), 'done')
      assert.equal(events.filter(isEnd).length, 1)
      assert.notEqual(textOf(events), '')
    })

    it('yields no empty text', async () => {
      const events = await eventsOf(under.engine, askOf(under.quick))
      assert.ok(events.every((event) => event.kind !== 'text' || event.text !== ''))
    })

    it('answers two asks at the same time, each with its own answer', async () => {
      const texts = [under.quick, under.otherQuick]
      const apart = [
        await eventsOf(under.engine, askOf(under.quick)),
        await eventsOf(under.engine, askOf(under.otherQuick)),
      ]
      const together = await Promise.all(texts.map((text) => eventsOf(under.engine, askOf(text))))
      assert.deepEqual(together.map(textOf), apart.map(textOf))
      assert.notEqual(apart.map(textOf)[0], apart.map(textOf)[1])
    })

    it('ends with cancelled and nothing else for a signal that was aborted before', async () => {
      const events = await Array.fromAsync(
        under.engine.run(askOf(under.quick), AbortSignal.abort()),
      )
      assert.deepEqual(events.map(kindOf), ['failed'])
      assert.deepEqual(endOf(events), { code: 'cancelled', details: {} })
    })

    const reasons = [
      { code: 'cancelled', reason: undefined },
      { code: 'cancelled', reason: new Error('for no known reason') },
      { code: 'deadline', reason: new KithError('deadline', 'late', {}) },
      { code: 'interrupted', reason: new KithError('interrupted', 'stopping', {}) },
    ]
    for (const { code, reason } of reasons) {
      it(`ends with ${code}, in time, when it is aborted with ${String(reason)}`, async () => {
        const aborting = new AbortController()
        const events: EngineEvent[] = []
        let abortedAt = 0
        for await (const event of under.engine.run(askOf(under.slow), aborting.signal)) {
          events.push(event)
          if (aborting.signal.aborted) continue
          abortedAt = performance.now()
          aborting.abort(reason)
        }
        assert.ok(performance.now() - abortedAt < ABORT_GRACE_MS)
        assert.deepEqual(endOf(events), { code, details: {} })
        assert.equal(events.filter(isEnd).length, 1)
      })
    }

    it('leaves no listener on the signal', async () => {
      const aborting = new AbortController()
      await Array.fromAsync(under.engine.run(askOf(under.quick), aborting.signal))
      assert.equal(getEventListeners(aborting.signal, 'abort').length, 0)
    })

    it('stops when its events are no longer wanted', async () => {
      const aborting = new AbortController()
      for await (const event of under.engine.run(askOf(under.slow), aborting.signal)) {
        assert.equal(event.kind, 'text')
        break
      }
      assert.equal(getEventListeners(aborting.signal, 'abort').length, 0)
    })
  })
}

function isEnd(event: EngineEvent): boolean {
  return event.kind === 'done' || event.kind === 'failed'
}

function kindOf(event: EngineEvent): string {
  return event.kind
}
