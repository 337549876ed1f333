import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunReport } from '../../src/node/control/api.ts'
import { eventually } from '../helpers/eventually.ts'
import { LiveNode } from '../helpers/live-node.ts'
import { NatsServer } from '../helpers/nats-server.ts'

const NAMES = ['laptop', 'home', 'vps']

/** The jobs are due each second. */
const EVERY_MS = 1_000

/** Of two jobs, one is tried again when its attempt was cut short. A dead worker is noticed within two seconds. */
const ATTEMPTS = { once: 1, again: 3 }

/** How long an attempt takes, in s: long enough that it can be cut short, and short enough for the next one. */
const WORK_SECONDS = 0.4

/** More than there are. */
const ALL_RUNS = 1_000

/** Three nodes with one job list on one server, in `folder`. Each attempt leaves a line in a file as it begins, and one as it is done. */
export class SharedNodes {
  readonly server: NatsServer
  readonly nodes: LiveNode[] = []
  readonly #effects: string
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
    this.#effects = join(folder, 'effects')
    this.server = new NatsServer(join(folder, 'nats'))
  }

  /** Resolves when all of them run, and the jobs are on. */
  async start(): Promise<void> {
    await mkdir(join(this.#folder, 'nats'))
    await writeFile(this.#effects, '')
    await this.server.start()
    const env = { KITH_SCHEDULER_ENGINE: 'nats', KITH_SCHEDULER_NATS_SERVERS: this.server.url }
    for (const name of NAMES) this.nodes.push(await LiveNode.make(this.#folder, name, { env }))
    await Promise.all(this.nodes.map((node) => node.start()))
    const text = JSON.stringify({ version: 1, jobs: this.#jobs() })
    // The first look of a node is at a server that it may not have reached yet.
    const [node] = this.nodes
    await eventually(() => node?.client.call('editJobs', { op: 'import', text, replace: true }))
  }

  /** Ends all processes that still run. */
  async kill(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()))
    await this.server.kill()
  }

  /** Resolves with a node that is in the middle of an attempt, and with that attempt. */
  async working(): Promise<{ node: LiveNode; run: string }> {
    return await eventually(async () => {
      const { begun, done } = await this.effects()
      const [run, attempt] = (begun.filter((line) => !done.includes(line)).at(-1) ?? '').split(' ')
      const [asked] = this.nodes.filter(({ pid }) => pid !== 0)
      assert.ok(run !== undefined && asked !== undefined)
      const report = await asked.client.call('showRun', { run })
      assert.deepEqual([report.state, report.attempts], ['running', Number(attempt)])
      const node = this.nodes.find(({ name }) => name === report.node)
      assert.ok(node)
      return { node, run }
    })
  }

  /** Resolves when so many runs have ended, as each node that runs has them listed. */
  async ended(count: number): Promise<void> {
    for (const node of this.nodes.filter(({ pid }) => pid !== 0)) {
      await eventually(async () => {
        const ended = (await runsOf(node)).filter(({ finalAt }) => finalAt !== undefined)
        assert.ok(ended.length >= count, `${ended.length} of ${count} runs have ended`)
      })
    }
  }

  /** `RUN ATTEMPT` of all attempts that have begun, and of those that were done. */
  async effects(): Promise<{ begun: string[]; done: string[] }> {
    const lines = (await readFile(this.#effects, 'utf8')).trimEnd().split('\n')
    const of = (word: string): string[] =>
      lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1))
    return { begun: of('begun'), done: of('done') }
  }

  /** Lets nothing more be due, and returns all runs when the last has ended, as all nodes have them listed. */
  async finish(): Promise<RunReport[]> {
    const [first] = this.nodes
    for (const name of Object.keys(ATTEMPTS)) {
      await eventually(() =>
        first?.client.call('editJobs', {
          ...{ op: 'change', name },
          changes: { schedule: { kind: 'manual' } },
        }),
      )
    }
    return await eventually(async () => {
      const lists = await Promise.all(this.nodes.map(runsOf))
      const [list = []] = lists
      for (const other of lists) assert.deepEqual(other, list)
      const open = list.filter(({ finalAt }) => finalAt === undefined)
      assert.deepEqual(open, [])
      return list
    })
  }

  #jobs(): object[] {
    const script = [
      `echo "begun $KITH_RUN $KITH_ATTEMPT" >> ${this.#effects}`,
      `sleep ${WORK_SECONDS}`,
      `echo "done $KITH_RUN $KITH_ATTEMPT" >> ${this.#effects}`,
    ]
    return Object.entries(ATTEMPTS).map(([name, max]) => ({
      ...{ name, enabled: true, zone: 'UTC', overlap: 'queue', missed: { policy: 'all' } },
      schedule: { kind: 'interval', every_seconds: EVERY_MS / 1_000 },
      attempts: { max, base_seconds: 1, max_seconds: 1 },
      pause_after: ALL_RUNS,
      limits: { heartbeat_seconds: 2 },
      target: { kind: 'command', argv: ['/bin/sh', '-c', script.join('; ')] },
    }))
  }
}

/** Throws unless each due time had its run, once, as the rules of leases and of overlap say. */
export function assertOncePerTime(
  runs: readonly RunReport[],
  { begun, done }: { begun: string[]; done: string[] },
): void {
  assert.deepEqual(begun, [...new Set(begun)], 'an attempt was made twice')
  for (const { attempts, failure, job, run, state } of runs) {
    const what = `${job} ${run}, which has ${state}`
    assert.ok(begun.includes(`${run} ${attempts}`), `${what}, was never begun`)
    assert.ok(!begun.includes(`${run} ${attempts + 1}`), `${what}, was begun again`)
    if (state === 'succeeded')
      assert.ok(done.includes(`${run} ${attempts}`), `${what}, was not done`)
    else assert.equal(failure?.code, 'interrupted', what)
    // Who may be tried again was.
    if (state !== 'succeeded') assert.equal(attempts, job === 'once' ? 1 : 3, what)
  }
  for (const job of Object.keys(ATTEMPTS)) {
    const own = runs.filter((run) => run.job === job)
    const times = own.map(({ dueAt }) => dueAt).sort((a, b) => a - b)
    assert.deepEqual(times, [...new Set(times)], `a time of ${job} had two runs`)
    const [first = 0] = times
    for (let at = first; at < (times.at(-1) ?? 0); at += EVERY_MS) {
      if (times.includes(at)) continue
      const inItsWay = own.some(({ dueAt, finalAt = 0 }) => dueAt < at && finalAt > at)
      assert.ok(inItsWay, `${job} was due at ${at}, and nothing was in its way`)
    }
  }
}

/** All runs as a node has them listed, but for what they have made, which is where it was made. */
async function runsOf({ client }: LiveNode): Promise<RunReport[]> {
  const { runs } = await client.call('runs', { limit: ALL_RUNS })
  return runs.map((run) => {
    const shared = { ...run }
    delete shared.artifact
    return shared
  })
}
