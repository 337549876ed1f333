import type { Alerts } from '../alerts.ts'
import type { Pause } from './job-state.ts'
import { isFailed } from './run.ts'
import type { Run } from './run.ts'

/** Tells the owner of a run that has failed for good, and of a job that was paused for that. */
export function alertOnEnd(
  alerts: Pick<Alerts, 'raise'>,
  run: Run,
  paused: Pause | undefined,
): void {
  const { failure, finalAt, job } = run
  // A node that stops ends its runs: that is no news.
  if (!isFailed(run) || failure === undefined || failure.code === 'stopping') return
  const why = failure.why.includes(failure.code) ? failure.why : `${failure.code}: ${failure.why}`
  alerts.raise({
    kind: 'job-failed',
    what: `job ${job} has failed: ${why}`,
    hint: `kith jobs failures ${job}`,
  })
  if (paused?.who !== 'scheduler' || paused.at !== finalAt) return
  alerts.raise({
    kind: 'job-paused',
    what: `job ${job} is paused: ${paused.why}`,
    hint: `kith jobs resume ${job}`,
  })
}

/** A job that runs again waits for nobody. */
export function settleResumed(alerts: Pick<Alerts, 'settle'>, job: string): void {
  alerts.settle('job-paused', ({ what }) => what.startsWith(`job ${job} is paused: `))
}
