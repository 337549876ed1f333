import assert from 'node:assert/strict'
import fc from 'fast-check'
import { retain } from '../../../src/store/backup/retention.ts'
import type { KeptBackup } from '../../../src/store/backup/retention.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const START = Date.UTC(2026, 0, 1)

interface Calendar {
  day: string
  week: string
  month: string
}

/**
 * The rule as its words are: from each backup's own point of view. It stays when nothing newer shares its day and fewer
 * than seven newer days have a backup, and so on. Calendars are those of `toLocaleDateString`, weeks those of ISO 8601.
 */
function oracle(backups: readonly KeptBackup[], zone: string): number[] {
  const inZone = backups.map(({ at, verified }) => ({ at, verified, ...calendar(at, zone) }))
  if (!inZone.some(({ verified }) => verified)) return sorted(backups)
  const newestVerified = Math.max(...inZone.filter((b) => b.verified).map((b) => b.at))
  const stays = (mine: (typeof inZone)[number]): boolean => {
    const newer = inZone.filter(({ at }) => at > mine.at)
    const within = (span: 'day' | 'week' | 'month', most: number): boolean =>
      newer.every((other) => other[span] !== mine[span]) &&
      new Set(newer.map((other) => other[span])).size < most
    return within('day', 7) || within('week', 4) || within('month', 6) || mine.at === newestVerified
  }
  return sorted(inZone.filter(stays))
}

const calendars = new Map<string, Calendar>()

function calendar(at: number, zone: string): Calendar {
  const known = calendars.get(`${zone} ${at}`) ?? calendarOf(at, zone)
  calendars.set(`${zone} ${at}`, known)
  return known
}

function calendarOf(at: number, zone: string): Calendar {
  const text = new Date(at).toLocaleDateString('en-GB', { timeZone: zone })
  const [day = 0, month = 0, year = 0] = text.split('/').map(Number)
  // ISO 8601: a week belongs to the year of its Thursday.
  const date = new Date(Date.UTC(year, month - 1, day))
  date.setUTCDate(date.getUTCDate() + 4 - (date.getUTCDay() || 7))
  const newYear = Date.UTC(date.getUTCFullYear(), 0, 1)
  const week = Math.ceil((date.getTime() - newYear + DAY_MS) / (7 * DAY_MS))
  return { day: text, week: `${date.getUTCFullYear()}-W${week}`, month: `${year}-${month}` }
}

function sorted(backups: readonly { at: number }[]): number[] {
  return backups.map(({ at }) => at).sort((a, b) => b - a)
}

function keptOf(backups: readonly KeptBackup[], zone: string): number[] {
  return retain(backups, zone).kept.map(({ at }) => at)
}

function daily(days: number, at = 3 * HOUR_MS): KeptBackup[] {
  return Array.from({ length: days }, (_, day) => ({
    at: START + day * DAY_MS + at,
    verified: true,
  }))
}

describe('retention', () => {
  const zones = ['UTC', 'Europe/Madrid', 'America/St_Johns', 'Australia/Lord_Howe', 'Pacific/Apia']
  for (const zone of zones) {
    it(`keeps what an independent reading of the rule keeps, each day of 400, in ${zone}`, () => {
      let backups: KeptBackup[] = []
      for (const [index, backup] of daily(400, 22 * HOUR_MS + 30 * 60_000).entries()) {
        backups.push({ ...backup, verified: index % 3 !== 0 })
        const expected = oracle(backups, zone)
        const { kept } = retain(backups, zone)
        assert.deepEqual(
          kept.map(({ at }) => at),
          expected,
        )
        backups = kept
      }
      // 7 days, 3 weeks and 4 months before those, at least.
      assert.ok(backups.length >= 12 && backups.length <= 18, `${backups.length} are kept`)
    })
  }

  it('agrees with it on any times at all', () => {
    const backup = fc.record({
      at: fc.integer({ min: START, max: START + 400 * DAY_MS }),
      verified: fc.boolean(),
    })
    const backups = fc.uniqueArray(backup, { selector: ({ at }) => at, maxLength: 60 })
    fc.assert(
      fc.property(backups, fc.constantFrom(...zones), (some, zone) => {
        assert.deepEqual(keptOf(some, zone), oracle(some, zone))
      }),
      { numRuns: 60 },
    )
  })

  it('takes the newest of a day, whatever order they come in', () => {
    const [morning, noon, night] = [8, 12, 23].map((hour) => ({
      at: START + hour * HOUR_MS,
      verified: true,
    }))
    assert.ok(morning && noon && night)
    const { kept, removed } = retain([noon, night, morning], 'UTC')
    assert.deepEqual([kept, removed], [[night], [noon, morning]])
  })

  it('counts days of the zone: an hour that a day has twice is one day, and a skipped day is none', () => {
    // Madrid, 25 October 2026: 02:30 comes twice.
    const twice = [Date.UTC(2026, 9, 25, 0, 30), Date.UTC(2026, 9, 25, 1, 30)]
    const madrid = twice.map((at) => ({ at, verified: true }))
    assert.deepEqual(keptOf(madrid, 'Europe/Madrid'), [twice[1]])
    // Apia left 30 December 2011 out: the 29th and the 31st are one hour apart.
    const apia = [Date.UTC(2011, 11, 30, 9, 30), Date.UTC(2011, 11, 30, 10, 30)]
    const both = apia.map((at) => ({ at, verified: true }))
    assert.equal(retain(both, 'Pacific/Apia').kept.length, 2)
  })

  it('never removes the newest verified one', () => {
    const backups = daily(400).map((backup, index) => ({ ...backup, verified: index === 17 }))
    const { kept } = retain(backups, 'UTC')
    assert.equal(kept.at(-1)?.at, backups[17]?.at)
    assert.ok(kept.length > 12)
  })

  it('removes none while none is verified, and some as soon as one is', () => {
    const backups = daily(30).map(({ at }) => ({ at, verified: false }))
    assert.equal(retain(backups, 'UTC').removed.length, 0)
    assert.ok(retain([...backups, { at: START, verified: true }], 'UTC').removed.length > 10)
  })

  it('keeps what it kept: a second pass removes nothing', () => {
    const { kept } = retain(daily(400), 'UTC')
    assert.deepEqual(retain(kept, 'UTC').removed, [])
  })

  it('has nothing to say of no backups', () => {
    assert.deepEqual(retain([], 'UTC'), { kept: [], removed: [] })
  })
})
