/*
 * Jobs of a node that runs as a process, by the commands of its owner: what is off or paused stays so, what runs is
 * one row, and an exit code tells those who call it from outside how it went.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { JobReport, RunReport } from '../../src/node/control/api.ts'
import { reportRun } from '../../src/node/control/job-report.ts'
import { editJobs } from '../../src/node/scheduler/jobs-file.ts'
import { Runs } from '../../src/node/scheduler/runs.ts'
import { Database } from '../../src/store/database.ts'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { compileCache, program } from '../helpers/programs.ts'
import { kith, kithWith } from '../helpers/run-kith.ts'

/** Due each second, from the start on. */
const TICKS = { schedule: { kind: 'interval', every_seconds: 1 }, enabled: true }

describe('jobs', function () {
  this.timeout(60_000)
  const make = liveNodes()
  let node: LiveNode
  let count = 0

  beforeEach(async () => {
    node = await make(`node${count++}`)
  })
  afterEach(async () => {
    await node.stop()
  })

  /** Runs a command that has to succeed. */
  async function ok(...args: string[]): Promise<string> {
    const { code, err, out } = await kith(node, ...args)
    assert.equal(code, 0, `kith ${args.join(' ')}\n${out}${err}`)
    return out
  }

  /** Adds a job that runs this shell command when somebody wants it, to a node that runs or does not. */
  async function add(name: string, script: string, row: object = {}): Promise<void> {
    const target = { kind: 'command', argv: ['sh', '-c', script] }
    const job = { name, zone: 'UTC', schedule: { kind: 'manual' }, target, ...row }
    if (node.pid === 0) await editJobs(node.home.jobs, { op: 'add', job })
    else await node.client.call('editJobs', { op: 'add', job })
  }

  async function runsOf(job: string): Promise<RunReport[]> {
    return (await node.client.call('runs', { job })).runs
  }

  /** The same of a node that does not run. */
  async function storedRuns(job: string): Promise<RunReport[]> {
    const database = await Database.open(node.home.store)
    try {
      const { runs } = await new Runs(database).list({ job }, 10)
      return runs.map(reportRun)
    } finally {
      await database.close()
    }
  }

  async function jobOf(name: string): Promise<JobReport> {
    return await node.client.call('showJob', { job: name })
  }

  /** Resolves when `job` has run so often from now on. */
  async function ran(job: string, times: number): Promise<void> {
    let left = times
    for await (const run of node.client.runEvents({})) {
      if (run.job === job) left--
      if (left === 0) return
    }
  }

  it('are made, turned on, run and listed by command', async () => {
    await node.start()
    const when = ['--daily', '07:30', '--zone', 'Europe/Madrid']
    const does = ['--command', '--', 'sh', '-c', 'echo one; echo two']
    await ok('jobs', 'add', 'good', ...when, ...does)
    assert.equal((await jobOf('good')).standing, 'disabled')
    assert.match(await ok('jobs', 'enable', 'good'), /^good is on, next at /)
    assert.match(
      await ok('jobs', 'next', 'good', '-n', '2'),
      /^EUROPE\/MADRID .*(\n.* 07:30:00 .*){2}\n$/,
    )

    assert.match(await ok('jobs', 'run', 'good', '--wait'), /^result +two$/m)
    const attempts = ['--manual', '--attempts', '2', '--backoff', '1s']
    const fails = ['--command', '--', 'sh', '-c', 'echo no disk >&2; exit 4']
    await ok('jobs', 'add', 'bad', ...attempts, ...fails)
    const bad = await kith(node, 'jobs', 'run', 'bad', '--wait')
    assert.equal(bad.code, 1)
    assert.match(bad.out, /^tries +2$/m)
    assert.match(bad.out, /exit code 4; it said last: no disk$/m)

    const table = (await ok('jobs', 'runs')).trimEnd().split('\n')
    assert.equal(table.length, 3)
    assert.match(table[1] ?? '', / bad .* failed /)
    assert.match(table[2] ?? '', / good .* succeeded .* two$/)
    const { runs } = JSON.parse(await ok('jobs', 'failures', '--json')) as { runs: RunReport[] }
    assert.deepEqual(
      runs.map(({ job, state }) => [job, state]),
      [['bad', 'failed']],
    )
    assert.equal((await jobOf('bad')).failures, 1)
  })

  it('have one run at a time: a second wish is told the first, one from outside the node, and both exit with 75', async () => {
    await node.start()
    await add('slow', 'echo $$; exec sleep 60')
    const begun = await node.client.call('runJob', { job: 'slow' })
    const refused = await kith(node, 'jobs', 'run', 'slow')
    assert.equal(refused.code, 75)
    assert.ok(refused.err.includes(begun.run), refused.err)
    const outside = await kith(node, 'start', '--once', 'slow')
    assert.equal(outside.code, 75)
    assert.match(outside.err, /^try: kith jobs run slow --wait$/m)

    assert.match(await ok('jobs', 'cancel', begun.run), / of slow has ended: cancelled$/m)
    const again = JSON.parse(await ok('jobs', 'retry', begun.run, '--json')) as RunReport
    assert.equal(again.retryOf, begun.run)
    assert.equal(again.cause, 'retry')
    await node.client.call('cancelRun', { run: again.run })
  })

  it('that are new are off, and stay paused, with who and why, over a restart (F20)', async () => {
    await add('off', 'echo x', { schedule: TICKS.schedule })
    await add('ticks', 'echo x', TICKS)
    await add('witness', 'echo x', TICKS)
    await node.start()
    await Promise.all([ran('ticks', 1), ran('witness', 2)])
    await ok('jobs', 'pause', 'ticks', '--why', 'holidays')
    // What was under way when it was paused goes on.
    await eventually(async () => {
      assert.equal((await jobOf('ticks')).standing, 'paused')
    })
    const before = (await runsOf('ticks')).length
    await node.stop()
    assert.match(await ok('jobs', 'show', 'ticks'), /^paused +by self, .*: holidays$/m)

    await node.start()
    await ran('witness', 2)
    assert.deepEqual(await runsOf('off'), [])
    assert.equal((await jobOf('off')).standing, 'disabled')
    assert.equal((await runsOf('ticks')).length, before)
    const { enabled, paused } = await jobOf('ticks')
    assert.deepEqual([enabled, paused?.who, paused?.why], [true, 'self', 'holidays'])

    const next = ran('ticks', 1)
    await ok('jobs', 'resume', 'ticks')
    await next
  })

  it('that would reach further than they may are refused before anything has begun (F29)', async () => {
    const engine = '{ engine: command, command: { run: [cat] } }'
    await writeFile(node.home.config, `version: 1\nlisten: []\nagent: ${engine}\n`)
    await ok('jobs', 'add', 'near', '--manual', '--ask', 'self', 'hello')
    const { code, out } = await kith(node, 'start', '--once', 'near', '--json')
    assert.equal(code, 1)
    const run = JSON.parse(out) as RunReport
    assert.equal(run.failure?.code, 'denied')
    assert.match(run.failure.why, /its egress is none/)
    await ok('jobs', 'edit', 'near', '--preset', 'full', '--egress', 'peers')
    assert.match(await ok('start', '--once', 'near'), /^succeeded near, .*: hello/)
  })

  it('may ask their own node, also while that is told to stop, which it does not wait for twice', async () => {
    await node.start()
    const held = join(node.home.path, 'held')
    await writeFile(held, '')
    const ask = `${process.execPath} ${program('kith')} ask self 'count 2'`
    await add('asks', `while [ -e ${held} ]; do sleep 0.05; done; ${ask}`)
    await add('stops', `${process.execPath} ${program('kith')} stop`)
    const refused = await kith(node, 'jobs', 'run', 'stops', '--wait')
    assert.match(refused.out, /this is the program of job stops: kith stop is for a person/)
    await node.client.call('runJob', { job: 'asks' })
    const stopping = ok('stop')
    await node.log.line(({ msg }) => msg === 'stopping')
    await rm(held)
    await stopping
    await node.ended()
    const [run] = await storedRuns('asks')
    assert.deepEqual([run?.state, run?.summary], ['succeeded', '2'])
  })

  it('whose end the disk does not take leave nobody waiting for it', async function () {
    if (process.platform !== 'linux') this.skip()
    await node.start()
    await add('full', 'prlimit --pid $PPID --fsize=1:1; echo done')
    const { code, err } = await kith(node, 'jobs', 'run', 'full', '--wait')
    assert.equal(code, 1)
    assert.match(err, /could not write to /)
    assert.equal((await node.client.call('status', {})).health, 'unhealthy')
  })

  it('go through a file, and back', async () => {
    await add('one', 'echo x')
    const yaml = await ok('jobs', 'export')
    const two = yaml.replace('name: one', '# the second\n    name: two')
    const imported = await kithWith(node, two, 'jobs', 'import', '-')
    assert.equal(imported.code, 0, imported.err)
    const bad = await kithWith(
      node,
      two.replace('kind: manual', 'kind: never'),
      'jobs',
      'import',
      '-',
    )
    assert.equal(bad.code, 1)
    assert.match(bad.err, /^kith: the standard input:\d+:\d+: /)
    await node.start()
    const file = join(node.home.path, 'other.yaml')
    await writeFile(file, yaml)
    const taken = await kith(node, 'jobs', 'import', file)
    assert.equal(taken.code, 1)
    assert.match(taken.err, /a job is named one already/)
    assert.match(await ok('jobs', 'import', file, '--replace'), /^there is 1 job now$/m)
    assert.equal((await node.client.call('exportJobs', {})).yaml, yaml)
    await ok('jobs', 'edit', 'one', '--attempts', '3', '--ask', 'self', 'hello')
    assert.match(await readFile(node.home.jobs, 'utf8'), /text: hello/)
    await ok('jobs', 'rm', 'one')
    assert.match(await ok('jobs', 'list'), /^no jobs/)
  })

  describe('of a node that is opened for them alone', () => {
    it('exit with 1 when one fails, and write one row (F19)', async () => {
      await add('bad', 'exit 4')
      const { code, out } = await kith(node, 'start', '--once', 'bad', '--json')
      assert.equal(code, 1)
      const printed = JSON.parse(out) as RunReport
      assert.equal(printed.state, 'failed')
      assert.deepEqual(await storedRuns('bad'), [printed])
    })

    it('exit with 0 when all succeed, with all attempts that they have', async () => {
      const path = join(node.home.path, 'first')
      await add('second', `test -e ${path} || { touch ${path}; exit 1; }`, {
        attempts: { max: 2, base_seconds: 1 },
      })
      await add('good', 'echo done')
      const { code, out } = await kith(node, 'start', '--once', 'second', 'good')
      assert.equal(code, 0, out)
      assert.match(out, /^succeeded good, .*: done$/m)
      assert.match(out, /^succeeded second, /m)
    })

    it('run none of several when there is not each of them', async () => {
      await add('good', 'echo done')
      const { code, err, out } = await kith(node, 'start', '--once', 'good', 'none')
      assert.equal(code, 1)
      assert.equal(out, '')
      assert.match(err, /no job is named none/)
    })

    it('exit with 1 when the disk takes no end of a run, and say so', async function () {
      if (process.platform !== 'linux') this.skip()
      // Files of the node may grow no more from then on, as on a disk that is full.
      await add('full', 'prlimit --pid $PPID --fsize=1:1; echo done')
      const { code, err, out } = await kith(node, 'start', '--once', 'full')
      assert.equal(code, 1)
      assert.match(out, /^interrupted full, .*: store-failed: could not write to /)
      assert.match(err, /could not write to /)
    })

    it('run when they are due, by the node that runs or by their own', async () => {
      // Most of the time it is under way: the node that runs takes it when it is due, and tells who asks then.
      await add('ticks', 'sleep 0.7; echo x', TICKS)
      const first = await kith(node, 'jobs', 'run-due')
      assert.equal(first.code, 0)
      assert.match(first.err, /nothing is due/, 'nobody had seen it yet')
      const seenAt = Date.now()
      await eventually(() => {
        assert.ok(Date.now() > seenAt + 1_000)
      })
      await eventually(async () => {
        assert.match(await ok('start', '--once'), /^succeeded ticks/)
      })
      await node.start()
      await eventually(async () => {
        assert.match(await ok('jobs', 'run-due'), /^succeeded ticks/)
      })
    })

    it('end cleanly at Ctrl-C, with all that they started', async () => {
      await add('slow', 'echo $$ > pid; exec sleep 600')
      await writeFile(node.home.config, 'version: 1\nlisten: []\nstop: { drain_seconds: 1 }\n')
      const env = {
        PATH: process.env['PATH'],
        KITH_HOME: node.home.path,
        NODE_COMPILE_CACHE: compileCache(),
      }
      const child = spawn(
        process.execPath,
        [program('kith'), 'start', '--once', 'slow', '--json'],
        {
          env,
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      )
      const ended = once(child, 'close') as Promise<[number]>
      const out = text(child.stdout)
      const path = join(node.home.workspace, 'pid')
      const pid = async (): Promise<number> => Number(await readFile(path, 'utf8').catch(() => ''))
      await eventually(async () => {
        assert.ok((await pid()) > 0)
      })
      child.kill('SIGINT')
      assert.deepEqual((await ended)[0], 130)
      const run = JSON.parse(await out) as RunReport
      assert.equal(run.state, 'interrupted')
      const started = await pid()
      assert.throws(() => process.kill(started, 0), { code: 'ESRCH' })
      assert.deepEqual(await storedRuns('slow'), [run])
    })
  })
})
