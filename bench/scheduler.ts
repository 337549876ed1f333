// How late jobs start and how many start a second: `node bench/scheduler.ts [--jobs 10000] [--seconds 15] [--json FILE]`.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { systemClock } from '../src/node/clock.ts'
import { jobsSchema } from '../src/node/scheduler/job.ts'
import type { Job } from '../src/node/scheduler/job.ts'
import { LeaseStore } from '../src/node/scheduler/lease-store.ts'
import { Runs } from '../src/node/scheduler/runs.ts'
import { Scheduler } from '../src/node/scheduler/scheduler.ts'
import { isFailure } from '../src/protocol/errors.ts'
import { Database } from '../src/store/database.ts'
import { percentile } from './run/statistics.ts'
import { figure, textTable } from './run/text-table.ts'

/** Runs that are under way at once, and that are wanted at once. */
const WORKERS = 64

/** Each job is due about so often: with 10,000 jobs, some 100 a second. */
const EVERY_MS = 100_000

/** Every job is due at moments of its own: no two have the same period. */
function jobsOf(count: number): Job[] {
  const rows = Array.from({ length: count }, (_, n) => ({
    name: `job-${n}`,
    enabled: true,
    zone: 'UTC',
    schedule: { kind: 'interval', every_seconds: EVERY_MS / 1_000 },
    limits: { total_seconds: 60 },
    target: { kind: 'command', argv: ['true'] },
  }))
  const jobs = jobsSchema.parse({ version: 1, jobs: rows })
  return jobs.map((job, n) => ({ ...job, schedule: { kind: 'interval', everyMs: EVERY_MS + n } }))
}

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '15' },
    json: { type: 'string' },
  },
})
const [count, seconds] = [Number(values.jobs), Number(values.seconds)]
const folder = await mkdtemp(join(tmpdir(), 'kith-scheduler-'))
const database = await Database.open(join(folder, 'store'))
const runs = new Runs(database)
const store = await LeaseStore.open({ database, runs, randomBytes })
const lateMs: number[] = []
const begunAt = new Map<string, number>()
const scheduler = new Scheduler(
  {
    ...{
      store,
      clock: systemClock,
      log: pino({ level: 'silent' }),
      random: Math.random,
      randomBytes,
    },
    runner: {
      run: async (_, { run }) => {
        begunAt.set(run, Date.now())
        return { summary: 'done' }
      },
    },
    resultRows: () => [],
  },
  { jobs: jobsOf(count), workers: WORKERS },
)

scheduler.onEnd(({ cause, dueAt, run }) => {
  if (cause === 'schedule') lateMs.push((begunAt.get(run) ?? NaN) - dueAt)
  begunAt.delete(run)
})

/** From the start to the last job's first time being on disk. */
async function plan(): Promise<number> {
  const startedAt = performance.now()
  scheduler.start()
  while (store.state(`job-${count - 1}`).nextAt === undefined) await delay(5)
  return performance.now() - startedAt
}

/** How late jobs start that are due by themselves, and what that leaves of the process. */
async function drift(): Promise<{ started: number; busy: number; loopP99Ms: number }> {
  lateMs.length = 0
  const loop = monitorEventLoopDelay({ resolution: 1 })
  loop.enable()
  const since = performance.eventLoopUtilization()
  await delay(seconds * 1_000)
  const { utilization } = performance.eventLoopUtilization(since)
  loop.disable()
  return { started: lateMs.length, busy: utilization, loopP99Ms: loop.percentile(99) / 1e6 }
}

/** Runs a second, each wanted, claimed, run and stored, `WORKERS` of them at any time. */
async function claims(): Promise<number> {
  const endAt = performance.now() + (seconds * 1_000) / 3
  let [next, done] = [0, 0]
  const ended = new Map<string, () => void>()
  const stopListening = scheduler.onEnd((run) => ended.get(run.run)?.())
  const startedAt = performance.now()
  async function one(): Promise<void> {
    while (performance.now() < endAt) {
      const run = await scheduler.runNow(`job-${next++ % count}`).catch(ifBusy)
      if (run === undefined) continue
      await new Promise<void>((resolve) => {
        ended.set(run.run, resolve)
      })
      ended.delete(run.run)
      done += 1
    }
  }
  await Promise.all(Array.from({ length: WORKERS / 2 }, one))
  stopListening()
  return (done / (performance.now() - startedAt)) * 1_000
}

/** For a job that is under way because it was due, and for a queue that such jobs have filled. */
async function ifBusy(err: unknown): Promise<undefined> {
  if (!isFailure(err, 'conflict') && !isFailure(err, 'busy')) throw err
  await delay(1)
}

const planMs = await plan()
const { busy, loopP99Ms, started } = await drift()
const figures = {
  jobs: count,
  planMs,
  started,
  lateP50Ms: percentile(lateMs, 0.5),
  lateP99Ms: percentile(lateMs, 0.99),
  busyPercent: busy * 100,
  loopP99Ms,
  runsPerSecond: await claims(),
}
await scheduler.stop(5_000)
await database.close()
await rm(folder, { recursive: true })
console.log(
  textTable(
    ['jobs', 'planned ms', 'started', 'late p50 ms', 'p99 ms', 'busy %', 'loop p99 ms', 'runs/s'],
    [Object.values(figures).map((value) => figure(value))],
  ),
)
if (values.json !== undefined) {
  await writeFile(values.json, `${JSON.stringify({ node: process.version, ...figures })}\n`)
}
