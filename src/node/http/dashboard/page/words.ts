import { singleLine, terminalSafe } from '../../../../protocol/text.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** Longest text of a line, in code points: what is longer is shown where there is room for it. */
const MAX_LINE_CHARS = 400

const MICRO_PER_USD = 1_000_000
const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

const clock = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium' })

/** What others have written, in one line without what is invisible or turns text around. */
export function line(text: string): string {
  return singleLine(text, MAX_LINE_CHARS)
}

/** The same with its lines. */
export function block(text: string): string {
  return terminalSafe(text)
}

/** `ms` in its largest unit, and the next where it matters: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`. */
export function duration(ms: number): string {
  const whole = Math.max(0, ms)
  if (whole < SECOND_MS) return `${Math.round(whole)} ms`
  if (whole < MINUTE_MS) return `${Math.floor(whole / SECOND_MS)} s`
  if (whole < HOUR_MS) return `${Math.floor(whole / MINUTE_MS)} min`
  if (whole < DAY_MS) return two(whole, HOUR_MS, 'h', MINUTE_MS, 'min')
  return two(whole, DAY_MS, 'd', HOUR_MS, 'h')
}

/** A point in time as seen from `now`: `just now`, `12 min ago`, `in 3 h`. */
export function ago(at: number, now: number): string {
  const ms = now - at
  if (Math.abs(ms) < SECOND_MS) return 'just now'
  return ms > 0 ? `${duration(ms)} ago` : `in ${duration(-ms)}`
}

/** A point in time on this machine's clocks: `2027-01-31 23:59:59`. */
export function clockTime(at: number): string {
  return clock.format(at)
}

/** Millionths of a US dollar, to the cent, or as exactly as it needs to be to say something: `$0.10`, `$0.0004`. */
export function usd(microUsd: number): string {
  const dollars = microUsd / MICRO_PER_USD
  return `$${dollars > 0 && dollars < 0.01 ? dollars.toPrecision(2) : dollars.toFixed(2)}`
}

/** A number with its thousands apart: `12,400`. */
export function count(value: number): string {
  return value.toLocaleString('en')
}

/** `1 call`, `2 calls`. */
export function some(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** A count of bytes in the unit that says it shortest: `812 B`, `1.2 MB`. */
export function bytes(value: number): string {
  let [rest, unit] = [value, 0]
  while (rest >= 999.5 && unit < BYTE_UNITS.length - 1) {
    rest /= 1_000
    unit += 1
  }
  return `${rest.toFixed(unit === 0 || rest >= 99.95 ? 0 : 1)} ${BYTE_UNITS[unit] ?? ''}`
}

function two(
  ms: number,
  large: number,
  largeName: string,
  small: number,
  smallName: string,
): string {
  const rest = Math.floor((ms % large) / small)
  return `${Math.floor(ms / large)} ${largeName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`
}
