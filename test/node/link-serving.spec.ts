import assert from 'node:assert/strict'
import { WireFailure } from '../../src/node/answer.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { MAX_CALLS_PER_LINK, MAX_REFUSALS } from '../../src/protocol/limits.ts'
import type { Body, Message } from '../../src/protocol/message.ts'
import { HeldAnswers, linkToRaw } from '../helpers/links.ts'

describe('a link takes calls of its peer', () => {
  it('as many at once as the limit says, and answers busy beyond', async () => {
    const held = new HeldAnswers()
    const { link, peer } = await linkToRaw({ answer: held.take })
    for (let id = 1; id <= MAX_CALLS_PER_LINK; id++) await peer.call(id)
    assert.deepEqual(peer.all('fail'), [])
    await peer.call(1_000)
    const details = { position: MAX_CALLS_PER_LINK }
    assert.deepEqual(peer.all('fail'), [{ t: 'fail', id: 1_000, code: 'busy', details }])
    await held.end(0)
    await peer.call(1_001)
    assert.equal(peer.all('fail').length, 1)
    assert.equal(held.answers.length, MAX_CALLS_PER_LINK + 1)
    assert.equal(link.over, false)
  })

  it('without end, as long as each is answered', async () => {
    const { link, peer } = await linkToRaw()
    for (let id = 1; id <= 3 * MAX_CALLS_PER_LINK; id++) await peer.call(id, id)
    assert.equal(peer.all('end').length, 3 * MAX_CALLS_PER_LINK)
    assert.equal(link.over, false)
  })

  const successes: [when: string, answered: (body: Body) => Body | Promise<Body>][] = [
    ['at once', (body) => body],
    ['later', async (body) => body],
  ]
  for (const [when, answered] of successes) {
    it(`that fail, unless too many do so in a row, with one answered ${when} between`, async () => {
      let fails = true
      const { link, peer } = await linkToRaw({
        answer: ({ call }) => {
          if (fails) throw new WireFailure('denied', { rule: 'allow' })
          return answered(call.body)
        },
      })
      const call = (id: number): Message => ({ t: 'call', id, body: id, verb: 'x', deadlineMs: 1 })
      const calls = Array.from({ length: MAX_REFUSALS }, (_, id) => call(id))
      await peer.say(...calls)
      fails = false
      await peer.say(call(0))
      fails = true
      await peer.say(...calls)
      assert.equal(peer.all('fail').length, 2 * MAX_REFUSALS)
      assert.equal(link.over, false)
      await peer.say(call(0))
      assert.equal(link.over, true)
    })
  }

  it('by an id that is free, and ends when one is in use', async () => {
    const held = new HeldAnswers()
    const { link, peer } = await linkToRaw({ answer: held.take })
    await peer.call(7)
    await held.end(0)
    await peer.call(7)
    assert.equal(link.over, false)
    await peer.call(7)
    assert.ok(isFailure(await link.closed, 'malformed'))
    assert.equal(held.answers.length, 2)
  })

  it('and does not mind a cancel, an end or an event for a call that there is not', async () => {
    const { link, peer } = await linkToRaw()
    await peer.say(
      { t: 'cancel', id: 9 },
      { t: 'event', id: 9, seq: 1, body: null },
      { t: 'end', id: 9, body: null },
      { t: 'fail', id: 9, code: 'busy', details: {} },
    )
    assert.equal(link.over, false)
  })

  it('and answers each once, however often it was cancelled', async () => {
    const held = new HeldAnswers()
    const { peer } = await linkToRaw({ answer: held.take })
    await peer.call(3)
    await peer.say({ t: 'cancel', id: 3 }, { t: 'cancel', id: 3 })
    assert.equal(held.answers[0]?.signal.aborted, true)
    await held.end(0, 'the end that is due')
    await peer.say({ t: 'cancel', id: 3 })
    assert.deepEqual(peer.all('end'), [{ t: 'end', id: 3, body: 'the end that is due' }])
  })
})
