/** A run that has ended, as retention looks at it. */
export interface EndedRun {
  run: string
  finalAt: number
  failed: boolean
}

/** How much is kept of one kind. */
export interface RetentionCap {
  count: number
  ageMs: number
}

const DAY_MS = 86_400_000

/** Failures have a cap of their own: no number of successes takes one away. */
export const RUN_CAPS: { succeeded: RetentionCap; failed: RetentionCap } = {
  succeeded: { count: 20_000, ageMs: 30 * DAY_MS },
  failed: { count: 5_000, ageMs: 180 * DAY_MS },
}

/** Those of `runs`, the newest first, that are over a cap. Runs that have not ended are never among them. */
export function* overCap(
  runs: Iterable<EndedRun>,
  now: number,
  caps: typeof RUN_CAPS = RUN_CAPS,
): Generator<EndedRun> {
  const kept = { succeeded: 0, failed: 0 }
  for (const run of runs) {
    const kind = run.failed ? 'failed' : 'succeeded'
    const { ageMs, count } = caps[kind]
    if (kept[kind] < count && now - run.finalAt <= ageMs) kept[kind]++
    else yield run
  }
}
