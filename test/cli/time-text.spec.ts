import assert from 'node:assert/strict'
import { durationText, timeText, zonedTime } from '../../src/cli/time-text.ts'

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

  it('is the number of one that no calendar has', () => {
    assert.equal(timeText(9e15), '9000000000000000')
  })
})

describe('zonedTime', () => {
  const table: [zone: string, at: number, time: string, offset: string][] = [
    ['UTC', 0, '1970-01-01 00:00:00', '+00:00'],
    ['Europe/London', Date.UTC(2026, 0, 1), '2026-01-01 00:00:00', '+00:00'],
    ['Europe/Berlin', Date.UTC(2027, 2, 28, 0, 59, 59), '2027-03-28 01:59:59', '+01:00'],
    ['Europe/Berlin', Date.UTC(2027, 2, 28, 1), '2027-03-28 03:00:00', '+02:00'],
    ['America/St_Johns', Date.UTC(2026, 0, 1), '2025-12-31 20:30:00', '-03:30'],
    ['Asia/Kathmandu', Date.UTC(2026, 0, 1), '2026-01-01 05:45:00', '+05:45'],
  ]
  for (const [zone, at, time, offset] of table) {
    it(`is ${time} ${offset} in ${zone}`, () => {
      assert.deepEqual(zonedTime(at, zone), { time, offset })
    })
  }
})
