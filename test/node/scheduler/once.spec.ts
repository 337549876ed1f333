import assert from 'node:assert/strict'
import { isFailure, KithError } from '../../../src/protocol/errors.ts'
import type { Job } from '../../../src/node/scheduler/job.ts'
import { exitCodeOf, runDue, runOnce } from '../../../src/node/scheduler/once.ts'
import { retryRun } from '../../../src/node/scheduler/retry-run.ts'
import type { Runner } from '../../../src/node/scheduler/runner.ts'
import { JobHome, jobOf } from '../../helpers/job-home.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

/** Fails what is named so, and does the rest at once. */
const runner: Runner = {
  run: (job: Job) =>
    job.name === 'bad'
      ? Promise.reject(new KithError('internal', 'it broke', { incident: 'x' }))
      : Promise.resolve('done'),
}

const never = new AbortController().signal

describe('jobs without a loop', () => {
  const folder = tempFolder()
  let home: JobHome

  beforeEach(() => {
    home = new JobHome(folder())
  })
  afterEach(() => home.close())

  it('run once each, with an exit code that tells of a failure, and one row a run', async () => {
    const { runs, scheduler } = await home.open([jobOf('good'), jobOf('bad')], {}, runner)
    const good = await runOnce(scheduler, ['good'], home.clock, never)
    assert.equal(exitCodeOf(good), 0)
    const both = await runOnce(scheduler, ['good', 'bad'], home.clock, never)
    assert.deepEqual(both.runs.map(({ state }) => state).sort(), ['failed', 'succeeded'])
    assert.equal(exitCodeOf(both), 1)
    assert.equal((await runs.list({ job: 'bad' }, 10)).runs.length, 1)
  })

  it('run when they are due, and not otherwise', async () => {
    const { scheduler } = await home.open([jobOf('good')], {}, runner)
    assert.deepEqual((await runDue(scheduler, home.clock, never)).runs, [])
    home.clock.advance(60_000)
    assert.equal((await runDue(scheduler, home.clock, never)).runs.length, 1)
    assert.deepEqual((await runDue(scheduler, home.clock, never)).runs, [])
  })

  it('are tried until their attempts are used up before there is an exit code', async () => {
    const job = jobOf('bad', { attempts: { max: 3 } })
    const { scheduler } = await home.open([job], {}, runner)
    const report = runOnce(scheduler, ['bad'], home.clock, never)
    home.clock.advance(await home.clock.nextSleep)
    home.clock.advance(await home.clock.nextSleep)
    const { runs } = await report
    assert.deepEqual(
      runs.map(({ attempts, state }) => [attempts, state]),
      [[3, 'failed']],
    )
  })

  it('exit with 75 where a job could not run', () => {
    assert.equal(exitCodeOf({ runs: [], refused: ['good'] }), 75)
  })

  it('wait no longer than their signal lets them', async () => {
    const { scheduler } = await home.open([jobOf('bad', { attempts: { max: 3 } })], {}, runner)
    const stop = new AbortController()
    const report = runOnce(scheduler, ['bad'], home.clock, stop.signal)
    await home.clock.nextSleep
    stop.abort()
    assert.deepEqual((await report).runs, [])
  })
})

describe('the retry of a run', () => {
  const folder = tempFolder()
  let home: JobHome

  beforeEach(() => {
    home = new JobHome(folder())
  })
  afterEach(() => home.close())

  it('ends the stuck one first, is linked to it, and is refused the fourth time', async () => {
    const { runs, scheduler } = await home.open([jobOf('digest')])
    let { run } = await scheduler.runNow('digest')
    for (let nth = 1; nth <= 3; nth++) {
      await scheduler.look()
      const next = await retryRun(scheduler, runs, run, 'self')
      assert.equal((await runs.get(run))?.state, 'cancelled')
      assert.deepEqual([next.retryOf, next.retries, next.cause], [run, nth, 'retry'])
      run = next.run
    }
    await assert.rejects(
      retryRun(scheduler, runs, run, 'self'),
      (err: unknown) => isFailure(err, 'denied') && err.details.rule === 'retries',
    )
    assert.equal((await runs.get(run))?.state, 'queued')
  })

  it('knows no run that there is not', async () => {
    const { runs, scheduler } = await home.open([])
    await assert.rejects(retryRun(scheduler, runs, 'nothing', 'self'), (err: unknown) =>
      isFailure(err, 'unknown-run'),
    )
  })
})
