import assert from 'node:assert/strict'
import type { Aftermath, JobStore } from '../../../src/node/scheduler/job-store.ts'
import type { Outcome, Run } from '../../../src/node/scheduler/run.ts'
import type { Runs } from '../../../src/node/scheduler/runs.ts'
import { MAX_QUEUED_RUNS } from '../../../src/node/scheduler/steps.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { queuedRun } from '../../helpers/job-home.ts'

/** Two workers with the same jobs: both at one node, or each at its own. */
export interface StorePair {
  readonly first: JobStore
  readonly second: JobStore
  /** Where the runs are found, at each of them. */
  readonly runs: readonly Runs[]
  /** Life of a lease, in ms. */
  readonly ttlMs: number
  now: () => number
  /** Resolves when so much time has passed, in ms. */
  pass: (ms: number) => Promise<void>
  /** Resolves when both know the same. */
  settled: () => Promise<void>
  /** The run once its lease has run out, as the second one finds it. */
  lapsed: (run: string) => Promise<Run>
  /** Has what is stored read anew. */
  reopen: () => Promise<void>
}

export const done = { state: 'succeeded', summary: 'done' } as const
export const failed: Outcome = { state: 'failed', failure: { code: 'internal', why: 'it broke' } }
export const nothing: Aftermath = { retryAt: undefined, failures: 0, pause: undefined }

