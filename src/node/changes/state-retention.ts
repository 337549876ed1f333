const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/**
 * How near to each other states are kept, by how old they are: of those in one such stretch, the last, which is how
 * things stood for all who look back from later on.
 */
const STRETCHES: readonly { untilMs: number; stretchMs: number }[] = [
  { untilMs: 2 * HOUR_MS, stretchMs: 1_000 },
  { untilMs: 2 * DAY_MS, stretchMs: 15 * 60_000 },
  { untilMs: 14 * DAY_MS, stretchMs: 2 * HOUR_MS },
  { untilMs: 400 * DAY_MS, stretchMs: DAY_MS },
]

/** Most states that this leaves: what each of the stretches has room for. */
export const MAX_STATES = STRETCHES.reduce(
  (sum, { stretchMs, untilMs }) => sum + Math.ceil(untilMs / stretchMs) + 1,
  1,
)

/** Which of the states of these times, the oldest first, are not kept any longer. The newest always is. Pure. */
export function statesToDrop(times: readonly number[], now: number): number[] {
  const newest = times.at(-1)
  const last = new Map<string, number>()
  for (const at of times) last.set(stretchOf(at, now), at)
  const kept = new Set(last.values())
  return times.filter((at) => at !== newest && (stretchOf(at, now) === '' || !kept.has(at)))
}

/** Names the stretch that a time is in; empty for one that is too old. */
function stretchOf(at: number, now: number): string {
  const of = STRETCHES.find(({ untilMs }) => now - at < untilMs)
  return of === undefined ? '' : `${of.stretchMs}:${Math.floor(at / of.stretchMs)}`
}
