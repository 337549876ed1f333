import assert from 'node:assert/strict'
import { ago, bytes, duration, line, some, usd } from '../../src/node/http/dashboard/page/words.ts'

const NOW = 1_800_000_000_000
const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000]

describe('the words of the dashboard', () => {
  const durations: [ms: number, text: string][] = [
    [-5, '0 ms'],
    [0, '0 ms'],
    [999, '999 ms'],
    [SECOND, '1 s'],
    [MINUTE - 1, '59 s'],
    [MINUTE, '1 min'],
    [HOUR - 1, '59 min'],
    [HOUR, '1 h'],
    [3 * HOUR + 20 * MINUTE, '3 h 20 min'],
    [DAY - 1, '23 h 59 min'],
    [DAY, '1 d'],
    [2 * DAY + 4 * HOUR, '2 d 4 h'],
  ]
  for (const [ms, text] of durations) {
    it(`say ${ms} ms as ${text}`, () => {
      assert.equal(duration(ms), text)
    })
  }

  const times: [at: number, text: string][] = [
    [NOW, 'just now'],
    [NOW + 999, 'just now'],
    [NOW - SECOND, '1 s ago'],
    [NOW - 2 * HOUR, '2 h ago'],
    [NOW + 5 * MINUTE, 'in 5 min'],
  ]
  for (const [at, text] of times) {
    it(`say ${text} of what is ${at - NOW} ms from now`, () => {
      assert.equal(ago(at, NOW), text)
    })
  }

  const amounts: [microUsd: number, text: string][] = [
    [0, '$0.00'],
    [60, '$0.000060'],
    [9_999, '$0.010'],
    [10_000, '$0.01'],
    [1_500_000, '$1.50'],
  ]
  for (const [microUsd, text] of amounts) {
    it(`say ${microUsd} millionths of a dollar as ${text}`, () => {
      assert.equal(usd(microUsd), text)
    })
  }

  it('say sizes and counts in the fewest words', () => {
    assert.deepEqual([0, 999, 1_000, 1_234_567].map(bytes), ['0 B', '999 B', '1.0 kB', '1.2 MB'])
    assert.deepEqual([some(1, 'call'), some(12_400, 'call')], ['1 call', '12,400 calls'])
  })

  it('put what others write into one line without what is invisible', () => {
    assert.equal(line('a\n\u202Eb\u001B[31mc\u0007'), 'a bc')
    assert.equal(line('x'.repeat(1_000)).length, 400)
  })
})
