import type { LogSource } from './log-files.ts'

/** Furthest time that a calendar has, in ms before and after the epoch (ECMA-262, time values). */
const MAX_TIME_MS = 8.64e15

/** A line of a log of a node. */
export interface LogLine {
  source: LogSource
  /** Name of its profile, where several are read. */
  profile?: string
  /** In ms since the epoch; that of the line before where it does not say its own. */
  at: number
  /** What it says, where it is an object of JSON. */
  fields?: Record<string, unknown>
  text: string
}

/** What a line of a log says: one that is no JSON, such as a stack, is its text alone. Pure. */
export function readLogLine(
  source: LogSource,
  text: string,
  before: number,
  profile?: string,
): LogLine {
  const fields = objectIn(text)
  const at = timeIn(fields) ?? before
  return {
    source,
    ...(profile === undefined ? {} : { profile }),
    at,
    ...(fields === undefined ? {} : { fields }),
    text,
  }
}

function objectIn(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return undefined
  }
}

/** `time` of the service's, `at` of all others: as text of ISO 8601, or in ms since the epoch. */
function timeIn(fields: Record<string, unknown> = {}): number | undefined {
  const value = fields['time'] ?? fields['at']
  const at = typeof value === 'string' ? Date.parse(value) : value
  return typeof at === 'number' && Math.abs(at) <= MAX_TIME_MS ? at : undefined
}
