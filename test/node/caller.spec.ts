import assert from 'node:assert/strict'
import { z } from 'zod'
import { WireFailure } from '../../src/node/answer.ts'
import { Caller } from '../../src/node/caller.ts'
import type { Link } from '../../src/node/link.ts'
import { KithError } from '../../src/protocol/errors.ts'
import { HeldAnswers, PATIENT, linkPair } from '../helpers/links.ts'
import { settle } from '../helpers/memory-channel.ts'
import { aborted } from '../helpers/stub-agent.ts'
import { peerOf } from '../helpers/stub-pins.ts'

const BERT = peerOf('bert')
const text = z.string()

describe('caller', () => {
  /** Links that are dialled, one after the other. */
  let dialled: Link[]
  /** The link that is up. */
  let up: Link | undefined
  let dials: number
  /** True: a dial ends by its signal alone. */
  let dialling: boolean
  let caller: Caller

  beforeEach(() => {
    dialled = []
    up = undefined
    dials = 0
    dialling = false
    caller = new Caller({
      links: { get: () => up },
      dialer: {
        connect: async (_peer, signal) => {
          const link = dialled[dials++]
          if (link !== undefined) return link
          if (dialling && signal !== undefined) await aborted(signal)
          throw new KithError('unreachable', 'nobody', { peer: 'bert', reason: 'nobody' })
        },
      },
    })
  })

  it('gives the end as its schema has it', async () => {
    dialled = [(await linkPair()).near]
    assert.equal(await caller.call(BERT, 'echo', 'hi', text, PATIENT), 'hi')
  })

  it('refuses an end that does not fit', async () => {
    dialled = [(await linkPair()).near]
    await assert.rejects(caller.call(BERT, 'echo', 1, text, PATIENT), { code: 'bad-request' })
  })

  it('hands on what the peer says, and that nobody is there', async () => {
    const refuse = (): never => {
      throw new WireFailure('busy', { position: 1 })
    }
    dialled = [(await linkPair({ far: { answer: refuse } })).near]
    await assert.rejects(caller.call(BERT, 'ask', '', text, PATIENT), {
      name: 'WireFailure',
      code: 'busy',
    })
    await assert.rejects(caller.call(BERT, 'ask', '', text, PATIENT), { code: 'unreachable' })
    assert.equal(dials, 2)
  })

  it('calls again over the link that took the place of the one that was lost', async () => {
    const lost = await linkPair({ far: { answer: new HeldAnswers().take } })
    const other = await linkPair()
    dialled = [lost.near]
    const end = caller.call(BERT, 'echo', 'hi', text, PATIENT)
    await settle()
    up = other.near
    lost.near.abort(new Error('another link took over'))
    assert.equal(await end, 'hi')
    assert.equal(dials, 1)
  })

  it('makes a call that is to be made once not again, whatever link there is', async () => {
    const lost = await linkPair({ far: { answer: new HeldAnswers().take } })
    dialled = [lost.near]
    const end = caller.call(BERT, 'job.run', 'hi', text, { ...PATIENT, once: true })
    await settle()
    up = (await linkPair()).near
    lost.near.abort(new Error('another link took over'))
    await assert.rejects(end, { code: 'connection-lost' })
  })

  it('calls again once and no more', async () => {
    const [first, second] = [await linkPair(), await linkPair()]
    dialled = [first.near]
    up = second.near
    first.near.abort(new Error('gone'))
    second.near.abort(new Error('gone too'))
    await assert.rejects(caller.call(BERT, 'echo', 'hi', text, PATIENT), {
      code: 'connection-lost',
    })
  })

  for (const [name, same] of [
    ['there is no other', false],
    ['it is the only one', true],
  ] as const) {
    it(`does not call again over a lost link when ${name}`, async () => {
      const { near } = await linkPair()
      dialled = [near]
      up = same ? near : undefined
      near.abort(new Error('gone'))
      await assert.rejects(caller.call(BERT, 'echo', 'hi', text, PATIENT), {
        code: 'connection-lost',
      })
    })
  }

  it('tells that the call is on its way when it is, and not before', async () => {
    const { near } = await linkPair()
    dialled = [near]
    let sent = 0
    const onSent = (): void => {
      sent++
    }
    const end = caller.call(BERT, 'echo', 'hi', text, { ...PATIENT, onSent })
    assert.equal(sent, 0)
    await end
    assert.equal(sent, 1)
    await assert.rejects(caller.call(BERT, 'echo', 'hi', text, { ...PATIENT, onSent }))
    assert.equal(sent, 1)
  })

  it('gives a dial up when it is cancelled', async () => {
    dialling = true
    const stop = new AbortController()
    const end = caller.call(BERT, 'echo', 'hi', text, { ...PATIENT, signal: stop.signal })
    await settle()
    stop.abort()
    await assert.rejects(end, { code: 'cancelled' })
  })

  it('sends nothing when it was cancelled while it dialled', async () => {
    const held = new HeldAnswers()
    dialled = [(await linkPair({ far: { answer: held.take } })).near]
    const stop = new AbortController()
    let sent = false
    const onSent = (): void => {
      sent = true
    }
    const options = { ...PATIENT, signal: stop.signal, onSent }
    const end = caller.call(BERT, 'echo', 'hi', text, options)
    stop.abort()
    await assert.rejects(end, { code: 'cancelled' })
    await settle()
    assert.equal(sent, false)
    assert.deepEqual(held.answers, [])
  })
})
