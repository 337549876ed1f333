import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { JOB_ROUTES } from '../../../src/node/control/routes/jobs.ts'
import type { RunReport } from '../../../src/node/control/routes/jobs.ts'
import { jobHandlers } from '../../../src/node/control/handlers/jobs.ts'
import type { JobNode } from '../../../src/node/control/handlers/jobs.ts'
import type { KithNode } from '../../../src/node/node.ts'
import { isFailure, type FailureCode } from '../../../src/protocol/errors.ts'
import { uuidV7 } from '../../../src/protocol/uuid.ts'
import { askerPeer, askId } from '../../helpers/ask-calls.ts'
import { eventually } from '../../helpers/eventually.ts'
import { openNodes } from '../../helpers/open-node.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

type Handlers = ReturnType<typeof jobHandlers>

const { signal } = new AbortController()

function refusal(code: FailureCode): (err: unknown) => boolean {
  return (err) => isFailure(err, code)
}

describe('control of jobs', () => {
  const all = openNodes()
  const folder = tempFolder()
  let node: KithNode
  let handlers: Handlers
  /** While it is there, `slow` goes on. */
  let held: string

  beforeEach(async () => {
    held = join(folder(), 'held')
    await writeFile(held, '')
    node = await all().open()
    handlers = jobHandlers(node)
    const command = (program: string): object => ({
      ...{ kind: 'command', argv: ['/bin/sh', '-c', program], cwd: '/' },
    })
    const manual = { enabled: true, zone: 'UTC', schedule: { kind: 'manual' } }
    const rows = [
      {
        ...{ name: 'digest', enabled: true, zone: 'Europe/Madrid' },
        schedule: { kind: 'daily', at: '03:00' },
        target: command('echo done'),
      },
      { ...manual, name: 'bad', target: command('exit 3') },
      {
        ...{ ...manual, name: 'slow' },
        target: command(`while [ -e ${held} ]; do sleep 0.05; done`),
      },
    ]
    const text = JSON.stringify({ version: 1, jobs: rows })
    await writeFile(node.home.jobs, text, { mode: 0o600 })
    await node.start()
  })
  afterEach(async () => {
    if (existsSync(held)) await rm(held)
  })

  /** What a route gives, which must be what its schema says: the server does not look. */
  async function call<N extends Exclude<keyof Handlers, 'runEvents'>>(
    name: N,
    input: Parameters<Handlers[N]>[0],
  ): Promise<Awaited<ReturnType<Handlers[N]>>> {
    const handle = handlers[name] as (
      input: Parameters<Handlers[N]>[0],
      signal: AbortSignal,
    ) => Promise<Awaited<ReturnType<Handlers[N]>>>
    const output = await handle(input, signal)
    const overWire: unknown = JSON.parse(JSON.stringify(output))
    assert.deepEqual(JOB_ROUTES[name].output.parse(overWire), overWire)
    return output
  }

  async function runToEnd(job: string): Promise<RunReport> {
    const { run } = await call('runJob', { job })
    await node.jobs.ended(run, signal)
    return await call('showRun', { run })
  }

  it('a list that could not be read is not taken for an empty one', async () => {
    const bad = await all().open('other')
    await writeFile(bad.home.jobs, 'jobs: [', { mode: 0o600 })
    await bad.start()
    await assert.rejects(jobHandlers(bad).jobs({}, signal), refusal('invalid-file'))
  })

  it('lists each job in the order of jobs.yaml, and shows one with its entry', async () => {
    const jobs = await call('jobs', {})
    assert.deepEqual(
      jobs.map(({ name, schedule, standing }) => [name, schedule, standing]),
      [
        ['digest', 'daily 03:00', 'waiting'],
        ['bad', 'manual', 'waiting'],
        ['slow', 'manual', 'waiting'],
      ],
    )
    const { definition, ...report } = await call('showJob', { job: 'digest' })
    assert.deepEqual(report, jobs[0])
    assert.match(definition, /03:00/)
    await assert.rejects(call('showJob', { job: 'none' }), refusal('unknown-job'))
  })

  it('edits jobs.yaml, and has the change in force when it answers', async () => {
    const edit = { op: 'change', name: 'digest', changes: { enabled: false } } as const
    const [digest] = await call('editJobs', edit)
    assert.deepEqual([digest?.standing, digest?.nextAt], ['disabled', undefined])
  })

  it('gives the next times with the zone that they are of', async () => {
    const { times, zone } = await call('nextTimes', { job: 'digest', count: 3 })
    assert.equal(zone, 'Europe/Madrid')
    const format = { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
    const clocks = times.map((at) => new Intl.DateTimeFormat('en-GB', format).format(at))
    assert.deepEqual(clocks, ['03:00', '03:00', '03:00'])
    assert.equal(times[0], (await call('jobs', {}))[0]?.nextAt)
    assert.deepEqual(await call('nextTimes', { job: 'bad', count: 3 }), { zone: 'UTC', times: [] })
  })

  it('pauses a job and resumes it', async () => {
    const paused = await call('pauseJob', { job: 'digest', why: 'holidays' })
    assert.equal(paused.standing, 'paused')
    assert.deepEqual([paused.paused?.who, paused.paused?.why], ['self', 'holidays'])
    assert.equal((await call('resumeJob', { job: 'digest' })).standing, 'waiting')
    await assert.rejects(call('pauseJob', { job: 'none', why: '' }), refusal('unknown-job'))
    await assert.rejects(call('resumeJob', { job: 'none' }), refusal('unknown-job'))
  })

  it('runs a job, and says no more than that it will', async () => {
    const run = await runToEnd('digest')
    assert.deepEqual(
      [run.state, run.summary, run.cause, run.by],
      [...['succeeded', 'done', 'manual', 'self']],
    )
    const bad = await runToEnd('bad')
    assert.deepEqual([bad.state, bad.failure?.code], ['failed', 'program-failed'])
    const slow = await call('runJob', { job: 'slow' })
    assert.equal(slow.state, 'queued')
    await assert.rejects(
      call('runJob', { job: 'slow' }),
      (err) => isFailure(err, 'conflict') && err.details.activeId === slow.run,
    )
  })

  it('cancels a run, and gives one that has ended as it is', async () => {
    const { run } = await call('runJob', { job: 'slow' })
    assert.equal((await call('cancelRun', { run })).state, 'cancelled')
    assert.equal((await call('cancelRun', { run })).state, 'cancelled')
    await assert.rejects(call('cancelRun', { run: askId(1) }), refusal('unknown-run'))
  })

  it('runs the work of a run again, linked to it', async () => {
    const { run } = await runToEnd('bad')
    const again = await call('retryRun', { run })
    assert.deepEqual([again.cause, again.retryOf], ['retry', run])
    await node.jobs.ended(again.run, signal)
    assert.equal((await call('showRun', { run: again.run })).retryOf, run)
    await assert.rejects(call('retryRun', { run: askId(1) }), refusal('unknown-run'))
  })

  it('lists runs page by page, those of one job and those that failed', async () => {
    const [one, two, three] = [
      (await runToEnd('bad')).run,
      (await runToEnd('digest')).run,
      (await runToEnd('bad')).run,
    ]
    const ids = async (query: Parameters<Handlers['runs']>[0]): Promise<(string | undefined)[]> => {
      const { cursor, runs } = await call('runs', query)
      return [...runs.map(({ run }) => run), cursor]
    }
    assert.deepEqual(await ids({ limit: 10 }), [three, two, one, undefined])
    assert.deepEqual(await ids({ limit: 2 }), [three, two, two])
    assert.deepEqual(await ids({ limit: 2, cursor: two }), [one, undefined])
    assert.deepEqual(await ids({ limit: 10, job: 'digest' }), [two, undefined])
    assert.deepEqual(await ids({ limit: 10, failed: true }), [three, one, undefined])
  })

  it('takes what a query says of failed for what it says', () => {
    const { input } = JOB_ROUTES.runs
    assert.equal(input.parse({ failed: 'false' }).failed, false)
    assert.equal(input.parse({ failed: 'true' }).failed, true)
    assert.ok(!input.safeParse({ failed: 'yes' }).success)
  })

  it('streams each run that ends from then on, until its reader has gone', async () => {
    const stop = new AbortController()
    const stream = await handlers.runEvents({}, stop.signal)
    const seen: string[] = []
    const reading = (async () => {
      for await (const { job, state } of stream) seen.push(`${job} ${state}`)
    })()
    await runToEnd('digest')
    await runToEnd('bad')
    await eventually(() => {
      assert.deepEqual(seen, ['digest succeeded', 'bad failed'])
    })
    stop.abort()
    await reading
  })

  it('runs what is due, which here is nothing', async () => {
    assert.deepEqual(await call('runDue', {}), { runs: [], refused: [] })
  })

  it('has a peer run its job by a call that is made once, whatever becomes of the link', async () => {
    const run = uuidV7(node.clock.now(), randomBytes(10))
    const calls: unknown[] = []
    const caller: JobNode['caller'] = {
      call: async (peer, verb, body, schema, { once }) => {
        calls.push([peer.pin.name, verb, body, once])
        return schema.parse({ run })
      },
    }
    const pins = { byName: () => askerPeer('nas') }
    const { clock, jobs } = node
    const asked = { peer: 'nas', job: 'scrub' }
    const { runPeerJob } = jobHandlers({ audit: node.audit, caller, clock, jobs, pins })
    assert.deepEqual(await runPeerJob(asked, signal), { ...asked, run })
    assert.deepEqual(calls, [['nas', 'job.run', { job: 'scrub' }, true]])
  })

  it('has no job of a peer that is not pinned', async () => {
    await assert.rejects(call('runPeerJob', { peer: 'nas', job: 'x' }), refusal('unknown-peer'))
  })
})
