import assert from 'node:assert/strict'
import { isFailure, KithError } from '../../../src/protocol/errors.ts'
import type { Job } from '../../../src/node/scheduler/job.ts'
import { exitCodeOf, runDue, runOnce } from '../../../src/node/scheduler/once.ts'
import { retryRun } from '../../../src/node/scheduler/retry-run.ts'
import type { Run } from '../../../src/node/scheduler/run.ts'
import type { Runner } from '../../../src/node/scheduler/runner.ts'
import { JobHome, jobOf } from '../../helpers/job-home.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

/** Fails what is named so, and does the rest at once. */
const runner: Runner = {
  run: (job: Job) =>
    job.name === 'bad'
      ? Promise.reject(new KithError('internal', 'it broke', { incident: 'x' }))
      : Promise.resolve({ summary: 'done' }),
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

  it('run for each time that was missed, and not for what comes due meanwhile', async () => {
    const slow: Runner = {
      run: () => {
        home.clock.advance(60_000)
        return Promise.resolve({ summary: 'done' })
      },
    }
    const job = jobOf('good', { missed: { policy: 'all' } })
    const { scheduler } = await home.open([job], {}, slow)
    await scheduler.look()
    const from = home.clock.now()
    home.clock.advance(180_000)
    const { runs } = await runDue(scheduler, home.clock, never)
    assert.deepEqual(
      runs.map(({ dueAt }) => dueAt <= from + 180_000),
      [true, true, true],
    )
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

  it('wait for an attempt in steps, however long that is, and see when the clock is set', async () => {
    const month = { base_seconds: 2_600_000, max_seconds: 2_600_000 }
    const row = { attempts: { max: 2, ...month }, limits: { queue_seconds: 31_536_000 } }
    const { scheduler } = await home.open([jobOf('bad', row)], {}, runner)
    const report = runOnce(scheduler, ['bad'], home.clock, never)
    assert.equal(await home.clock.nextSleep, 60_000)
    home.clock.stall(3_000_000_000)
    assert.deepEqual(
      (await report).runs.map(({ attempts }) => attempts),
      [2],
    )
  })

  it('run also where a process that is gone has left a run, which is none of theirs', async () => {
    const { scheduler } = await home.open([jobOf('good')])
    await scheduler.runNow('good')
    await scheduler.look()
    await home.runner.nth(1)
    await home.close()
    // Ids of one moment have no order.
    home.clock.advance(1)
    const again = await home.open([jobOf('good')], {}, runner)
    const told: Run[] = []
    const tell = (run: Run): void => {
      told.push(run)
    }
    const { refused, runs } = await runOnce(again.scheduler, ['good'], home.clock, never, tell)
    assert.deepEqual([runs.map(({ state }) => state), refused], [['succeeded'], []])
    assert.deepEqual(told, runs)
    const { runs: rows } = await again.runs.list({}, 10)
    assert.deepEqual(
      rows.map(({ state }) => state),
      ['succeeded', 'interrupted'],
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

  it('is refused the fourth time, of whichever run of the same work it is', async () => {
    const { runs, scheduler } = await home.open([jobOf('digest'), jobOf('other')])
    const again = async (id: string): Promise<Run> => {
      const next = await retryRun(scheduler, runs, id, 'self')
      await scheduler.cancel(next.run)
      return next
    }
    const [first, other] = [await scheduler.runNow('digest'), await scheduler.runNow('other')]
    const second = await again(first.run)
    await again(first.run)
    assert.equal((await again(second.run)).retries, 3)
    for (const { run } of [first, second]) await assert.rejects(again(run), { code: 'denied' })
    assert.equal((await again(other.run)).retries, 1)
  })

  it('knows no run that there is not', async () => {
    const { runs, scheduler } = await home.open([])
    await assert.rejects(retryRun(scheduler, runs, 'nothing', 'self'), (err: unknown) =>
      isFailure(err, 'unknown-run'),
    )
  })
})
