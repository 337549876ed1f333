/**
 * A scheduler over a real store, and `kill -9` at moments that a seed chooses. In the end each run has one result or
 * none, no attempt was made twice, no time had two runs, and nothing that was said to have ended is lost.
 *
 *     node test/crash/kill9-jobs.ts --points 100 --seed 7
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { isEnded } from '../../src/node/scheduler/run.ts'
import type { Run } from '../../src/node/scheduler/run.ts'
import { chance } from './chance.ts'
import { CRASH_JOBS, openJobs } from './run-jobs.ts'

const SCRIPT = new URL('./run-jobs.ts', import.meta.url).pathname

/** A run takes a few ms, and its writes some more. */
const MAX_DELAY_MS = 40

/** More than there are. */
const ALL_RUNS = 1_000_000

/** Runs it in a folder of its own. Throws with a command that does the same again when a promise is broken. */
export async function crashJobs(init: {
  points: number
  seed: number
}): Promise<{ runs: number; interrupted: number }> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'kith-crash-jobs-')))
  const random = chance(init.seed)
  const ended = new Map<string, string>()
  try {
    for (let point = 0; point < init.points; point++) {
      await killOnce(folder, random() * MAX_DELAY_MS, ended)
    }
    const runs = await readRuns(folder)
    assertOnce(runs, await readFile(join(folder, 'effects'), 'utf8'))
    for (const [run, state] of ended) {
      assert.equal(runs.get(run)?.state, state, `${run} had ended as ${state}`)
    }
    await rm(folder, { recursive: true })
    const interrupted = [...runs.values()].filter(({ state }) => state === 'interrupted')
    return { runs: runs.size, interrupted: interrupted.length }
  } catch (err) {
    const again = `node test/crash/kill9-jobs.ts --points ${init.points} --seed ${init.seed}`
    throw new Error(`again: ${again}\nthe store is in ${folder}`, { cause: err })
  }
}

/** Lets a process run jobs for so long, and kills it. What it said to have ended goes to `ended`. */
async function killOnce(folder: string, ms: number, ended: Map<string, string>): Promise<void> {
  const child = spawn(process.execPath, [SCRIPT, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  for await (const line of createInterface(child.stdout)) {
    const [run = '', state] = line.split(' ')
    if (state !== undefined) ended.set(run, state)
    else void delay(ms).then(() => child.kill('SIGKILL'))
  }
  await exit
  assert.equal(child.signalCode, 'SIGKILL')
}

/** All runs, after a start has closed what the last process left. */
async function readRuns(folder: string): Promise<Map<string, Run>> {
  const idle = { run: () => Promise.reject(new Error('nothing is to run now')) }
  const { database, runs, scheduler } = await openJobs(folder, idle)
  try {
    scheduler.setJobs(CRASH_JOBS.map((job) => ({ ...job, enabled: false })))
    await scheduler.look()
    await scheduler.idle()
    const page = await runs.list({}, ALL_RUNS)
    return new Map(page.runs.map((run) => [run.run, run]))
  } finally {
    await database.close()
  }
}

function assertOnce(runs: Map<string, Run>, effects: string): void {
  const lines = effects.trimEnd().split('\n')
  assert.deepEqual(lines, [...new Set(lines)], 'an attempt was made twice')
  for (const line of lines) assert.ok(runs.has(line.split(' ')[1] ?? ''), `${line} has no run`)
  const done = new Set(lines)
  for (const run of runs.values()) {
    if (run.state !== 'succeeded') assert.equal(run.summary, undefined)
    else
      assert.ok(done.has(`done ${run.run} ${run.attempts}`), `${run.run} has a result of nothing`)
    assert.ok(isEnded(run) || run.state === 'queued', `${run.run} still runs`)
    if (run.job !== 'again') assert.ok(run.attempts <= 1, `${run.run} was tried again`)
  }
  const due = [...runs.values()].filter(({ cause }) => cause !== 'manual')
  const times = due.map(({ dueAt, job }) => `${job} ${dueAt}`)
  assert.deepEqual(times, [...new Set(times)], 'a time had two runs')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { points: { type: 'string', default: '100' }, seed: { type: 'string' } },
  })
  const seed = Number(values.seed ?? Date.now() % 1_000_000)
  const points = Number(values.points)
  const { interrupted, runs } = await crashJobs({ points, seed })
  process.stdout.write(
    `${points} kills, ${runs} runs, ${interrupted} interrupted, seed ${seed}: one result or none\n`,
  )
}
