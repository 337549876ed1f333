import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { PendingCalls } from '../../src/node/pending-calls.ts'
import type { Body } from '../../src/protocol/message.ts'

describe('pending calls', () => {
  let calls: PendingCalls
  let givenUp: number[]

  beforeEach(() => {
    givenUp = []
    calls = new PendingCalls((id) => givenUp.push(id))
  })

  it('have ids that count from 1 and are not used again', async () => {
    const first = calls.open({ deadlineMs: 1 })
    calls.resolve(first.id, null)
    await first.end
    const ids = [first.id, calls.open({ deadlineMs: 1 }).id, calls.open({ deadlineMs: 1 }).id]
    assert.deepEqual(ids, [1, 2, 3])
    assert.equal(calls.size, 2)
  })

  it('end once, with the first of what comes', async () => {
    const good = calls.open({ deadlineMs: 1 })
    const bad = calls.open({ deadlineMs: 1 })
    calls.resolve(good.id, 'first')
    calls.resolve(good.id, 'second')
    calls.reject(bad.id, new Error('first'))
    calls.resolve(bad.id, 'second')
    assert.equal(await good.end, 'first')
    await assert.rejects(bad.end, { message: 'first' })
    assert.equal(calls.size, 0)
    assert.deepEqual(givenUp, [])
  })

  it('hear events while they last, and none for an id that nobody has', async () => {
    const heard: [number, Body][] = []
    const onEvent = (seq: number, body: Body): void => {
      heard.push([seq, body])
    }
    const { id, end } = calls.open({ deadlineMs: 1, onEvent })
    const deaf = calls.open({ deadlineMs: 1 })
    calls.event(id, 1, 'a')
    calls.event(deaf.id, 1, 'b')
    calls.event(99, 1, 'c')
    calls.resolve(id, null)
    await end
    calls.event(id, 2, 'd')
    assert.deepEqual(heard, [[1, 'a']])
  })

  it('are given up when they cannot take an event, and no other is', async () => {
    const onEvent = (): never => {
      throw new TypeError('not for me')
    }
    const bad = calls.open({ deadlineMs: 1, onEvent })
    const good = calls.open({ deadlineMs: 1 })
    calls.event(bad.id, 1, null)
    await assert.rejects(bad.end, { message: 'not for me' })
    assert.deepEqual(givenUp, [bad.id])
    calls.resolve(good.id, 'fine')
    assert.equal(await good.end, 'fine')
  })

  it('are given up at their own deadlines, which count from the first sweep', async () => {
    const long = calls.open({ deadlineMs: 300 })
    const short = calls.open({ deadlineMs: 100 })
    calls.sweep(1_000)
    calls.sweep(1_099)
    assert.deepEqual(givenUp, [])
    calls.sweep(1_100)
    await assert.rejects(short.end, { code: 'deadline' })
    const late = calls.open({ deadlineMs: 100 })
    calls.sweep(1_300)
    await assert.rejects(long.end, { code: 'deadline' })
    assert.deepEqual(givenUp, [short.id, long.id])
    calls.sweep(1_400)
    await assert.rejects(late.end, { code: 'deadline' })
    assert.equal(calls.size, 0)
  })

  it('are given up by their signal, and leave nothing on it', async () => {
    const stop = new AbortController()
    const { signal } = stop
    const aborted = calls.open({ deadlineMs: 1, signal })
    const ended = calls.open({ deadlineMs: 1, signal })
    assert.equal(getEventListeners(signal, 'abort').length, 2)
    calls.resolve(ended.id, null)
    await ended.end
    assert.equal(getEventListeners(signal, 'abort').length, 1)
    stop.abort()
    await assert.rejects(aborted.end, { code: 'cancelled' })
    assert.deepEqual(givenUp, [aborted.id])
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  it('are all rejected when the link goes, and nobody is told of them', async () => {
    const ends = [1, 2, 3].map(() => calls.open({ deadlineMs: 1 }).end)
    calls.rejectAll(new Error('gone'))
    for (const end of ends) await assert.rejects(end, { message: 'gone' })
    assert.equal(calls.size, 0)
    assert.deepEqual(givenUp, [])
  })
})
