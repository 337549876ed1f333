import assert from 'node:assert/strict'
import fc from 'fast-check'
import { dayIn, daysBefore, nextDayAt } from '../../src/protocol/day.ts'

const HOUR_MS = 3_600_000

/** Zones of many kinds: whole hours and parts, summer time at midnight, and one that left a day out. */
const ZONES = [
  'UTC',
  'Europe/Madrid',
  'America/New_York',
  'America/Havana',
  'America/Sao_Paulo',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Kiritimati',
]

describe('day', () => {
  const moments: [zone: string, at: string, day: string][] = [
    ['UTC', '2026-11-21T23:59:59.999Z', '2026-11-21'],
    ['UTC', '2026-11-22T00:00:00.000Z', '2026-11-22'],
    ['Europe/Madrid', '2026-11-21T22:59:59.999Z', '2026-11-21'],
    ['Europe/Madrid', '2026-11-21T23:00:00.000Z', '2026-11-22'],
    ['America/New_York', '2026-11-22T04:59:59.999Z', '2026-11-21'],
    ['Pacific/Kiritimati', '2026-11-21T10:00:00.000Z', '2026-11-22'],
    ['UTC', '2028-02-29T12:00:00.000Z', '2028-02-29'],
  ]
  for (const [zone, at, day] of moments) {
    it(`is ${day} in ${zone} at ${at}`, () => {
      assert.equal(dayIn(zone, Date.parse(at)), day)
    })
  }

  const lengths: [name: string, zone: string, noon: string, hours: number, next: string][] = [
    ['an ordinary day', 'Europe/Madrid', '2026-11-21T11:00Z', 24, '2026-11-21T23:00Z'],
    ['the end of summer time', 'Europe/Madrid', '2026-10-25T11:00Z', 25, '2026-10-25T23:00Z'],
    ['the begin of summer time', 'Europe/Madrid', '2026-03-29T11:00Z', 23, '2026-03-29T22:00Z'],
    [
      'a change of half an hour',
      'Australia/Lord_Howe',
      '2026-04-05T02:00Z',
      24.5,
      '2026-04-05T13:30Z',
    ],
    ['a change at midnight', 'America/Sao_Paulo', '2018-11-04T12:00Z', 23, '2018-11-05T02:00Z'],
    [
      'a change back at midnight',
      'America/Sao_Paulo',
      '2018-02-17T12:00Z',
      25,
      '2018-02-18T03:00Z',
    ],
    [
      'the day before one that was left out',
      'Pacific/Apia',
      '2011-12-29T20:00Z',
      24,
      '2011-12-30T10:00Z',
    ],
  ]
  for (const [name, zone, noon, hours, next] of lengths) {
    it(`ends at ${next} in ${zone}: ${name}`, () => {
      const end = nextDayAt(zone, Date.parse(noon))
      assert.equal(new Date(end).toISOString(), new Date(next).toISOString())
      const day = dayIn(zone, Date.parse(noon))
      assert.equal(dayIn(zone, end - hours * HOUR_MS), day)
      assert.notEqual(dayIn(zone, end - hours * HOUR_MS - 1), day)
    })
  }

  it('lasts until the very millisecond before the next one, whenever and wherever', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ZONES),
        fc.integer({ min: Date.UTC(2012), max: Date.UTC(2040) }),
        (zone, now) => {
          const next = nextDayAt(zone, now)
          assert.ok(next > now && next <= now + 26 * HOUR_MS)
          assert.equal(dayIn(zone, next - 1), dayIn(zone, now))
          assert.ok(dayIn(zone, next) > dayIn(zone, now))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('is so many before another', () => {
    assert.equal(daysBefore('2026-03-01', 1), '2026-02-28')
    assert.equal(daysBefore('2028-03-01', 1), '2028-02-29')
    assert.equal(daysBefore('2026-11-21', 400), '2025-10-17')
    assert.equal(daysBefore('2026-11-21', 0), '2026-11-21')
  })
})
