import { KithError } from '../../protocol/errors.ts'
import { MAX_RETRIES } from './retry.ts'
import type { Run } from './run.ts'
import type { Runs } from './runs.ts'
import type { Scheduler } from './scheduler.ts'

/**
 * Has the work of a run done again by a new one that is linked to it: what is stuck is ended first, and its end is
 * on disk before there is another.
 *
 * @throws {KithError} `unknown-run`; `denied` with rule `retries` when it was tried too often; as `Scheduler.runNow`
 */
export async function retryRun(
  scheduler: Pick<Scheduler, 'cancel' | 'runNow'>,
  runs: Pick<Runs, 'get'>,
  id: string,
  by: string,
): Promise<Run> {
  const old = await runs.get(id)
  if (old === undefined) {
    const hint = { hint: 'kith jobs runs' }
    throw new KithError('unknown-run', `there is no run ${id}`, { run: id }, hint)
  }
  if (old.retries >= MAX_RETRIES) {
    const why = `this work was run again ${MAX_RETRIES} times already`
    throw new KithError('denied', why, { rule: 'retries' }, { hint: `kith jobs run ${old.job}` })
  }
  await scheduler.cancel(id, 'it is run again')
  return await scheduler.runNow(old.job, {
    by,
    cause: 'retry',
    retry: { of: id, nth: old.retries + 1 },
  })
}
