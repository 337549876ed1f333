import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Answer } from '../../src/node/answer.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import {
  DRAIN_TIMEOUT_MS,
  MAX_EVENT_TEXT_BYTES,
  MAX_LINK_BACKLOG_BYTES,
} from '../../src/protocol/limits.ts'
import { HeldAnswers, PATIENT, linkPair, linkToRaw } from '../helpers/links.ts'
import { settle } from '../helpers/memory-channel.ts'

const TEXT = 'x'.repeat(MAX_EVENT_TEXT_BYTES)

describe('a link whose peer reads slowly', () => {
  it('holds what it may, and then is given up', async () => {
    const { link, channel, peer } = await linkToRaw({ answer: () => TEXT })
    channel.block()
    let calls = 0
    while (!link.over && calls < 1_000) await peer.call(++calls)
    const heldBytes = (calls - 1) * (TEXT.length + 16)
    assert.equal(link.over, true)
    assert.ok(isFailure(channel.aborted, 'connection-lost'))
    assert.ok(Math.abs(heldBytes - MAX_LINK_BACKLOG_BYTES) < 2 * TEXT.length, `${heldBytes} bytes`)
  })

  it('is given up when it reads nothing for so long, and not a millisecond earlier', async () => {
    const { link, channel, peer } = await linkToRaw()
    channel.block()
    await peer.call(1)
    link.sweep(1_000)
    link.sweep(1_000 + DRAIN_TIMEOUT_MS - 1)
    assert.equal(link.over, false)
    link.sweep(1_000 + DRAIN_TIMEOUT_MS)
    assert.ok(isFailure(channel.aborted, 'connection-lost'))
  })

  it('is kept while it reads now and then', async () => {
    const { link, channel, peer } = await linkToRaw()
    let now = 0
    for (let id = 1; id <= 5; id++) {
      channel.block()
      await peer.call(id)
      link.sweep(now)
      channel.unblock()
      await settle()
      link.sweep((now += DRAIN_TIMEOUT_MS))
    }
    assert.equal(link.over, false)
    assert.equal(peer.all('end').length, 5)
  })

  it('holds its answers back: each event waits for the one before it to be taken', async () => {
    const sent: number[] = []
    const { near, farChannel } = await linkPair({
      far: { answer: (answer) => sayAll(answer, 100, sent) },
    })
    const heard: number[] = []
    farChannel.block()
    const end = near.call('ask', null, {
      ...PATIENT,
      onEvent: (seq) => {
        heard.push(seq)
      },
    })
    await settle()
    assert.deepEqual(sent, [1])
    assert.deepEqual(heard, [])
    farChannel.unblock()
    assert.equal(await end, 'all')
    assert.equal(sent.length, 100)
    assert.deepEqual(heard, sent)
  })

  it('gets every event and the end, whenever the channel fills and drains', async () => {
    const pauses = fc.array(fc.record({ open: fc.nat({ max: 4 }), shut: fc.nat({ max: 6 }) }), {
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(pauses, fc.integer({ min: 0, max: 60 }), async (all, events) => {
        const { near, farChannel } = await linkPair({
          far: { answer: (answer) => sayAll(answer, events, []) },
        })
        const heard: number[] = []
        const end = near.call('ask', null, {
          ...PATIENT,
          onEvent: (seq) => {
            heard.push(seq)
          },
        })
        for (const { open, shut } of all) {
          await settle(open)
          farChannel.block()
          await settle(shut)
          farChannel.unblock()
        }
        assert.equal(await end, 'all')
        assert.deepEqual(
          heard,
          Array.from({ length: events }, (_, at) => at + 1),
        )
      }),
      { numRuns: 60 },
    )
  })

  for (const [name, end] of [
    ['is given up', 'abort'],
    ['went away', 'throw'],
  ] as const) {
    it(`lets its answers go when it ${name}`, async () => {
      const held = new HeldAnswers()
      const { link, channel, peer } = await linkToRaw({ answer: held.take })
      await peer.call(1)
      const [answer] = held.answers
      assert.ok(answer !== undefined)
      if (end === 'abort') channel.block()
      // Closed below, and nobody has told us yet.
      else
        channel.send = () => {
          throw new Error('the stream is closed')
        }
      const drained = answer.event(1, 'text')
      if (end === 'abort') link.abort(new Error('gone'))
      await drained
      assert.equal(link.over, true)
      await answer.event(2, 'text')
      assert.equal(answer.signal.aborted, true)
    })
  }
})

/** Sends this many events, each when the one before it was taken, and notes their numbers as they go. */
async function sayAll(answer: Answer, events: number, sent: number[]): Promise<string> {
  for (let seq = 1; seq <= events; seq++) {
    sent.push(seq)
    const drained = answer.event(seq, TEXT)
    if (drained !== undefined) await drained
  }
  return 'all'
}
