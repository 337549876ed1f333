/** Longest that one date can last: 24 hours, one more at the end of summer time, and as much again where a zone moves. */
const LONGEST_DAY_MS = 172_800_000

/** The date on the calendars of `zone` (an IANA name) at `now`, as `2026-11-21`: dates compare as texts do. */
export function dayIn(zone: string, now: number): string {
  return dateFormat(zone).format(now)
}

/**
 * The first moment after `now` that has a later date in `zone`, in ms since the epoch: a day may have 23 or 25
 * hours, begin at one o'clock, or be left out.
 */
export function nextDayAt(zone: string, now: number): number {
  const format = dateFormat(zone)
  const today = format.format(now)
  let [before, after] = [now, now + LONGEST_DAY_MS]
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (format.format(middle) > today) after = middle
    else before = middle
  }
  return after
}

/** The date so many days before `day`. */
export function daysBefore(day: string, days: number): string {
  return new Date(Date.parse(day) - days * 86_400_000).toISOString().slice(0, 10)
}

function dateFormat(zone: string): Intl.DateTimeFormat {
  // Sweden writes dates as ISO 8601 does.
  const parts = { year: 'numeric', month: '2-digit', day: '2-digit' } as const
  return new Intl.DateTimeFormat('sv-SE', { timeZone: zone, calendar: 'gregory', ...parts })
}
