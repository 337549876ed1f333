import assert from 'node:assert/strict'
import type { Job } from '../../../src/node/scheduler/job.ts'
import { isFailure, KithError } from '../../../src/protocol/errors.ts'
import { eventually } from '../../helpers/eventually.ts'
import { JobHome, jobOf } from '../../helpers/job-home.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const MINUTE_MS = 60_000

/** A job that the peer bob may start. */
function forBob(row: Record<string, unknown> = {}): Job {
  return jobOf('digest', { schedule: { kind: 'manual' }, run_by: ['bob'], ...row })
}
const broken = new KithError('internal', 'it broke', { incident: 'x' })

describe('scheduler', () => {
  const folder = tempFolder()
  let home: JobHome

  beforeEach(() => {
    home = new JobHome(folder())
  })
  afterEach(() => home.close())

  describe('without a loop', () => {
    it('runs a job when it is due, not before, and once', async () => {
      const { scheduler } = await home.open([jobOf('digest')])
      await scheduler.look()
      home.clock.advance(MINUTE_MS - 1)
      await scheduler.look()
      assert.deepEqual(home.runner.names, [])
      home.clock.advance(1)
      await scheduler.look()
      await scheduler.look()
      assert.deepEqual(home.runner.names, ['digest'])
      home.runner.begun[0]?.succeed('3 letters')
      await scheduler.idle()
      const [run] = home.ended
      assert.deepEqual(
        [run?.state, run?.summary, run?.cause],
        ['succeeded', '3 letters', 'schedule'],
      )
      await scheduler.look()
      assert.equal(home.runner.begun.length, 1)
    })

    for (const [what, row] of [
      ['is off', { enabled: false }],
      ['has no schedule', { schedule: { kind: 'manual' } }],
    ] as const) {
      it(`never starts a job by itself that ${what}, and does when it is told to`, async () => {
        const { scheduler } = await home.open([jobOf('digest', row)])
        for (let minute = 0; minute < 5; minute++) {
          await scheduler.look()
          home.clock.advance(MINUTE_MS)
        }
        assert.deepEqual(home.runner.names, [])
        const { run } = await scheduler.runNow('digest')
        await scheduler.look()
        home.runner.begun[0]?.succeed()
        await scheduler.idle()
        const [ended] = home.ended
        assert.deepEqual([ended?.run, ended?.by, ended?.cause], [run, 'self', 'manual'])
      })
    }

    for (const [what, change] of [
      ['paused', {}],
      ['off', { enabled: false }],
      ['for others', { run_by: ['nas'] }],
      ['as it was, and the peer not', {}],
      ['as it was', {}],
    ] as const) {
      const runs = what === 'as it was'
      it(`${runs ? 'starts' : 'does not start'} what a peer wanted while its job is ${what}`, async () => {
        const { scheduler } = await home.open([forBob()])
        const { run } = await scheduler.runNow('digest', { by: 'bob', cause: 'peer' })
        if (what === 'paused') await scheduler.pause('digest', 'self', 'no more')
        if (what.endsWith('not')) home.barred.add('bob')
        scheduler.setJobs([forBob(change)])
        await scheduler.look()
        assert.equal(home.runner.begun.length, runs ? 1 : 0)
        home.runner.begun[0]?.succeed()
        await scheduler.idle()
        // Who may not start it any more keeps nobody waiting.
        const isBarred = what.endsWith('not') || what === 'for others'
        const state = runs ? 'succeeded' : isBarred ? 'cancelled' : undefined
        const ended = home.ended.map((one) => [one.run, one.by, one.cause, one.state])
        assert.deepEqual(ended, state === undefined ? [] : [[run, 'bob', 'peer', state]])
      })
    }

    const each = { schedule: { kind: 'interval', every_seconds: 60 } }

    it('leaves no time out for what a peer wanted that may no longer start it', async () => {
      const { scheduler } = await home.open([forBob({ ...each, overlap: 'skip' })])
      await scheduler.look()
      await scheduler.runNow('digest', { by: 'bob', cause: 'peer' })
      home.barred.add('bob')
      home.clock.advance(MINUTE_MS)
      await scheduler.look()
      assert.deepEqual(
        home.ended.map(({ by, failure }) => [by, failure?.why]),
        [['bob', 'bob may no longer start it']],
      )
      home.runner.begun[0]?.succeed()
      await scheduler.idle()
      assert.deepEqual(
        home.ended.map(({ cause, state }) => [cause, state]),
        [
          ['peer', 'cancelled'],
          ['schedule', 'succeeded'],
        ],
      )
    })

    it('answers a run-now with the run that is in its way', async () => {
      const { scheduler } = await home.open([jobOf('digest')])
      const { run } = await scheduler.runNow('digest')
      await scheduler.look()
      await assert.rejects(
        scheduler.runNow('digest'),
        (err: unknown) => isFailure(err, 'conflict') && err.details.activeId === run,
      )
      home.runner.begun[0]?.succeed()
      await scheduler.idle()
      await scheduler.runNow('digest')
    })

    it('knows no job that there is not', async () => {
      const { scheduler } = await home.open([])
      await assert.rejects(scheduler.runNow('digest'), (err: unknown) =>
        isFailure(err, 'unknown-job'),
      )
    })

    it('tries again at growing gaps, pauses with the reason, and stays paused over a restart', async () => {
      const row = { attempts: { max: 3, base_seconds: 10 }, pause_after: 1 }
      const job = jobOf('digest', row)
      const { scheduler, store } = await home.open([job])
      await scheduler.runNow('digest')
      const gaps: number[] = []
      for (let attempt = 1; attempt <= 3; attempt++) {
        await scheduler.look()
        assert.equal(home.runner.begun[attempt - 1]?.attempt, attempt)
        home.runner.begun[attempt - 1]?.fail(broken)
        await scheduler.idle()
        const [waiting] = store.openRuns('digest')
        if (waiting === undefined) break
        gaps.push(waiting.readyAt - home.clock.now())
        home.clock.advance(waiting.readyAt - home.clock.now() - 1)
        await scheduler.look()
        assert.equal(home.runner.begun.length, attempt)
        home.clock.advance(1)
      }
      assert.deepEqual(gaps, [10_000, 20_000])
      assert.equal(home.ended[0]?.state, 'failed')
      assert.equal(store.state('digest').paused?.why, 'a run has failed, the last with internal')
      await home.close()

      const again = await home.open([job])
      for (let minute = 0; minute < 5; minute++) {
        home.clock.advance(MINUTE_MS)
        await again.scheduler.look()
      }
      assert.equal(home.runner.begun.length, 3)
      await again.scheduler.resume('digest')
      await again.scheduler.look()
      home.clock.advance(MINUTE_MS)
      await again.scheduler.look()
      assert.equal(home.runner.begun.length, 4)
    })

    it('does not try again what will not heal', async () => {
      const { scheduler } = await home.open([jobOf('digest', { attempts: { max: 3 } })])
      await scheduler.runNow('digest')
      await scheduler.look()
      home.runner.begun[0]?.fail(new KithError('denied', 'no', { rule: 'allow' }))
      await scheduler.idle()
      assert.deepEqual(home.ended[0]?.failure, { code: 'denied', why: 'no' })
    })

    it('pauses, with reason and who, and makes up for nothing when it is resumed', async () => {
      const { scheduler, store } = await home.open([jobOf('digest')])
      await scheduler.look()
      await scheduler.pause('digest', 'self', 'holidays')
      for (let minute = 0; minute < 3; minute++) {
        home.clock.advance(MINUTE_MS)
        await scheduler.look()
      }
      assert.equal(store.state('digest').paused?.why, 'holidays')
      await scheduler.resume('digest')
      await scheduler.look()
      assert.deepEqual(home.runner.names, [])
    })

    it('ends what takes too long, also when the clock is set back meanwhile', async () => {
      const limits = { claim_seconds: 600, total_seconds: 60 }
      const { scheduler } = await home.open([jobOf('digest', { limits })])
      await scheduler.runNow('digest')
      await scheduler.look()
      const attempt = await home.runner.nth(1)
      home.clock.advance(30_000)
      home.clock.setBack(3_600_000)
      home.clock.advance(29_999)
      assert.equal(attempt.signal.aborted, false)
      home.clock.advance(1)
      await scheduler.idle()
      assert.deepEqual(
        home.ended.map(({ state }) => state),
        ['timed-out'],
      )
    })

    it('ends what is silent, also when the clock is set back meanwhile', async () => {
      const limits = { progress_seconds: 60 }
      const { scheduler } = await home.open([jobOf('digest', { limits })])
      await scheduler.runNow('digest')
      await scheduler.look()
      const attempt = await home.runner.nth(1)
      attempt.progress()
      home.clock.advance(30_000)
      attempt.progress()
      home.clock.setBack(3_600_000)
      home.clock.advance(59_999)
      assert.equal(attempt.signal.aborted, false)
      home.clock.advance(1)
      await scheduler.idle()
      assert.deepEqual(
        home.ended.map(({ failure }) => failure?.why),
        ['no progress for 60 s'],
      )
    })

    it('takes no time twice when the clock is set back, until a pause and a resume forget it', async () => {
      const { scheduler } = await home.open([jobOf('digest')])
      await scheduler.look()
      home.clock.advance(MINUTE_MS)
      await scheduler.look()
      home.runner.begun[0]?.succeed()
      await scheduler.idle()
      home.clock.stall(-30 * MINUTE_MS)
      const tick = async (): Promise<number> => {
        home.clock.advance(MINUTE_MS)
        await scheduler.look()
        return home.runner.begun.length
      }
      assert.equal(await tick(), 1)
      await scheduler.pause('digest', 'self', 'clock')
      await scheduler.look()
      await scheduler.resume('digest')
      await scheduler.look()
      assert.equal(await tick(), 2)
    })

    for (const [policy, runs] of [
      ['skip', 0],
      ['once', 1],
      ['all', 3],
    ] as const) {
      it(`makes up for ${runs} of three times that a stop has missed, under ${policy}`, async () => {
        const job = jobOf('digest', {
          missed: { policy },
          schedule: { kind: 'interval', every_seconds: 3_600 },
        })
        const first = await home.open([job])
        await first.scheduler.look()
        await home.close()
        home.clock.advance(3.5 * 3_600_000)
        const { scheduler } = await home.open([job])
        for (let nth = 0; nth < 5; nth++) {
          await scheduler.look()
          home.runner.begun.at(-1)?.succeed()
          await scheduler.idle()
        }
        assert.deepEqual(
          home.ended.map(({ cause }) => cause),
          Array.from({ length: runs }, () => 'catch-up'),
        )
        assert.equal(new Set(home.ended.map(({ dueAt }) => dueAt)).size, runs)
      })
    }

    const overlaps = [
      ['skip', ['succeeded'], 1],
      ['queue', ['succeeded', 'succeeded'], 2],
      ['replace', ['cancelled', 'succeeded'], 2],
    ] as const
    for (const [overlap, states, begun] of overlaps) {
      it(`has ${begun} runs for a job that is due while it runs, under ${overlap}`, async () => {
        const { scheduler, store } = await home.open([jobOf('digest', { overlap })])
        await scheduler.runNow('digest')
        await scheduler.look()
        home.runner.begun[0]?.progress()
        home.clock.advance(MINUTE_MS)
        await scheduler.look()
        assert.equal(home.runner.begun.length, 1)
        home.runner.begun[0]?.succeed()
        await scheduler.idle()
        await scheduler.look()
        home.runner.begun[1]?.succeed()
        await scheduler.idle()
        assert.deepEqual(
          home.ended.map(({ state }) => state),
          states,
        )
        assert.equal(store.state('digest').passedOverAt !== undefined, overlap === 'skip')
      })
    }

    it('counts the runs in a row that one in their place has ended, until one ends by itself', async () => {
      const { scheduler, store } = await home.open([jobOf('digest', { overlap: 'replace' })])
      await scheduler.look()
      const replaced: number[] = []
      for (let nth = 1; nth <= 4; nth++) {
        home.clock.advance(MINUTE_MS)
        await scheduler.look()
        await home.nthEnd(nth - 1)
        await scheduler.look()
        ;(await home.runner.nth(nth)).progress()
        replaced.push(store.state('digest').replaced)
      }
      assert.deepEqual(replaced, [0, 1, 2, 3])
      const [first] = home.ended
      assert.deepEqual([first?.state, first?.failure?.code], ['cancelled', 'replaced'])
      await scheduler.cancel(store.openRuns()[0]?.run ?? '')
      assert.equal(store.state('digest').replaced, 3, 'a person may have many reasons')
      home.clock.advance(MINUTE_MS)
      await scheduler.look()
      ;(await home.runner.nth(5)).fail(broken)
      await scheduler.idle()
      assert.equal(store.state('digest').replaced, 0)
    })

    it('never lets long jobs keep a short one that is due from a worker', async () => {
      const long = ['a', 'b', 'c', 'd', 'e'].map((name) =>
        jobOf(name, { schedule: { kind: 'manual' }, limits: { claim_seconds: 600 } }),
      )
      const short = jobOf('short', { limits: { total_seconds: 5 } })
      const { scheduler } = await home.open([...long, short])
      for (const { name } of long) await scheduler.runNow(name)
      await scheduler.look()
      assert.deepEqual(home.runner.names, ['a', 'b', 'c'])
      home.clock.advance(MINUTE_MS)
      await scheduler.look()
      assert.deepEqual(home.runner.names, ['a', 'b', 'c', 'short'])
    })

    it('says busy to the 65th run that would wait', async () => {
      const jobs = Array.from({ length: 65 }, (_, nth) => jobOf(`job-${nth}`))
      const { scheduler } = await home.open(jobs, { workers: 1 })
      for (const { name } of jobs.slice(0, 64)) await scheduler.runNow(name)
      await assert.rejects(scheduler.runNow('job-64'), (err: unknown) => isFailure(err, 'busy'))
      home.clock.advance(MINUTE_MS)
      await scheduler.look()
      await scheduler.runNow('job-64')
    })

    it('leaves a time due for which there is no room, and takes it when there is', async () => {
      const jobs = Array.from({ length: 65 }, (_, nth) => jobOf(`job-${nth}`, { overlap: 'skip' }))
      const { scheduler, store } = await home.open(jobs, { workers: 1 })
      await scheduler.look()
      for (const { name } of jobs.slice(0, 64)) await scheduler.runNow(name)
      home.clock.advance(MINUTE_MS)
      const due = home.clock.now()
      await scheduler.look()
      assert.equal(store.state('job-64').nextAt, due)
      await scheduler.look()
      const [run] = store.openRuns('job-64')
      assert.deepEqual([run?.dueAt, run?.cause], [due, 'schedule'])
    })

    it('ends a run that found no worker in time, and does not try it again', async () => {
      const job = jobOf('digest', { limits: { queue_seconds: 60 }, attempts: { max: 5 } })
      const { scheduler } = await home.open([jobOf('first'), job], { workers: 1 })
      await scheduler.runNow('first')
      await scheduler.runNow('digest')
      await scheduler.look()
      home.clock.advance(59_999)
      await scheduler.look()
      assert.equal(home.ended.length, 0)
      home.clock.advance(1)
      await scheduler.look()
      assert.deepEqual([home.ended[0]?.job, home.ended[0]?.state], ['digest', 'timed-out'])
      assert.equal(home.ended[0]?.failure?.why, 'no room for it within 60 s')
    })

    const limits = [
      ['claim', { claim_seconds: 5 }, 5_000, undefined],
      ['progress', { progress_seconds: 7 }, 9_000, 2_000],
      ['total', { total_seconds: 8 }, 8_000, 2_000],
    ] as const
    for (const [limit, row, endsMs, progressMs] of limits) {
      it(`ends a run by its ${limit} limit after ${endsMs} ms, and leaves it alone before`, async () => {
        const { scheduler } = await home.open([jobOf('digest', { limits: row })])
        await scheduler.runNow('digest')
        await scheduler.look()
        const [begun] = home.runner.begun
        home.clock.advance(progressMs ?? 0)
        if (progressMs !== undefined) begun?.progress()
        home.clock.advance(endsMs - (progressMs ?? 0) - 1)
        assert.equal(begun?.signal.aborted, false)
        home.clock.advance(1)
        await scheduler.idle()
        assert.equal(home.ended[0]?.state, 'timed-out')
      })
    }

    it('takes no result that comes after a limit', async () => {
      const { scheduler } = await home.open([jobOf('digest', { limits: { claim_seconds: 5 } })])
      home.runner.obeys = false
      await scheduler.runNow('digest')
      await scheduler.look()
      home.clock.advance(5_000)
      home.runner.begun[0]?.succeed('late')
      await scheduler.idle()
      const [run] = home.ended
      assert.deepEqual([run?.state, run?.summary], ['timed-out', undefined])
    })

    it('takes the lease from a runner that does not end when it is told to', async () => {
      const { scheduler } = await home.open([jobOf('digest', { limits: { claim_seconds: 5 } })])
      home.runner.obeys = false
      await scheduler.runNow('digest')
      await scheduler.look()
      home.clock.advance(5_000 + 30_000)
      await scheduler.look()
      assert.equal(home.ended[0]?.state, 'interrupted')
      home.runner.begun[0]?.succeed()
      await scheduler.idle()
      assert.equal(home.ended.length, 1)
    })

    it('lets a run go on for as long as there is progress', async () => {
      const row = { limits: { progress_seconds: 10, total_seconds: 600 } }
      const { scheduler, store } = await home.open([jobOf('digest', row)])
      await scheduler.runNow('digest')
      await scheduler.look()
      for (let nth = 0; nth < 50; nth++) {
        home.runner.begun[0]?.progress()
        home.clock.advance(9_000)
      }
      assert.deepEqual(await store.expired(home.clock.now()), [])
      home.runner.begun[0]?.succeed()
      await scheduler.idle()
      assert.equal(home.ended[0]?.state, 'succeeded')
    })

    it('discards the result of a worker that stood still for longer than its lease', async () => {
      const { scheduler, runs } = await home.open([jobOf('digest', { attempts: { max: 2 } })])
      home.runner.obeys = false
      const { run } = await scheduler.runNow('digest')
      await scheduler.look()
      home.clock.stall(30_000)
      await scheduler.look()
      assert.equal((await runs.get(run))?.state, 'queued')
      home.clock.advance(20_000)
      await scheduler.look()
      assert.equal(home.runner.begun.length, 1, 'the first one still runs')
      home.runner.begun[0]?.succeed('from the frozen one')
      await scheduler.idle()
      assert.deepEqual(home.ended, [])
      await scheduler.look()
      home.runner.begun[1]?.succeed('from the second')
      await scheduler.idle()
      assert.deepEqual(
        home.ended.map(({ summary }) => summary),
        ['from the second'],
      )
    })

    for (const overlap of ['skip', 'queue', 'replace']) {
      it(`has each time once with two workers on one store, under ${overlap}`, async () => {
        const jobs = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) =>
          jobOf(name, { overlap, limits: { total_seconds: 50, claim_seconds: 600 } }),
        )
        const { runs, scheduler, store } = await home.open(jobs)
        const both = [scheduler, home.scheduler(store, jobs)]
        for (let minute = 0; minute < 6; minute++) {
          await Promise.all(both.map((one) => one.look()))
          // In every second minute, runs are still under way when they are due again.
          if (minute % 2 === 1) for (const begun of home.runner.begun) begun.succeed()
          if (minute % 2 === 1) await Promise.all(both.map((one) => one.idle()))
          home.clock.advance(MINUTE_MS)
        }
        const { runs: all } = await runs.list({}, 1_000)
        const times = all.map(({ dueAt, job }) => `${job} ${dueAt}`)
        assert.deepEqual(times, [...new Set(times)])
        const attempts = home.runner.begun.map(({ run }) => run)
        assert.deepEqual(attempts, [...new Set(attempts)])
        assert.ok(attempts.length >= 12, `${attempts.length} runs`)
      })
    }

    it('closes what ran when the process ended as interrupted, and takes what waited up again', async () => {
      const jobs = [jobOf('digest'), jobOf('backup'), jobOf('again', { attempts: { max: 2 } })]
      const first = await home.open(jobs)
      await first.scheduler.runNow('digest')
      await first.scheduler.runNow('again')
      await first.scheduler.look()
      await first.scheduler.runNow('backup')
      await home.close()
      const second = new JobHome(folder())
      const { scheduler } = await second.open(jobs)
      await scheduler.look()
      assert.deepEqual(second.runner.names, ['backup'])
      assert.deepEqual(
        second.ended.map(({ job, state }) => [job, state]),
        [['digest', 'interrupted']],
      )
      second.clock.advance(10_000)
      await scheduler.look()
      assert.deepEqual(second.runner.names, ['backup', 'again'])
      await second.close()
    })

    it('ends a run that is cancelled, whether it waits or is under way, and counts no failure', async () => {
      const { scheduler, store } = await home.open([jobOf('digest')])
      const waiting = await scheduler.runNow('digest')
      assert.equal(await scheduler.cancel(waiting.run), true)
      const running = await scheduler.runNow('digest')
      await scheduler.look()
      assert.equal(await scheduler.cancel(running.run), true)
      assert.equal(await scheduler.cancel(running.run), false)
      assert.deepEqual(
        home.ended.map(({ state }) => state),
        ['cancelled', 'cancelled'],
      )
      assert.equal(store.state('digest').failures, 0)
    })

    it('ends what waits of a job that is no longer there', async () => {
      const { scheduler } = await home.open([jobOf('digest')])
      await scheduler.runNow('digest')
      scheduler.setJobs([])
      await scheduler.look()
      assert.equal(home.ended[0]?.state, 'cancelled')
    })

    it('starts a job late by its jitter, always the same, and takes that for no delay', async () => {
      const job = jobOf('digest', {
        jitter_seconds: 3_000,
        missed: { policy: 'skip' },
        schedule: { kind: 'interval', every_seconds: 3_600 },
      })
      const { scheduler } = await home.open([job])
      await scheduler.look()
      let at = 0
      while (home.runner.begun.length === 0 && at < 7_200) {
        home.clock.advance(1_000)
        at++
        await scheduler.look()
      }
      assert.ok(at > 3_600 && at < 6_600, `${at} s`)
      assert.equal(home.runner.begun[0]?.dueAt, Date.UTC(2026, 10, 21, 10))
    })
  })

  describe('with its loop', () => {
    it('runs what is due and what somebody wants, without being told again', async () => {
      const { scheduler } = await home.open([jobOf('digest')])
      scheduler.start()
      await home.clock.nextSleep
      home.clock.advance(MINUTE_MS)
      const first = await home.runner.nth(1)
      first.succeed()
      await home.nthEnd(1)
      await scheduler.runNow('digest')
      const second = await home.runner.nth(2)
      second.succeed()
      await home.nthEnd(2)
      await scheduler.stop(5_000)
      assert.equal(home.clock.timers, 0)
    })

    it('waits at its stop for what is under way, and takes nothing more', async () => {
      const { scheduler } = await home.open([jobOf('digest'), jobOf('backup')])
      scheduler.start()
      await scheduler.runNow('digest')
      const begun = await home.runner.nth(1)
      const stopped = scheduler.stop(5_000)
      await assert.rejects(scheduler.runNow('backup'), (err: unknown) => isFailure(err, 'stopping'))
      begun.succeed()
      await stopped
      assert.deepEqual(
        home.ended.map(({ state }) => state),
        ['succeeded'],
      )
    })

    it('starts nothing at a look that its stop has overtaken', async () => {
      const { scheduler, store } = await home.open([jobOf('digest')])
      await scheduler.runNow('digest')
      scheduler.start()
      await scheduler.stop(5_000)
      assert.deepEqual(home.runner.names, [])
      assert.equal(store.openRuns('digest')[0]?.state, 'queued')
    })

    it('ends at its stop what takes too long, which is no failure of the job', async () => {
      const { scheduler, store } = await home.open([jobOf('digest')])
      scheduler.start()
      await scheduler.runNow('digest')
      await home.runner.nth(1)
      const stopped = scheduler.stop(0)
      await eventually(() => {
        home.clock.advance(0)
        assert.equal(home.ended.length, 1)
      })
      await stopped
      assert.deepEqual(
        home.ended.map(({ failure, state }) => [state, failure?.code]),
        [['interrupted', 'stopping']],
      )
      assert.equal(store.state('digest').failures, 0)
    })
  })
})
