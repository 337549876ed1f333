import assert from 'node:assert/strict'
import fc from 'fast-check'
import { WireFailure } from '../../src/node/answer.ts'
import { RETIRE_SWEEPS } from '../../src/node/link.ts'
import type { Link } from '../../src/node/link.ts'
import { KithError, isFailure } from '../../src/protocol/errors.ts'
import type { Body } from '../../src/protocol/message.ts'
import { HeldAnswers, PATIENT, linkPair } from '../helpers/links.ts'
import { settle } from '../helpers/memory-channel.ts'

describe('a call over a link', () => {
  it('gives the body of its end', async () => {
    const { near } = await linkPair()
    assert.deepEqual(await near.call('echo', { a: [1, 'two'] }, PATIENT), { a: [1, 'two'] })
  })

  it('carries its verb, its body and its deadline', async () => {
    const held = new HeldAnswers()
    const { near } = await linkPair({ far: { answer: held.take } })
    void near.call('ask', 'hi', { deadlineMs: 1_234.5 }).catch(() => undefined)
    await settle()
    assert.deepEqual(held.answers[0]?.call, {
      t: 'call',
      id: 1,
      body: 'hi',
      verb: 'ask',
      deadlineMs: 1_235,
    })
  })

  it('goes both ways over one link at the same time', async () => {
    const { near, far } = await linkPair()
    const ends = [near.call('echo', 'to far', PATIENT), far.call('echo', 'to near', PATIENT)]
    assert.deepEqual(await Promise.all(ends), ['to far', 'to near'])
  })

  it('fails with what the peer says, code and details', async () => {
    const refuse = (): never => {
      throw new WireFailure('rate-limited', { retryAfterMs: 5 })
    }
    const { near } = await linkPair({ far: { answer: refuse } })
    const expected = { name: 'WireFailure', code: 'rate-limited', details: { retryAfterMs: 5 } }
    await assert.rejects(near.call('ask', null, PATIENT), expected)
  })

  it('fails alike when the answer fails later', async () => {
    const held = new HeldAnswers()
    const { near } = await linkPair({ far: { answer: held.take } })
    const end = near.call('ask', null, PATIENT)
    await settle()
    await Promise.all([
      assert.rejects(end, { code: 'busy', details: { position: 2 } }),
      held.fail(0, new WireFailure('busy', { position: 2 })),
    ])
  })

  it('hears its events in order, then its end', async () => {
    const held = new HeldAnswers()
    const { near } = await linkPair({ far: { answer: held.take } })
    const heard: [number, Body][] = []
    const end = near.call('ask', null, {
      ...PATIENT,
      onEvent: (seq, body) => {
        heard.push([seq, body])
      },
    })
    await settle()
    for (let seq = 1; seq <= 50; seq++)
      assert.equal(held.answers[0]?.event(seq, `e${seq}`), undefined)
    await held.end(0, 'done')
    assert.equal(await end, 'done')
    assert.deepEqual(
      heard,
      Array.from({ length: 50 }, (_, at) => [at + 1, `e${at + 1}`]),
    )
  })

  it('gets its own end, however the ends of many are mixed and their bytes cut', async () => {
    const calls = fc.array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(calls, fc.integer({ min: 1, max: 40 }), async (order, size) => {
        const held = new HeldAnswers()
        const pieces = (bytes: Uint8Array): Uint8Array[] =>
          Array.from({ length: Math.ceil(bytes.byteLength / size) }, (_, at) =>
            bytes.subarray(at * size, (at + 1) * size),
          )
        const { near } = await linkPair({ far: { answer: held.take } }, pieces)
        const ends = Promise.all(order.map((_, at) => near.call('echo', `call ${at}`, PATIENT)))
        await settle(3)
        const places = order.map((rank, at) => ({ rank, at })).sort((a, b) => a.rank - b.rank)
        for (const { at } of places) void held.end(at, held.answers[at]?.call.body ?? null)
        assert.deepEqual(
          await ends,
          order.map((_, at) => `call ${at}`),
        )
      }),
      { numRuns: 50 },
    )
  })

  describe('that is given up', () => {
    let held: HeldAnswers
    let near: Link
    let far: Link

    beforeEach(async () => {
      held = new HeldAnswers()
      ;({ near, far } = await linkPair({ far: { answer: held.take } }))
    })

    it('rejects as cancelled, and the answerer hears so', async () => {
      const stop = new AbortController()
      const end = near.call('ask', null, { ...PATIENT, signal: stop.signal })
      await settle()
      assert.equal(held.answers[0]?.signal.aborted, false)
      stop.abort()
      await assert.rejects(end, { code: 'cancelled' })
      await settle()
      assert.equal(held.answers[0].signal.aborted, true)
      assert.ok(isFailure(held.answers[0].signal.reason, 'cancelled'))
    })

    it('before it is made is never sent', async () => {
      const end = near.call('ask', null, { ...PATIENT, signal: AbortSignal.abort() })
      await assert.rejects(end, { code: 'cancelled' })
      await settle()
      assert.deepEqual(held.answers, [])
    })

    it('disturbs nothing when its end comes all the same', async () => {
      const stop = new AbortController()
      const end = near.call('ask', null, { ...PATIENT, signal: stop.signal })
      await settle()
      stop.abort()
      await assert.rejects(end)
      await settle()
      void held.answers[0]?.event(1, 'late')
      await held.end(0, 'late')
      assert.equal(near.over, false)
      const next = near.call('ask', null, PATIENT)
      await settle()
      await held.end(1, 'in time')
      assert.equal(await next, 'in time')
    })

    it('leaves nothing listening to its signal once it has ended', async () => {
      const stop = new AbortController()
      const end = near.call('ask', null, { ...PATIENT, signal: stop.signal })
      await settle()
      await held.end(0, 'done')
      await end
      stop.abort()
      await settle()
      assert.equal(held.answers[0]?.signal.aborted, false)
    })

    it('rejects at its deadline, and not a millisecond earlier', async () => {
      const end = near.call('ask', null, { deadlineMs: 1_000 })
      let over = false
      end.catch(() => {
        over = true
      })
      for (const now of [5_000, 5_999]) {
        near.sweep(now)
        await settle()
        assert.equal(over, false)
      }
      near.sweep(6_000)
      await assert.rejects(end, { code: 'deadline' })
      await settle()
      assert.ok(isFailure(held.answers[0]?.signal.reason, 'cancelled'))
    })

    it('is given up by the answerer at the same deadline, told or not', async () => {
      void near.call('ask', null, { deadlineMs: 1_000 }).catch(() => undefined)
      await settle()
      far.sweep(5_000)
      far.sweep(5_999)
      assert.equal(held.answers[0]?.signal.aborted, false)
      far.sweep(6_000)
      assert.ok(isFailure(held.answers[0].signal.reason, 'deadline'))
    })

    it('rejects when the link ends, and the answerer hears that it is gone', async () => {
      const ends = [near.call('ask', 1, PATIENT), near.call('ask', 2, PATIENT)]
      await settle()
      far.abort(new Error('the lid was closed'))
      for (const end of ends) await assert.rejects(end, { code: 'connection-lost' })
      assert.ok(isFailure(held.answers[0]?.signal.reason, 'connection-lost'))
      await assert.rejects(near.call('ask', 3, PATIENT), { code: 'connection-lost' })
    })
  })

  it('rejects when its body has no encoding, and the link goes on', async () => {
    const { near } = await linkPair()
    await assert.rejects(async () => near.call('echo', 1.5, PATIENT), TypeError)
    assert.equal(await near.call('echo', 1, PATIENT), 1)
    near.retire()
    for (let sweep = 0; sweep < RETIRE_SWEEPS; sweep++) near.sweep(0)
    assert.equal(near.over, true, 'the call that was never made holds the link')
  })

  it('rejects when an event of it is not taken, and the link goes on', async () => {
    const held = new HeldAnswers()
    const { near } = await linkPair({ far: { answer: held.take } })
    const end = near.call('ask', null, {
      ...PATIENT,
      onEvent: () => {
        throw new KithError('bad-request', 'no such kind', { what: 'kind' })
      },
    })
    await settle()
    void held.answers[0]?.event(1, 'unheard of')
    await assert.rejects(end, { code: 'bad-request' })
    await settle()
    assert.ok(isFailure(held.answers[0]?.signal.reason, 'cancelled'))
    assert.equal(near.over, false)
  })

  describe('whose answer is a fault of ours', () => {
    const faults: [name: string, answer: () => Body | Promise<Body>][] = [
      [
        'thrown at once',
        () => {
          throw new TypeError('a slip')
        },
      ],
      ['thrown later', () => Promise.reject(new TypeError('a slip'))],
      ['an end without an encoding', () => 1.5],
      ['an end without an encoding, later', async () => 1.5],
      [
        'a failure without an encoding',
        () => {
          throw new WireFailure('internal', { incident: 1.5 })
        },
      ],
      [
        'a failure without an encoding, later',
        () => Promise.reject(new WireFailure('internal', { incident: 1.5 })),
      ],
    ]
    for (const [name, answer] of faults) {
      it(`ends the link and nothing else: ${name}`, async () => {
        const { near, far } = await linkPair({ far: { answer } })
        await assert.rejects(near.call('echo', null, PATIENT), { code: 'connection-lost' })
        assert.equal(far.over, true)
        assert.ok((await far.closed) instanceof TypeError)
      })
    }
  })
})
