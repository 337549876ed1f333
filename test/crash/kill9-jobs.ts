/**
 * A scheduler over a real store, and `kill -9` at moments that a seed chooses. In the end each run has one result or
 * none, no attempt was made twice, no time had two runs, and nothing that was said to have ended is lost. Each result
 * has arrived at a file and at a sink that fails now and then: under one id, however often it was sent.
 *
 *     node test/crash/kill9-jobs.ts --points 100 --seed 7
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { systemClock } from '../../src/node/clock.ts'
import { isOf } from '../../src/node/scheduler/artifact.ts'
import type { Artifact, MadeOf } from '../../src/node/scheduler/artifact.ts'
import type { Delivery } from '../../src/node/scheduler/delivery/delivery.ts'
import { webhookSignature } from '../../src/node/scheduler/delivery/webhook.ts'
import { isEnded } from '../../src/node/scheduler/run.ts'
import type { Run } from '../../src/node/scheduler/run.ts'
import { program } from '../helpers/programs.ts'
import { chance } from './chance.ts'
import { crashJobs, madeBy, openJobs } from './run-jobs.ts'

/** A run takes a few ms, and its writes some more. */
const MAX_DELAY_MS = 40

/** Share of the kills whose moment is counted from the start, when nothing may have begun; others, from the first run. */
const EARLY = 0.2

/** Share of the calls that the sink does not take. */
const SINK_FAILS = 0.25

/** Tries that a delivery may need at the end, each a day later than the one before. */
const MAX_ROUNDS = 16
const DAY_MS = 86_400_000

/** More than there are. */
const ALL_RUNS = 1_000_000

/** Runs it in a folder of its own. Throws with a command that does the same again when a promise is broken. */
export async function crashScheduler(init: {
  points: number
  seed: number
}): Promise<{ runs: number; interrupted: number; calls: number }> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'kith-crash-jobs-')))
  const random = chance(init.seed)
  const ended = new Map<string, string>()
  const sink = await Sink.listen(folder, () => random() < SINK_FAILS)
  try {
    for (let point = 0; point < init.points; point++) {
      const from = random() < EARLY ? 'ready' : 'begun'
      await killOnce(folder, sink.url, { from, ms: random() * MAX_DELAY_MS }, ended)
    }
    const { outcomes, runs } = await readEnds(folder, sink.url)
    assertOnce(runs, await readFile(join(folder, 'effects'), 'utf8'))
    for (const run of runs.values()) assertResult(run, outcomes.get(run.run), sink)
    await assertFiles(folder, runs, outcomes)
    for (const [run, state] of ended) {
      assert.equal(runs.get(run)?.state, state, `${run} had ended as ${state}`)
    }
    await rm(folder, { recursive: true })
    const interrupted = [...runs.values()].filter(({ state }) => state === 'interrupted')
    return { runs: runs.size, interrupted: interrupted.length, calls: sink.calls }
  } catch (err) {
    const again = `node test/crash/kill9-jobs.ts --points ${init.points} --seed ${init.seed}`
    throw new Error(`again: ${again}\nthe store is in ${folder}`, { cause: err })
  } finally {
    await sink.close()
  }
}

/** Where results are posted to. */
class Sink {
  /** Calls that were answered or not, and by id what each said. */
  calls = 0
  readonly bodies = new Map<string, string>()
  readonly #server: Server
  readonly #key: Uint8Array

