import { dayIn } from '../../protocol/day.ts'

/** What the rule needs to know of a backup. */
export interface KeptBackup {
  /** When it was taken, in ms since the epoch. */
  at: number
  /** Whether it was read back whole after it was written. */
  verified: boolean
}

/** So many days, weeks and months that have a backup keep their newest one. */
export interface KeepRule {
  /** @default 7 */
  daily: number
  /** @default 4 */
  weekly: number
  /** @default 6 */
  monthly: number
}

export const KEEP_DEFAULTS: KeepRule = { daily: 7, weekly: 4, monthly: 6 }

const DAY_MS = 86_400_000

/** A Monday: the epoch began on a Thursday. */
const FIRST_MONDAY_MS = 4 * DAY_MS

/** What is left of a list of backups, and what goes. Both are newest first. */
export interface Retention<T> {
  kept: T[]
  removed: T[]
}

/**
 * Which of `backups` stay: the newest of each of the last days, weeks (from Monday) and months of `zone` (an IANA name),
 * as many as the rule says, that have one, and the newest that is verified. Days without a backup do not count: a machine that was off for
 * a month comes back to all its backups. While none is verified, none goes.
 */
export function retain<T extends KeptBackup>(
  backups: readonly T[],
  zone: string,
  { daily, monthly, weekly }: KeepRule = KEEP_DEFAULTS,
): Retention<T> {
  const newestFirst = backups.toSorted((a, b) => b.at - a.at)
  const verified = newestFirst.find((backup) => backup.verified)
  if (verified === undefined) return { kept: newestFirst, removed: [] }
  const dated = newestFirst.map((backup) => ({ backup, day: dayIn(zone, backup.at) }))
  const kept = new Set([
    verified,
    ...newestOfEach(dated, daily, (day) => day),
    ...newestOfEach(dated, weekly, mondayOf),
    ...newestOfEach(dated, monthly, (day) => day.slice(0, '2026-11'.length)),
  ])
  return {
    kept: newestFirst.filter((backup) => kept.has(backup)),
    removed: newestFirst.filter((backup) => !kept.has(backup)),
  }
}

/** The first of each of the first `most` spans that dates fall into. */
function newestOfEach<T>(
  dated: readonly { backup: T; day: string }[],
  most: number,
  spanOf: (day: string) => string,
): T[] {
  const newest = new Map<string, T>()
  for (const { backup, day } of dated) {
    const span = spanOf(day)
    if (!newest.has(span)) newest.set(span, backup)
  }
  return [...newest.values()].slice(0, most)
}

/** The date of the Monday on or before `day`. Of dates alone: no zone has a say in it. */
function mondayOf(day: string): string {
  const days = (Date.parse(day) - FIRST_MONDAY_MS) / DAY_MS
  return new Date(FIRST_MONDAY_MS + Math.floor(days / 7) * 7 * DAY_MS).toISOString().slice(0, 10)
}
