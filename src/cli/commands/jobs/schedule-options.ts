import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import { KithError } from '../../../protocol/errors.ts'
import { seconds } from '../../options.ts'

const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

/** When a job is due, as jobs.yaml has it. */
export type ScheduleRow =
  | { kind: 'manual' }
  | { kind: 'interval'; every_seconds: number }
  | { kind: 'daily'; at: string }
  | { kind: 'weekly'; days: string[]; at: string }
  | { kind: 'cron'; pattern: string }

/** At most one of them makes sense. */
export interface ScheduleOptions {
  daily?: string
  weekly?: { days: string[]; at: string }
  /** In seconds. */
  every?: number
  cron?: string
  manual?: true
}

/** The ways to say when, for those who said none. */
export const SCHEDULE_FLAGS = '--daily 07:30, --weekly mon,fri@07:30, --every 1h, --cron, --manual'

/** Adds the options that say when a job is due. */
export function withSchedule(command: Command): Command {
  return command
    .option('--daily <time>', 'due each day at this time, such as 07:30', timeOfDay)
    .option('--weekly <days@time>', 'due on these days, such as mon,fri@07:30', daysAndTime)
    .option('--every <span>', 'due again after so long, such as 15m, 1h or 7d', interval)
    .option('--cron <pattern>', "due by a pattern of five fields, such as '*/5 9-17 * * 1-5'", cron)
    .option('--manual', 'due never: somebody has to run it')
    .option('--zone <name>', "whose clocks these are (default: this machine's)", zone)
}

/** Those options, as jobs.yaml has them; undefined where there are none. @throws {KithError} `usage` for two of them */
export function scheduleOf(options: ScheduleOptions): ScheduleRow | undefined {
  const { cron, daily, every, manual, weekly } = options
  const rows: ScheduleRow[] = [
    ...(daily === undefined ? [] : [{ kind: 'daily', at: daily } as const]),
    ...(weekly === undefined ? [] : [{ kind: 'weekly', ...weekly } as const]),
    ...(every === undefined ? [] : [{ kind: 'interval', every_seconds: every } as const]),
    ...(cron === undefined ? [] : [{ kind: 'cron', pattern: cron } as const]),
    ...(manual === undefined ? [] : [{ kind: 'manual' } as const]),
  ]
  if (rows.length <= 1) return rows[0]
  const what = `a job has one schedule: one of ${SCHEDULE_FLAGS}`
  throw new KithError('usage', what, { what })
}

/** The zone of this machine's clocks. */
export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}

function timeOfDay(text: string): string {
  const time = /^\d:/.test(text) ? `0${text}` : text
  if (/^([01]\d|2[0-3]):[0-5]\d$/.test(time)) return time
  throw new InvalidArgumentError('It is a time of day: 07:30, 23:00.')
}

function daysAndTime(text: string): { days: string[]; at: string } {
  const [, list = '', time = ''] = /^([^@]+)@([^@]+)$/.exec(text) ?? []
  const days = list.toLowerCase().split(',')
  if (days.every((day) => WEEKDAYS.includes(day)) && new Set(days).size === days.length) {
    return { days, at: timeOfDay(time) }
  }
  throw new InvalidArgumentError(`It is days of ${WEEKDAYS.join(',')} and a time: mon,fri@07:30.`)
}

function interval(text: string): number {
  const span = seconds(text)
  if (span > 0) return span
  throw new InvalidArgumentError('It is a time span from 1s on: 15m, 1h, 7d.')
}

function cron(text: string): string {
  const pattern = text.trim().split(/\s+/).join(' ')
  if (pattern.split(' ').length === 5) return pattern
  throw new InvalidArgumentError(
    "It has five fields (minute, hour, day, month, weekday), in quotes: '0 3 * * *'.",
  )
}

function zone(text: string): string {
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return text
  } catch {
    throw new InvalidArgumentError('It is the name of a time zone: Europe/Madrid, UTC.')
  }
}
