import assert from 'node:assert/strict'
import fc from 'fast-check'
import { dayIn } from '../../../src/protocol/day.ts'
import {
  lastDue,
  nextAfter,
  nextTimes,
  scheduleLine,
  scheduleSchema,
  zoneSchema,
} from '../../../src/node/scheduler/schedule.ts'
import type { Schedule } from '../../../src/node/scheduler/schedule.ts'

const HOUR_MS = 3_600_000

/** Each zone, the day on which its clocks go on, the one on which they go back, and times that the change touches. */
const CHANGES: { zone: string; days: [on: string, back: string]; times: string[] }[] = [
  {
    zone: 'Europe/Madrid',
    days: ['2026-03-29', '2026-10-25'],
    times: ['01:59', '02:00', '02:30', '02:59', '03:00'],
  },
  {
    zone: 'America/New_York',
    days: ['2026-03-08', '2026-11-01'],
    times: ['00:59', '01:00', '01:30', '02:00', '02:30', '03:00'],
  },
  {
    zone: 'Australia/Lord_Howe',
    days: ['2026-10-04', '2026-04-05'],
    times: ['01:30', '01:45', '02:00', '02:15', '02:30'],
  },
  {
    zone: 'America/Sao_Paulo',
    days: ['2018-11-04', '2018-02-17'],
    times: ['00:00', '00:30', '01:00', '23:00', '23:30', '23:59'],
  },
  { zone: 'Asia/Kolkata', days: ['2026-03-29', '2026-10-25'], times: ['00:00', '02:30', '23:59'] },
  { zone: 'Africa/Cairo', days: ['2026-04-24', '2026-10-29'], times: ['00:00', '00:30', '23:30'] },
]

/** Days on which a job was due, by the calendar of its zone, in the five days around `day`. */
function dueDays(schedule: Schedule, zone: string, day: string): string[] {
  const from = Date.parse(day) - 48 * HOUR_MS
  return nextTimes(schedule, zone, from, 6)
    .filter((at) => at < from + 120 * HOUR_MS)
    .map((at) => dayIn(zone, at))
}

const utc = (text: string): number => Date.parse(text)

