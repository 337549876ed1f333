import { InvalidArgumentError } from 'commander'

/** Parsers of option values, for commander. Each throws what it then says of a value that does not fit. */

export function positiveInteger(text: string): number {
  const value = Number(text)
  if (/^\d{1,9}$/.test(text) && value > 0) return value
  throw new InvalidArgumentError('It is a whole number from 1 on.')
}

export function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is a whole number from 0 on.')
}

/** A time span such as `90s`, `30m`, `24h` or `7d`, in seconds. */
export function seconds(text: string): number {
  const [, count, unit = ''] = /^(\d{1,7})(s|m|h|d)$/.exec(text) ?? []
  if (count !== undefined) return Number(count) * (SECONDS_IN[unit] ?? 0)
  if (text === '0') return 0
  throw new InvalidArgumentError('It is a number and s, m, h or d: 90s, 24h, 7d.')
}

const SECONDS_IN: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

/** A point in time such as `2026-11-21` or `2026-11-21T09:00:00Z`, in ms since the epoch. A date is its first moment here. */
export function pointInTime(text: string): number {
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00`) : Date.parse(text)
  if (/^\d{4}-\d\d-\d\d/.test(text) && at >= 0) return at
  throw new InvalidArgumentError('It is a date, or a time: 2026-11-21, 2026-11-21T09:00:00Z.')
}

/** A span before now, such as `24h`, or a point in time, in ms since the epoch. */
export function since(text: string): number {
  if (/^\d{1,7}(s|m|h|d)$/.test(text)) return Date.now() - seconds(text) * 1_000
  try {
    return pointInTime(text)
  } catch {
    throw new InvalidArgumentError('It is a span before now, a date or a time: 2d, 2026-11-21.')
  }
}

/** One more value of an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/** One more of such an option, or several with commas between. */
export function collectList(value: string, before: readonly string[] = []): string[] {
  const items = value.split(',').map((item) => item.trim())
  return [...before, ...items.filter((item) => item !== '')]
}
