/**
 * Run as a process of its own: runs jobs over the store in the folder given until it is killed. Each attempt leaves
 * two lines in the file `effects` beside the store, one when it begins and one when it has done its work; what has
 * ended, and is on disk, is printed.
 */
import { randomBytes } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { pino } from 'pino'
import { systemClock } from '../../src/node/clock.ts'
import { LeaseStore } from '../../src/node/scheduler/lease-store.ts'
import type { Runner } from '../../src/node/scheduler/runner.ts'
import { Runs } from '../../src/node/scheduler/runs.ts'
import { Scheduler } from '../../src/node/scheduler/scheduler.ts'
import { Database } from '../../src/store/database.ts'
import { jobOf } from '../helpers/job-home.ts'

const manual = { schedule: { kind: 'manual' } }
// With `skip`, a run that waits would hide that its time is taken a second time.
const often = {
  schedule: { kind: 'interval', every_seconds: 1 },
  missed: { policy: 'all' },
  overlap: 'queue',
}

/** Two that somebody wants all the time, one that is due each second, and one that is tried again. */
export const CRASH_JOBS = [
  jobOf('one', manual),
  jobOf('two', manual),
  jobOf('due', often),
  jobOf('again', { ...often, attempts: { max: 3, base_seconds: 1, max_seconds: 1 } }),
]

/** The scheduler over the store in `folder`. */
export async function openJobs(
  folder: string,
  runner: Runner,
): Promise<{ database: Database; runs: Runs; scheduler: Scheduler }> {
  const database = await Database.open(join(folder, 'store'))
  const runs = new Runs(database)
  const store = await LeaseStore.open({ database, runs, randomBytes })
  const log = pino({ level: 'silent' })
  const components = { store, runner, clock: systemClock, log, random: Math.random, randomBytes }
  return { database, runs, scheduler: new Scheduler(components, { jobs: CRASH_JOBS }) }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const folder = process.argv[2] ?? ''
  const note = (line: string): void => {
    appendFileSync(join(folder, 'effects'), `${line}\n`)
  }
  const runner: Runner = {
    run: async (_job, { attempt, run }) => {
      note(`begun ${run} ${attempt}`)
      await delay(Math.random() * 3)
      note(`done ${run} ${attempt}`)
      return `attempt ${attempt}`
    },
  }
  const { scheduler } = await openJobs(folder, runner)
  // Where one waits already, it goes on by itself.
  const want = (job: string): void => void scheduler.runNow(job).catch(() => undefined)
  scheduler.onEnd(({ job, run, state }) => {
    process.stdout.write(`${run} ${state}\n`)
    if (job === 'one' || job === 'two') want(job)
  })
  scheduler.start()
  process.stdout.write('ready\n')
  for (const job of ['one', 'two']) want(job)
}
