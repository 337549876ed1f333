import { KithError, isFailure, toError } from '../../protocol/errors.ts'
import { singleLine } from '../../protocol/text.ts'
import type { Clock } from '../clock.ts'
import type { Job } from './job.ts'
import type { Claim, JobStore } from './job-store.ts'
import { beatMs } from './lease.ts'
import { limitText } from './limits.ts'
import type { Limit } from './limits.ts'
import type { Outcome, RunEnd } from './run.ts'
import type { Runner } from './runner.ts'

/** Longest line about a result or a failure, in UTF-16 units. */
const MAX_LINE_CHARS = 500

export interface AttemptComponents {
  clock: Clock
  runner: Runner
  store: Pick<JobStore, 'renew'>
}

/**
 * Makes one attempt under its lease, and resolves with how it ended; does not reject. It is ended by `signal`, by the
 * first limit that is passed, and when the lease is lost. From then on the lease is renewed no more: a runner that
 * does not end loses it.
 */
export async function runAttempt(
  components: AttemptComponents,
  job: Job,
  claim: Claim,
  signal: AbortSignal,
): Promise<Outcome> {
  const { clock, runner } = components
  const { attempts, dueAt, run } = claim.run
  const stop = new AbortController()
  const ending = AbortSignal.any([signal, stop.signal])
  const stopBeats = beat(components, claim, stop, ending)
  const limits = watchLimits(clock, job, stop)
  try {
    ending.throwIfAborted()
    const context = { run, attempt: attempts, dueAt, progress: limits.progress }
    const { made, summary } = await runner.run(job, context, ending)
    ending.throwIfAborted()
    return {
      state: 'succeeded',
      summary: singleLine(summary, MAX_LINE_CHARS),
      ...(made === undefined ? {} : { made }),
    }
  } catch (err) {
    return outcomeOf(ending.aborted ? ending.reason : err)
  } finally {
    stopBeats()
    limits.stop()
  }
}

/** How an attempt has ended that threw this. */
export function outcomeOf(thrown: unknown): Outcome {
  const code = isFailure(thrown) ? thrown.code : 'internal'
  const why = singleLine(toError(thrown).message, MAX_LINE_CHARS)
  return { state: stateOf(code), failure: { code, why } }
}

function stateOf(code: string): Exclude<RunEnd, 'succeeded'> {
  switch (code) {
    case 'deadline':
      return 'timed-out'
    case 'cancelled':
    case 'replaced':
      return 'cancelled'
    case 'interrupted':
    case 'stopping':
      return 'interrupted'
    default:
      return 'failed'
  }
}

/** Renews the lease until the returned function is called, or the attempt is to end. */
function beat(
  { clock, store }: AttemptComponents,
  claim: Claim,
  stop: AbortController,
  ending: AbortSignal,
): () => void {
  return clock.every(beatMs(claim.lease), () => {
    if (ending.aborted) return
    store.renew(claim, clock.now()).then(
      (held) => {
        if (!held) stop.abort(new KithError('interrupted', 'the lease was lost', {}))
      },
      (err: unknown) => {
        stop.abort(err)
      },
    )
  })
}

/** Aborts `stop` when a limit is passed, until it is stopped itself. */
function watchLimits(
  clock: Clock,
  { limits }: Job,
  stop: AbortController,
): { progress: () => void; stop: () => void } {
  // Timers alone, and no times that are compared: a clock that is set makes no limit longer.
  const endAfter = (limit: Limit, ms: number): (() => void) =>
    clock.after(ms, () => {
      stop.abort(new KithError('deadline', limitText(limit, limits), {}))
    })
  // What is longer than the whole ends nothing, and may be longer than timers go.
  const silent = (limit: Limit, ms: number): (() => void) =>
    ms < limits.totalMs ? endAfter(limit, ms) : () => undefined
  const cancelTotal = endAfter('total', limits.totalMs)
  let cancelSilent = silent('claim', limits.claimMs)
  let stopped = false
  return {
    progress: () => {
      // From a runner that has not heard yet that it is over.
      if (stopped) return
      cancelSilent()
      cancelSilent = silent('progress', limits.progressMs)
    },
    stop: () => {
      stopped = true
      cancelSilent()
      cancelTotal()
    },
  }
}
