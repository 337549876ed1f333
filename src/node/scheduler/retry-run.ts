import { KithError } from '../../protocol/errors.ts'
import { uuidTime } from '../../protocol/uuid.ts'
import { MAX_RETRIES } from './retry.ts'
import type { Run } from './run.ts'
import type { Runs } from './runs.ts'
import type { Scheduler } from './scheduler.ts'

/**
 * Has the work of a run done again by a new one that is linked to it: what is stuck is ended first, and its end is
 * on disk before there is another. All runs of the same work count together.
 *
 * @throws {KithError} `unknown-run`; `denied` with rule `retries` when it was tried too often; as `Scheduler.runNow`
 */
export async function retryRun(
  scheduler: Pick<Scheduler, 'cancel' | 'runNow'>,
  runs: Pick<Runs, 'get' | 'list'>,
  id: string,
  by: string,
): Promise<Run> {
  const old = await runs.get(id)
  if (old === undefined) {
    const hint = { hint: 'kith jobs runs' }
    throw new KithError('unknown-run', `there is no run ${id}`, { run: id }, hint)
  }
  const retries = await retriesOf(runs, old)
  if (retries >= MAX_RETRIES) {
    const why = `this work was run again ${MAX_RETRIES} times already`
    throw new KithError('denied', why, { rule: 'retries' }, { hint: `kith jobs run ${old.job}` })
  }
  await scheduler.cancel(id, new KithError('cancelled', 'it is run again', {}))
  return await scheduler.runNow(old.job, {
    by,
    cause: 'retry',
    retry: { of: id, nth: retries + 1 },
  })
}

/** How often the work of a run was done again, by runs that are linked to it or to what it is linked to itself. */
async function retriesOf(runs: Pick<Runs, 'get' | 'list'>, run: Run): Promise<number> {
  let root = run
  while (root.retryOf !== undefined) {
    const before = await runs.get(root.retryOf)
    if (before === undefined) break
    root = before
  }
  const since = uuidTime(root.run)
  const { runs: later } = await runs.list({ job: run.job, cause: 'retry', since }, Infinity)
  const links = new Map(later.map((retry) => [retry.run, retry.retryOf]))
  const isOfRoot = (id: string | undefined): boolean =>
    id !== undefined && (id === root.run || isOfRoot(links.get(id)))
  const nths = later.filter(({ retryOf }) => isOfRoot(retryOf)).map(({ retries }) => retries)
  return Math.max(run.retries, ...nths)
}
