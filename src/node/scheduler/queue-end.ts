import { KithError } from '../../protocol/errors.ts'
import { outcomeOf } from './attempt.ts'
import type { RunLimits } from './job.ts'
import { limitText } from './limits.ts'
import type { Outcome, Run } from './run.ts'

/**
 * How a run that waits ends at `now` without having begun, undefined while it may wait on. `limits` are those of its
 * job, undefined when there is no such job any more.
 */
export function queueEnd(
  { readyAt, state }: Pick<Run, 'readyAt' | 'state'>,
  limits: RunLimits | undefined,
  now: number,
): Outcome | undefined {
  if (state !== 'queued') return undefined
  if (limits === undefined) {
    return outcomeOf(new KithError('cancelled', 'its job is no longer in jobs.yaml', {}))
  }
  if (now - readyAt < limits.queueMs) return undefined
  return outcomeOf(new KithError('deadline', limitText('queue', limits), {}))
}
