import assert from 'node:assert/strict'
import { durationText, timeText } from '../../src/cli/time-text.ts'

describe('durationText', () => {
  const table: [ms: number, text: string][] = [
    [-5, '0 ms'],
    [0, '0 ms'],
    [0.4321, '0.43 ms'],
    [9.5, '9.5 ms'],
    [12.34, '12 ms'],
    [999, '999 ms'],
    [1_000, '1 s'],
    [12_340, '12.3 s'],
    [60_000, '1 min 0 s'],
    [3_599_999, '59 min 59 s'],
    [3_600_000, '1 h 0 min'],
    [90_061_000, '1 d 1 h'],
  ]
  for (const [ms, text] of table) {
    it(`says ${text} for ${ms} ms`, () => {
      assert.equal(durationText(ms), text)
    })
  }
})

describe('timeText', () => {
  it('is a date and a time that sort', () => {
    assert.match(timeText(1_790_000_000_000), /^2026-09-2\d \d\d:\d\d:\d\d$/)
  })
})
