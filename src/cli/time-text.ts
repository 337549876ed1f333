const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** `ms` in the two largest units that say something: `12.3 ms`, `4.5 s`, `3 min 5 s`, `2 h 0 min`, `1 d 4 h`. */
export function durationText(ms: number): string {
  const whole = Math.max(0, ms)
  if (whole < SECOND_MS) return `${round(whole, whole < 10 ? 2 : 0)} ms`
  if (whole < MINUTE_MS) return `${round(whole / SECOND_MS, 1)} s`
  if (whole < HOUR_MS) return two(whole, MINUTE_MS, 'min', SECOND_MS, 's')
  if (whole < DAY_MS) return two(whole, HOUR_MS, 'h', MINUTE_MS, 'min')
  return two(whole, DAY_MS, 'd', HOUR_MS, 'h')
}

/** A point in time (ms since the epoch) on this machine's clocks: `2027-01-31 23:59:59`. One that no calendar has is a number. */
export function timeText(at: number): string {
  if (Number.isNaN(new Date(at).getTime())) return String(at)
  // Swedish writes a date as ISO 8601 does.
  return new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium' }).format(at)
}

/**
 * A point in time on the clocks of a zone, and how far these are from UTC then: `2027-03-28 03:00:00` and `+02:00`.
 */
export function zonedTime(at: number, zone: string): { time: string; offset: string } {
  const style = { dateStyle: 'short', timeStyle: 'medium', timeZone: zone } as const
  const named = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
  const name = named.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? ''
  return {
    time: new Intl.DateTimeFormat('sv-SE', style).format(at),
    offset: name.replace('GMT', '') || '+00:00',
  }
}

function two(
  ms: number,
  large: number,
  largeName: string,
  small: number,
  smallName: string,
): string {
  return `${Math.floor(ms / large)} ${largeName} ${Math.floor((ms % large) / small)} ${smallName}`
}

function round(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)))
}