describe('schedule', () => {
  for (const { days, times, zone } of CHANGES) {
    for (const day of days) {
      for (const at of times) {
        it(`has a daily job at ${at} due once on ${day} in ${zone}`, () => {
          const found = dueDays({ kind: 'daily', at }, zone, day)
          assert.deepEqual(found, [...new Set(found)])
          assert.equal(found.filter((one) => one === day).length, 1)
        })
      }
    }
  }

  const instants: [zone: string, at: string, from: string, due: string][] = [
    ['Europe/Madrid', '02:30', '2026-03-28T12:00Z', '2026-03-29T01:00Z'],
    ['Europe/Madrid', '02:30', '2026-10-24T12:00Z', '2026-10-25T00:30Z'],
    ['America/New_York', '02:30', '2026-03-07T12:00Z', '2026-03-08T07:00Z'],
    ['America/New_York', '01:30', '2026-10-31T12:00Z', '2026-11-01T05:30Z'],
    ['Australia/Lord_Howe', '02:15', '2026-10-03T00:00Z', '2026-10-03T15:30Z'],
    ['Australia/Lord_Howe', '01:45', '2026-04-04T00:00Z', '2026-04-04T14:45Z'],
    ['America/Sao_Paulo', '00:30', '2018-11-03T12:00Z', '2018-11-04T03:00Z'],
    ['Asia/Kolkata', '02:30', '2026-03-28T12:00Z', '2026-03-28T21:00Z'],
  ]
  for (const [zone, at, from, due] of instants) {
    it(`has ${at} in ${zone} due at ${due}`, () => {
      assert.equal(nextAfter({ kind: 'daily', at }, zone, utc(from)), utc(due))
    })
  }

  it('is not due again when it is asked between the two showings of a time', () => {
    const due = nextAfter({ kind: 'daily', at: '02:30' }, 'Europe/Madrid', utc('2026-10-25T01:00Z'))
    assert.equal(due, utc('2026-10-26T01:30Z'))
  })

  it('lets a pattern with steps follow the time that passes, on the longest day', () => {
    const halves: Schedule = { kind: 'cron', pattern: '*/30 * * * *' }
    const times = nextTimes(halves, 'Europe/Madrid', utc('2026-10-24T22:00Z') - 1, 50)
    assert.equal(times.filter((at) => at < utc('2026-10-25T23:00Z')).length, 50)
  })

  const kinds: [Schedule, due: string | undefined][] = [
    [{ kind: 'manual' }, undefined],
    [{ kind: 'interval', everyMs: 900_000 }, '2026-11-21T09:15Z'],
    [{ kind: 'weekly', days: ['mon', 'sat'], at: '08:00' }, '2026-11-23T07:00Z'],
    [{ kind: 'weekly', days: ['sun'], at: '00:00' }, '2026-11-21T23:00Z'],
    [{ kind: 'cron', pattern: '0 0 29 2 *' }, '2028-02-28T23:00Z'],
    [{ kind: 'cron', pattern: '0 12 L * *' }, '2026-11-30T11:00Z'],
  ]
  for (const [schedule, due] of kinds) {
    it(`has ${JSON.stringify(schedule)} due ${due ?? 'never'}`, () => {
      const at = nextAfter(schedule, 'Europe/Madrid', utc('2026-11-21T09:00Z'))
      assert.equal(at, due === undefined ? undefined : utc(due))
    })
  }

  const refused: [row: unknown, why: RegExp][] = [
    [{ kind: 'cron', pattern: '0 0 30 2 *' }, /never be due/],
    [{ kind: 'cron', pattern: '0 0 31 4,6,9,11 *' }, /never be due/],
    [{ kind: 'cron', pattern: '0 0 0 * * *' }, /five fields/],
    [{ kind: 'cron', pattern: '@daily' }, /five fields/],
    [
      { kind: 'cron', pattern: '0 25 * * *' },
      /0 25 \* \* \*.* is no pattern: Invalid value for hour/,
    ],
    [{ kind: 'daily', at: '24:00' }, /no time of day/],
    [{ kind: 'daily', at: '7:30' }, /no time of day/],
    [{ kind: 'weekly', days: ['mon', 'mon'], at: '07:30' }, /twice/],
    [{ kind: 'weekly', days: [], at: '07:30' }, /./],
    [{ kind: 'interval', every_seconds: 0 }, /./],
    [{ kind: 'interval', every_seconds: 31_536_001 }, /more than 31536000, which is a year/],
    [{ kind: 'hourly' }, /./],
  ]
  for (const [row, why] of refused) {
    it(`refuses ${JSON.stringify(row)}`, () => {
      const { error, success } = scheduleSchema.safeParse(row)
      assert.equal(success, false)
      assert.match(String(error), why)
    })
  }

  it('takes zones that there are, and no others', () => {
    assert.equal(zoneSchema.safeParse('Australia/Lord_Howe').success, true)
    assert.equal(zoneSchema.safeParse('Europe/Nowhere').success, false)
  })

  it('always goes on, and has nothing between two times', () => {
    const arbitrary = fc.record({
      zone: fc.constantFrom(...CHANGES.map(({ zone }) => zone)),
      from: fc.integer({ min: utc('2015-01-01'), max: utc('2035-01-01') }),
      schedule: fc.oneof(
        fc.record({
          kind: fc.constant('daily' as const),
          at: fc
            .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
            .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':')),
        }),
        fc.constantFrom<Schedule>(
          { kind: 'interval', everyMs: 7_000 },
          { kind: 'cron', pattern: '*/20 1-3 * * *' },
          { kind: 'cron', pattern: '30 2 * * sun' },
        ),
      ),
    })
    fc.assert(
      fc.property(arbitrary, ({ from, schedule, zone }) => {
        const times = nextTimes(schedule, zone, from, 4)
        assert.equal(times.length, 4)
        for (const [index, at] of times.entries()) {
          const before = times[index - 1] ?? from
          assert.ok(at > before)
          assert.equal(nextAfter(schedule, zone, at - 1), at)
          assert.equal(lastDue(schedule, zone, from, at), at > from ? at : undefined)
        }
      }),
      { numRuns: 40 },
    )
  })

  it('finds the last time of many, and none where there is none', () => {
    const everyMinute: Schedule = { kind: 'cron', pattern: '* * * * *' }
    const now = utc('2026-11-21T09:00:30Z')
    assert.equal(lastDue(everyMinute, 'UTC', utc('2020-01-01'), now), now - 30_000)
    assert.equal(lastDue(everyMinute, 'UTC', now - 20_000, now), undefined)
    assert.equal(lastDue({ kind: 'manual' }, 'UTC', 0, now), undefined)
  })

  const lines: [schedule: Schedule, line: string][] = [
    [{ kind: 'manual' }, 'manual'],
    [{ kind: 'interval', everyMs: 1_000 }, 'every 1s'],
    [{ kind: 'interval', everyMs: 90_000 }, 'every 90s'],
    [{ kind: 'interval', everyMs: 5_400_000 }, 'every 90m'],
    [{ kind: 'interval', everyMs: 7_200_000 }, 'every 2h'],
    [{ kind: 'interval', everyMs: 604_800_000 }, 'every 7d'],
    [{ kind: 'daily', at: '07:30' }, 'daily 07:30'],
    [{ kind: 'weekly', days: ['mon', 'fri'], at: '07:30' }, 'weekly mon,fri 07:30'],
    [{ kind: 'cron', pattern: '0 3 * * 1' }, 'cron 0 3 * * 1'],
  ]
  for (const [schedule, line] of lines) {
    it(`says ${line} in one line`, () => {
      assert.equal(scheduleLine(schedule), line)
    })
  }
})