  private constructor(key: Uint8Array, fails: () => boolean) {
    this.#key = key
    this.#server = createServer((request, response) => {
      text(request).then(
        (body) => {
          this.#take(request.headers, body)
          response.writeHead(fails() ? 503 : 204).end()
        },
        // Its caller was killed in the middle of it.
        () => response.destroy(),
      )
    })
  }

  static async listen(folder: string, fails: () => boolean): Promise<Sink> {
    const key = randomBytes(32)
    await writeFile(join(folder, 'key'), key.toString('base64'), { mode: 0o600 })
    const sink = new Sink(key, fails)
    sink.#server.listen(0, '127.0.0.1')
    await once(sink.#server, 'listening')
    return sink
  }

  get url(): string {
    const address = this.#server.address()
    assert.ok(address !== null && typeof address === 'object')
    return `http://127.0.0.1:${address.port}/results`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #take(headers: IncomingHttpHeaders, body: string): void {
    const id = String(headers['webhook-id'])
    const seconds = Number(headers['webhook-timestamp'])
    const signature = webhookSignature(this.#key, id, seconds, body)
    assert.equal(headers['webhook-signature'], signature, `${id} is not signed`)
    this.calls++
    const before = this.bodies.get(id)
    if (before !== undefined) assert.equal(body, before, `${id} came as two things`)
    this.bodies.set(id, body)
  }
}

/** Lets a process run jobs, and kills it so long after it has said a word. What it said to have ended goes to `ended`. */
async function killOnce(
  folder: string,
  sink: string,
  moment: { from: 'ready' | 'begun'; ms: number },
  ended: Map<string, string>,
): Promise<void> {
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const child = spawn(process.execPath, [program('run-jobs'), folder, sink], {
    stdio: [...stdio],
  })
  const exit = once(child, 'exit')
  for await (const line of createInterface(child.stdout)) {
    const [run = '', state] = line.split(' ')
    if (state !== undefined) ended.set(run, state)
    else if (run === moment.from) void delay(moment.ms).then(() => child.kill('SIGKILL'))
  }
  await exit
  assert.equal(child.signalCode, 'SIGKILL')
}

/** What there is of a run beside it. */
interface Outcomes {
  artifact: Artifact | undefined
  made: MadeOf | undefined
  deliveries: Delivery[]
}

/** All runs and what they made, after a start has closed what the last process left, and delivered the rest. */
async function readEnds(
  folder: string,
  sink: string,
): Promise<{ runs: Map<string, Run>; outcomes: Map<string, Outcomes> }> {
  const idle = { run: () => Promise.reject(new Error('nothing is to run now')) }
  // A day later nothing has to wait for its next try.
  const later = { ...systemClock, now: () => Date.now() + DAY_MS }
  const { database, results, runs, scheduler } = await openJobs(folder, sink, idle, later)
  try {
    scheduler.setJobs(crashJobs(folder, sink).map((job) => ({ ...job, enabled: false })))
    await scheduler.look()
    await scheduler.idle()
    results.start()
    for (let round = 0; round < MAX_ROUNDS && results.deliveries.open().length > 0; round++) {
      later.now = () => Date.now() + (round + 2) * DAY_MS
      await results.settle()
    }
    await results.stop()
    const page = await runs.list({}, ALL_RUNS)
    const outcomes = new Map<string, Outcomes>()
    for (const { run } of page.runs) {
      outcomes.set(run, {
        artifact: await results.artifacts.get(run),
        made: await results.artifacts.made(run),
        deliveries: await results.deliveries.ofRun(run),
      })
    }
    return { runs: new Map(page.runs.map((run) => [run.run, run])), outcomes }
  } finally {
    await database.close()
  }
}

/** One artifact and all its deliveries, or neither. */
function assertResult(run: Run, outcomes: Outcomes | undefined, sink: Sink): void {
  assert.ok(outcomes !== undefined)
  const { artifact, deliveries, made } = outcomes
  const id = `${run.run}_1`
  if (run.state !== 'succeeded') {
    assert.deepEqual(outcomes, { artifact: undefined, made: undefined, deliveries: [] })
    assert.ok(!sink.bodies.has(id), `${run.run} has made nothing, and it was sent`)
    return
  }
  assert.ok(artifact !== undefined && made !== undefined, `${run.run} has no artifact`)
  assert.equal(made.content, madeBy(run.run, run.attempts).content)
  assert.ok(isOf(artifact, made))
  const states = deliveries.map(({ state }) => state)
  assert.deepEqual(states, ['done', 'done'], `${run.run} did not arrive`)
  const { data } = JSON.parse(sink.bodies.get(id) ?? '{}') as { data: { content: string } }
  assert.equal(data.content, made.content)
}

/** Each file has the result of its job that was the last to be there. */
async function assertFiles(
  folder: string,
  runs: Map<string, Run>,
  outcomes: Map<string, Outcomes>,
): Promise<void> {
  const orderOf = ({ run }: Run): number => outcomes.get(run)?.deliveries[0]?.order ?? 0
  const done = [...runs.values()].filter(({ state }) => state === 'succeeded')
  for (const [job, own] of Map.groupBy(done, (run) => run.job)) {
    const newest = own.reduce((last, run) => (orderOf(run) > orderOf(last) ? run : last))
    const { content } = madeBy(newest.run, newest.attempts)
    assert.equal(await readFile(join(folder, `${job}.txt`), 'utf8'), content)
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
  const { calls, interrupted, runs } = await crashScheduler({ points, seed })
  process.stdout.write(
    `${points} kills, ${runs} runs, ${interrupted} interrupted, ${calls} calls of the sink, seed ${seed}: one result or none\n`,
  )
}
