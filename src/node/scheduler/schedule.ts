import { Cron } from 'croner'
import { z } from 'zod'
import { strictMap } from '../../protocol/strict-map.ts'

const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const

/** When a job is due. Times of day are those on the clocks of the job's zone. */
export type Schedule =
  | { kind: 'manual' }
  | { kind: 'interval'; everyMs: number }
  | { kind: 'daily'; at: string }
  | { kind: 'weekly'; days: (typeof WEEKDAYS)[number][]; at: string }
  | { kind: 'cron'; pattern: string }

/** From when on a pattern has to fire at least once; any time will do, since patterns have no years. */
const REFERENCE_AT = Date.UTC(2026, 0, 1)

const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'no time of day, such as "07:30" (in quotes)')

const cronPattern = z.string().superRefine((pattern, context) => {
  const message = patternFault(pattern)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

/** A schedule as it stands in jobs.yaml. */
export const scheduleSchema = z
  .discriminatedUnion('kind', [
    strictMap({ kind: z.literal('manual') }),
    strictMap({
      kind: z.literal('interval'),
      every_seconds: z.int().positive().max(31_536_000, 'more than 31536000, which is a year'),
    }),
    strictMap({ kind: z.literal('daily'), at: timeOfDay }),
    strictMap({
      kind: z.literal('weekly'),
      days: z
        .array(z.enum(WEEKDAYS))
        .min(1)
        .refine((days) => new Set(days).size === days.length, 'a day is there twice'),
      at: timeOfDay,
    }),
    strictMap({ kind: z.literal('cron'), pattern: cronPattern }),
  ])
  .transform((row): Schedule => {
    if (row.kind !== 'interval') return row
    return { kind: 'interval', everyMs: row.every_seconds * 1_000 }
  })

/** The name of a time zone that this machine knows. */
export const zoneSchema = z.string().refine(isZone, 'no time zone, such as Europe/Madrid')

/**
 * The first moment after `now` at which a job is due, in ms since the epoch; undefined for one that only a person
 * starts.
 *
 * A time of day that the clocks leave out is due when they go on, one that they show twice is due the first time: a
 * daily job is due exactly once on each day of change. Patterns with steps or wildcards in their hours follow the
 * time that passes. Intervals count from the epoch, so that a restart shifts none.
 */
export function nextAfter(schedule: Schedule, zone: string, now: number): number | undefined {
  switch (schedule.kind) {
    case 'manual':
      return undefined
    case 'interval':
      return (Math.floor(now / schedule.everyMs) + 1) * schedule.everyMs
    case 'daily':
      return nextOf(`${clockFields(schedule.at)} * * *`, zone, now)
    case 'weekly':
      return nextOf(`${clockFields(schedule.at)} * * ${schedule.days.join(',')}`, zone, now)
    case 'cron':
      return nextOf(schedule.pattern, zone, now)
  }
}

/** The next `count` times after `now`, fewer where there are no more. */
export function nextTimes(schedule: Schedule, zone: string, now: number, count: number): number[] {
  const times: number[] = []
  for (let at = nextAfter(schedule, zone, now); at !== undefined && times.length < count;) {
    times.push(at)
    at = nextAfter(schedule, zone, at)
  }
  return times
}

/** The last time at which a job was due, not before `from` and not after `now`; undefined when there was none. */
export function lastDue(
  schedule: Schedule,
  zone: string,
  from: number,
  now: number,
): number | undefined {
  const dueAfter = (at: number): boolean => (nextAfter(schedule, zone, at) ?? Infinity) <= now
  // Something is due after `before`, and nothing any more after `after`.
  let [before, after] = [from - 1, now]
  if (!dueAfter(before)) return undefined
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (dueAfter(middle)) before = middle
    else after = middle
  }
  return nextAfter(schedule, zone, before)
}

/** Minute and hour of `07:30` as a pattern has them. */
function clockFields(at: string): string {
  const [hour = '', minute = ''] = at.split(':')
  return `${Number(minute)} ${Number(hour)}`
}

function nextOf(pattern: string, zone: string, now: number): number | undefined {
  const cron = new Cron(pattern, { timezone: zone, mode: '5-part', paused: true })
  return cron.nextRun(new Date(now))?.getTime()
}

function patternFault(pattern: string): string | undefined {
  if (!/^\S+( \S+){4}$/.test(pattern)) {
    return 'a pattern has five fields: minute, hour, day, month, weekday'
  }
  try {
    const never = nextOf(pattern, 'UTC', REFERENCE_AT) === undefined
    return never ? 'there is no such day: it would never be due' : undefined
  } catch (err) {
    const why = err instanceof Error ? err.message.replace(/^CronPattern: /, '') : ''
    return `"${pattern}" is no pattern: ${why}`
  }
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}

/** A schedule in one line: `manual`, `every 1h`, `daily 03:00`, `weekly mon,fri 03:00` or `cron 0 3 * * *`. */
export function scheduleLine(schedule: Schedule): string {
  switch (schedule.kind) {
    case 'manual':
      return 'manual'
    case 'interval':
      return `every ${spanText(schedule.everyMs / 1_000)}`
    case 'daily':
      return `daily ${schedule.at}`
    case 'weekly':
      return `weekly ${schedule.days.join(',')} ${schedule.at}`
    case 'cron':
      return `cron ${schedule.pattern}`
  }
}

/** Seconds in the largest unit that leaves no rest: `90s`, `2h`, `1d`. */
function spanText(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
  ] as const
  const [unit, length] = units.find(([, length]) => seconds % length === 0) ?? ['s', 1]
  return `${seconds / length}${unit}`
}
