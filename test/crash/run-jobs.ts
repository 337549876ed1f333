/**
 * Run as a process of its own: runs jobs over the store in the folder given until it is killed, and delivers what they
 * make to files there and to the address given. Each attempt leaves two lines in the file `effects` beside the store,
 * one when it begins and one when it has done its work. It prints when it is ready and when the first run has begun, and
 * what has ended and is on disk.
 */
import { randomBytes } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { pino } from 'pino'
import { systemClock } from '../../src/node/clock.ts'
import type { Clock } from '../../src/node/clock.ts'
import type { Made } from '../../src/node/scheduler/artifact.ts'
import { DeliveryStore } from '../../src/node/scheduler/delivery/delivery-store.ts'
import type { Job } from '../../src/node/scheduler/job.ts'
import { LeaseStore } from '../../src/node/scheduler/lease-store.ts'
import { Results } from '../../src/node/scheduler/results.ts'
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
export function crashJobs(folder: string, sink: string): Job[] {
  const job = (name: string, row: Record<string, unknown>): Job => {
    const webhook = { url: sink, secret: `file:${join(folder, 'key')}` }
    return jobOf(name, { ...row, deliver: [{ file: join(folder, `${name}.txt`) }, { webhook }] })
  }
  return [
    job('one', manual),
    job('two', manual),
    job('due', often),
    job('again', { ...often, attempts: { max: 3, base_seconds: 1, max_seconds: 1 } }),
  ]
}

/** What an attempt makes. */
export function madeBy(run: string, attempt: number): Made {
  const content = `made by ${run} ${attempt}`
  return { content, prompt: run, context: '{}', engine: 'command', sources: [] }
}

/** The scheduler over the store in `folder`, with what its jobs make. */
export async function openJobs(
  folder: string,
  sink: string,
  runner: Runner,
  clock: Clock = systemClock,
): Promise<{ database: Database; results: Results; runs: Runs; scheduler: Scheduler }> {
  const database = await Database.open(join(folder, 'store'))
  const runs = new Runs(database)
  const store = await LeaseStore.open({ database, runs, randomBytes })
  const common = { clock, log: pino({ level: 'silent' }), random: Math.random, randomBytes }
  const nobody = async (): Promise<never> => await Promise.reject(new Error('nobody is asked'))
  const results = new Results({
    ...{ ...common, database, deliveries: await DeliveryStore.open(database) },
    alerts: { raise: () => undefined, settle: () => undefined },
    desk: { ask: nobody, find: nobody },
    home: { path: join(folder, 'store'), workspace: join(folder, 'store') },
  })
  const scheduler = new Scheduler(
    { ...common, store, runner, resultRows: results.rowsOf },
    { jobs: crashJobs(folder, sink) },
  )
  scheduler.onEnd((run) => {
    results.ended(run)
  })
  return { database, results, runs, scheduler }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , folder = '', sink = ''] = process.argv
  const note = (line: string): void => {
    appendFileSync(join(folder, 'effects'), `${line}\n`)
  }
  let begun = false
  const runner: Runner = {
    run: async (_job, { attempt, run }) => {
      note(`begun ${run} ${attempt}`)
      if (!begun) process.stdout.write('begun\n')
      begun = true
      await delay(Math.random() * 3)
      note(`done ${run} ${attempt}`)
      return { summary: `attempt ${attempt}`, made: madeBy(run, attempt) }
    },
  }
  const { results, scheduler } = await openJobs(folder, sink, runner)
  // Where one waits already, it goes on by itself.
  const want = (job: string): void => void scheduler.runNow(job).catch(() => undefined)
  scheduler.onEnd(({ job, run, state }) => {
    process.stdout.write(`${run} ${state}\n`)
    if (job === 'one' || job === 'two') want(job)
  })
  results.start()
  scheduler.start()
  process.stdout.write('ready\n')
  for (const job of ['one', 'two']) want(job)
  // One that is killed would leave nothing to the next one.
  flushCompileCache()
}
