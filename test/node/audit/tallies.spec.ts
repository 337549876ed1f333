import assert from 'node:assert/strict'
import { Tallies } from '../../../src/node/audit/tallies.ts'

const NOW = Date.UTC(2026, 10, 21, 9)

describe('tallies of what peers cause', () => {
  it('F34: count the first eleven kinds apart, and the rest as one', () => {
    const tallies = new Tallies()
    for (let code = 0; code < 11; code++) tallies.count('denied', 'eve', `ask ${code}`)
    assert.equal(Object.keys(tallies.take(NOW)[0]?.details ?? {}).length, 11)
    for (let code = 0; code < 20; code++) tallies.count('denied', 'eve', `ask ${code}`)
    tallies.count('denied', 'eve', 'ask 0')
    const [event] = tallies.take(NOW)
    assert.equal(Object.keys(event?.details ?? {}).length, 12)
    assert.deepEqual([event?.details?.['ask 0'], event?.details?.['other']], [2, 9])
    assert.equal(event?.what, '21 calls were refused')
  })

  it('F63: count a thousand peers at once, and the next one when they are written', () => {
    const tallies = new Tallies()
    for (let peer = 0; peer <= 1_000; peer++) tallies.count('denied', `p${peer}`, 'ask denied')
    tallies.count('denied', 'p0', 'ask denied')
    const events = tallies.take(NOW)
    assert.equal(events.length, 1_000)
    assert.equal(events[0]?.what, '2 calls were refused')
    tallies.count('denied', 'p1000', 'ask denied')
    assert.deepEqual(
      tallies.take(NOW).map(({ who }) => who),
      ['p1000'],
    )
  })
})