/** What all stores of jobs hold to. */
export function jobStoreContract(pair: () => StorePair): void {
  async function queued(job = 'digest'): Promise<Run> {
    const run = queuedRun(job, pair().now())
    assert.equal(await pair().first.enqueue(run), true)
    await pair().settled()
    return run
  }

  it('gives one of two workers that ask together the lease, and the other the run in its way', async () => {
    const { first, now, second, ttlMs } = pair()
    const { run } = await queued()
    const results = await Promise.allSettled([
      first.claim(run, now(), ttlMs),
      second.claim(run, now(), ttlMs),
    ])
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    const refusal = results.find((result) => result.status === 'rejected')
    assert.ok(isFailure(refusal?.reason, 'conflict'))
    assert.equal(refusal.reason.details.activeId, run)
  })

  it('gives one lease a job, whatever runs wait behind', async () => {
    const { first, now, second, settled, ttlMs } = pair()
    const before = await queued()
    const behind = await queued()
    await first.claim(before.run, now(), ttlMs)
    await settled()
    for (const store of [first, second]) {
      await assert.rejects(
        store.claim(behind.run, now(), ttlMs),
        (err: unknown) => isFailure(err, 'conflict') && err.details.activeId === before.run,
      )
    }
    const other = await queued('backup')
    await second.claim(other.run, now(), ttlMs)
  })

  it('stores the result, the end of the lease and where the job stands for good', async () => {
    const { first, now, reopen, settled, ttlMs } = pair()
    const { run } = await queued()
    const claim = await first.claim(run, now(), ttlMs)
    const at = now()
    const ended = await first.finish(claim, done, at, nothing)
    assert.equal(ended?.state, 'succeeded')
    await reopen()
    await settled()
    for (const one of pair().runs) assert.equal((await one.get(run))?.summary, 'done')
    for (const store of [pair().first, pair().second]) {
      const { active, lastSuccessAt, version } = store.state('digest')
      assert.deepEqual([active, lastSuccessAt, version], [undefined, at, 1])
      assert.deepEqual(store.openRuns(), [])
    }
  })

  it('takes a result once', async () => {
    const { first, now, runs, settled, ttlMs } = pair()
    const claim = await first.claim((await queued()).run, now(), ttlMs)
    assert.ok(await first.finish(claim, done, now(), nothing))
    assert.equal(await first.finish(claim, failed, now(), nothing), undefined)
    await settled()
    for (const one of runs) assert.equal((await one.get(claim.run.run))?.state, 'succeeded')
  })

  it('discards what a frozen worker brings when it thaws, and keeps what came instead', async () => {
    const { first, lapsed, now, runs, second, settled, ttlMs } = pair()
    const { run } = await queued()
    const frozen = await first.claim(run, now(), ttlMs)
    await settled()
    const left = await lapsed(run)
    assert.ok(await second.close(left, failed, now(), { ...nothing, retryAt: now() }))
    const again = await second.claim(run, now(), ttlMs)
    assert.equal(again.lease.version, 2)
    assert.equal(await first.renew(frozen, now()), false)
    assert.equal(await first.finish(frozen, done, now(), nothing), undefined)
    await second.finish(again, { ...done, summary: 'the second' }, now(), nothing)
    assert.equal(await first.finish(frozen, done, now(), nothing), undefined)
    await settled()
    for (const one of runs) assert.equal((await one.get(run))?.summary, 'the second')
  })

  it('ends no run that has moved on since it was seen', async () => {
    const { first, now, second, settled, ttlMs } = pair()
    const seen = await queued()
    const claim = await first.claim(seen.run, now(), ttlMs)
    assert.equal(await second.close(seen, failed, now(), nothing), undefined)
    assert.equal((await first.finish(claim, done, now(), nothing))?.state, 'succeeded')
    await settled()
  })

  it('lets whoever ends a run from outside have its worker lose the lease', async () => {
    const { first, now, second, settled, ttlMs } = pair()
    const claim = await first.claim((await queued()).run, now(), ttlMs)
    await settled()
    const [seen] = second.openRuns('digest')
    assert.ok(seen)
    assert.ok(await second.close(seen, failed, now(), nothing))
    await settled()
    assert.equal(await first.renew(claim, now()), false)
    assert.equal(await first.finish(claim, done, now(), nothing), undefined)
    const next = await queued()
    await second.claim(next.run, now(), ttlMs)
  })

  it('lets a lease live on while it is renewed', async () => {
    const { first, now, pass, second, settled, ttlMs } = pair()
    const claim = await first.claim((await queued()).run, now(), ttlMs)
    await settled()
    for (let beat = 1; beat <= 6; beat++) {
      await pass(ttlMs / 3)
      assert.equal(await first.renew(claim, now()), true)
      assert.deepEqual(await second.expired(now()), [])
    }
    assert.ok(await first.finish(claim, done, now(), nothing))
  })

  it('never revives a lease that has run out', async () => {
    const { first, now, pass, ttlMs } = pair()
    const claim = await first.claim((await queued()).run, now(), ttlMs)
    await pass(ttlMs)
    assert.equal(await first.renew(claim, now()), false)
    assert.equal(await first.finish(claim, done, now(), nothing), undefined)
  })

  it(`lets ${MAX_QUEUED_RUNS} runs wait and says busy to the next`, async () => {
    const { first, now, second, settled, ttlMs } = pair()
    const all = Array.from({ length: MAX_QUEUED_RUNS }, (_, nth) => queuedRun(`job-${nth}`, now()))
    await Promise.all(all.map((run) => first.enqueue(run)))
    await settled()
    for (const store of [first, second]) {
      await assert.rejects(
        store.enqueue(queuedRun('one-more', now())),
        (err: unknown) => isFailure(err, 'busy') && err.details.position === MAX_QUEUED_RUNS,
      )
    }
    await first.claim(all[0]?.run ?? '', now(), ttlMs)
    assert.equal(await first.enqueue(queuedRun('one-more', now())), true)
  })

  it('keeps a pause, its reason and who it was, and what a plan says', async () => {
    const { first, now, reopen, settled } = pair()
    const pause = { who: 'self', why: 'holidays', at: now() }
    const plan = { schedule: 'hourly', nextAt: now() + 1, passedOverAt: undefined }
    await first.pause('digest', pause)
    await first.plan('digest', plan)
    await reopen()
    await settled()
    for (const store of [pair().first, pair().second]) {
      assert.deepEqual(store.state('digest').paused, pause)
      assert.equal(store.state('digest').nextAt, plan.nextAt)
    }
    await pair().second.pause('digest', undefined)
    await settled()
    await pair().first.plan('digest', { ...plan, nextAt: undefined })
    await reopen()
    await settled()
    const { nextAt, paused } = pair().second.state('digest')
    assert.deepEqual([nextAt, paused], [undefined, undefined])
  })
}
