import { KithError } from '../../protocol/errors.ts'
import { outcomeOf } from './attempt.ts'
import type { Job } from './job.ts'
import { limitText } from './limits.ts'
import type { Outcome, Run } from './run.ts'
import { isBarred } from './wanted.ts'

/**
 * How a run that waits ends at `now` without having begun, undefined while it may wait on. `job` is the one that it is of,
 * undefined when there is none any more. What a peer wanted that may not start it any more is in the way of what is due,
 * and so it does not wait; without `mayStart`, the rights of peers are not looked at.
 */
export function queueEnd(
  run: Pick<Run, 'by' | 'cause' | 'readyAt' | 'state'>,
  job: Pick<Job, 'limits' | 'runBy'> | undefined,
  now: number,
  mayStart: ((peer: string) => boolean) | undefined,
): Outcome | undefined {
  if (run.state !== 'queued') return undefined
  if (job === undefined) return cancelled('its job is no longer in jobs.yaml')
  if (isBarred(run, job, mayStart ?? (() => true)))
    return cancelled(`${run.by} may no longer start it`)
  const { limits } = job
  if (now - run.readyAt < limits.queueMs) return undefined
  return outcomeOf(new KithError('deadline', limitText('queue', limits), {}))
}

function cancelled(why: string): Outcome {
  return outcomeOf(new KithError('cancelled', why, {}))
}
