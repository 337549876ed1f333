import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import type { AlertInit } from '../../../src/node/alerts.ts'
import { artifactSchema, isOf } from '../../../src/node/scheduler/artifact.ts'
import { DeliveryStore } from '../../../src/node/scheduler/delivery/delivery-store.ts'
import type { Job } from '../../../src/node/scheduler/job.ts'
import {
  MAX_HELD_RESULTS,
  MAX_OPEN_DELIVERIES,
  Results,
} from '../../../src/node/scheduler/results.ts'
import type { Scheduler } from '../../../src/node/scheduler/scheduler.ts'
import { isFailure, KithError } from '../../../src/protocol/errors.ts'
import { Database } from '../../../src/store/database.ts'
import { eventually } from '../../helpers/eventually.ts'
import { JobHome, jobOf } from '../../helpers/job-home.ts'
import { MADE, doneRun } from '../../helpers/results.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { WebhookSink } from '../../helpers/webhook-sink.ts'

const KEY = Buffer.alloc(32, 7).toString('base64')

describe('results', () => {
  const folder = tempFolder()
  let home: JobHome
  let database: Database
  let results: Results
  let scheduler: Scheduler
  let sink: WebhookSink
  let alerts: AlertInit[]
  /** How the desk answers, where it is asked. */
  let desk: () => Promise<never>

  beforeEach(async () => {
    sink = await WebhookSink.listen()
    alerts = []
    desk = async () => await Promise.reject(new Error('nobody'))
    await mkdir(join(folder(), 'home', 'workspace'), { recursive: true })
    home = new JobHome(join(folder(), 'store'))
  })
  afterEach(async () => {
    await scheduler.stop(0)
    await results.stop()
    await home.close()
    await sink.close()
    assert.equal(home.clock.timers, 0)
  })

  async function open(...jobs: Job[]): Promise<void> {
    ;({ database, scheduler } = await home.open(jobs))
    results = new Results({
      ...{ database, randomBytes, clock: home.clock, random: () => 0.5 },
      deliveries: await DeliveryStore.open(database),
      alerts: {
        raise: (alert) => {
          alerts.push(alert)
        },
        settle: (kind) => {
          alerts = alerts.filter((alert) => alert.kind !== kind)
        },
      },
      desk: { ask: async () => await desk(), find: async () => await desk() },
      env: { HOOK_KEY: KEY },
      home: { path: join(folder(), 'home'), workspace: join(folder(), 'home', 'workspace') },
      log: pino({ level: 'silent' }),
    })
    home.resultRows = results.rowsOf
    scheduler.onEnd((run) => {
      results.ended(run)
    })
    results.start()
    scheduler.start()
  }

  /** Closes all, as a crash would in between two writes, and opens it again. */
  async function restart(...jobs: Job[]): Promise<void> {
    await scheduler.stop(0)
    await results.stop()
    await home.close()
    home.runner.begun.splice(0)
    await open(...jobs)
  }

  function job(row: Record<string, unknown> = {}): Job {
    return jobOf('digest', { schedule: { kind: 'manual' }, ...row })
  }

  /** Runs the job, which makes `MADE`, and gives the id of its run. */
  async function run(content = MADE.content): Promise<string> {
    const count = home.runner.begun.length + 1
    const { run: id } = await scheduler.runNow('digest')
    ;(await home.runner.nth(count)).succeed('Zwei Briefe.', { ...MADE, content })
    await eventually(() => {
      assert.ok(home.ended.some((ended) => ended.run === id))
    })
    return id
  }

  async function states(id: string): Promise<string[]> {
    return (await results.deliveries.ofRun(id)).map(({ state, tries }) => `${state} ${tries}`)
  }

  async function arrived(id: string, ...wanted: string[]): Promise<void> {
    await eventually(async () => {
      assert.deepEqual(await states(id), wanted)
    })
  }

  it('are artifacts that fit their schema, and are of what is stored beside them', async () => {
    await open(job())
    const id = await run()
    const [artifact, made] = [await results.artifacts.get(id), await results.artifacts.made(id)]
    assert.ok(artifact !== undefined && made !== undefined)
    assert.ok(artifactSchema.safeParse(artifact).success)
    assert.equal(isOf(artifact, made), true)
    assert.deepEqual(
      [artifact.review, artifact.sensitivity, artifact.engine, artifact.model, artifact.trace],
      ['unreviewed', 'private', 'model', 'local/qwen3', 'the-ask'],
    )
  })

  it('are not kept where their job says so, nor of a run that failed', async () => {
    await open(job({ artifact: { keep: false } }))
    assert.equal(await results.artifacts.get(await run()), undefined)
    const { run: id } = await scheduler.runNow('digest')
    ;(await home.runner.nth(2)).fail(new Error('it broke'))
    await home.nthEnd(2)
    assert.equal(await results.artifacts.get(id), undefined)
  })

  it('are none of a worker that has lost its lease: there is one artifact, of the run in its place', async () => {
    await open(job())
    home.runner.obeys = false
    const { run: lost } = await scheduler.runNow('digest')
    const stale = await home.runner.nth(1)
    home.clock.stall(31_000)
    await home.nthEnd(1)
    stale.succeed('too late', { ...MADE, content: 'too late' })
    home.runner.obeys = true
    await eventually(async () => {
      await scheduler.idle()
      assert.equal(scheduler.jobs.length, 1)
      const { run: id } = await scheduler.runNow('digest')
      ;(await home.runner.nth(2)).succeed('in time', { ...MADE, content: 'in time' })
      await home.nthEnd(2)
      assert.equal((await results.artifacts.made(id))?.content, 'in time')
    })
    assert.equal(await results.artifacts.get(lost), undefined)
    assert.equal((await results.artifacts.list({}, 10)).artifacts.length, 1)
  })

  it('go to a file and to a webhook, each by itself', async () => {
    const file = join(folder(), 'digest.md')
    const webhook = { url: sink.url, secret: 'env:HOOK_KEY' }
    await open(job({ deliver: [{ file }, { webhook }] }))
    sink.answer = (response) => {
      response.writeHead(503).end()
    }
    const id = await run()
    await arrived(id, 'done 1', 'waiting 1')
    assert.equal(await readFile(file, 'utf8'), MADE.content)
    sink.answer = (response) => {
      response.writeHead(204).end()
    }
    await eventually(async () => {
      home.clock.advance(5_000)
      assert.deepEqual(await states(id), ['done 1', 'done 2'])
    })
    const ids = sink.calls.map(({ headers }) => headers['webhook-id'])
    assert.deepEqual([...new Set(ids)], [`${id}_1`])
    const [first, second] = sink.calls
    assert.equal(first?.body, second?.body)
    const { data, type } = JSON.parse(first?.body ?? '') as { type: string; data: object }
    assert.equal(type, 'job.ended')
    const artifact = await results.artifacts.get(id)
    assert.ok(artifact !== undefined)
    const hex = (hash: Uint8Array): string => Buffer.from(hash).toString('hex')
    assert.deepEqual(data, {
      ...{ job: 'digest', run: id, state: 'succeeded' },
      ...{ dueAt: artifact.madeAt, finalAt: artifact.madeAt, summary: 'Zwei Briefe.' },
      artifact: {
        ...{ madeAt: artifact.madeAt, engine: 'model', model: 'local/qwen3', trace: 'the-ask' },
        ...{ sensitivity: 'private', sizeBytes: 13 },
        sources: [{ ref: 'ask:the-ask', digest: '00'.repeat(32) }],
        prompt: hex(artifact.prompt),
        context: hex(artifact.context),
        content: hex(artifact.content),
      },
      content: MADE.content,
    })
  })

  it('go on after a restart, also when their job has gone', async () => {
    const file = join(folder(), 'not-yet', 'digest.md')
    await open(job({ deliver: [{ file }] }))
    const id = await run()
    await arrived(id, 'waiting 1')
    await mkdir(join(folder(), 'not-yet'))
    await restart()
    await eventually(async () => {
      home.clock.advance(5_000)
      assert.deepEqual(await states(id), ['done 2'])
    })
    assert.equal(await readFile(file, 'utf8'), MADE.content)
  })

  it('take the place of earlier ones in a file, also once the clock was set back', async () => {
    const file = join(folder(), 'digest.md')
    await open(job({ deliver: [{ file }] }))
    await arrived(await run('earlier'), 'done 1')
    home.clock.setBack(3_600_000)
    await arrived(await run('later'), 'done 1')
    assert.equal(await readFile(file, 'utf8'), 'later')
  })

  it('go to a peer as soon as it is there, and not each time when it comes and goes', async () => {
    const target = { kind: 'ask', peer: 'self', text: 'hi', egress: 'peers' }
    await open(job({ target, deliver: [{ peer: 'bob' }] }))
    desk = async () =>
      await Promise.reject(new KithError('unreachable', 'away', { peer: 'bob', reason: 'away' }))
    const id = await run()
    await arrived(id, 'waiting 1')
    results.peerCame('bob')
    await arrived(id, 'waiting 2')
    for (let nth = 0; nth < 20; nth++) results.peerCame('bob')
    home.clock.setBack(30_000)
    results.peerCame('bob')
    await results.settle()
    assert.deepEqual(await states(id), ['waiting 2'])
    home.clock.setBack(30_000)
    results.peerCame('bob')
    await arrived(id, 'waiting 3')
  })

  it('that failed are told of where that is wanted', async () => {
    const file = join(folder(), 'digest.md')
    await open(job({ deliver: [{ file, when: 'always' }] }))
    const { run: id } = await scheduler.runNow('digest')
    ;(await home.runner.nth(1)).fail(new Error('it broke'))
    await arrived(id, 'done 1')
    assert.equal(await readFile(file, 'utf8'), 'failed: it broke')
  })

  it('wait for a person, where that is wanted, over restarts', async () => {
    const file = join(folder(), 'digest.md')
    const waiting = job({ deliver: [{ file, when: 'accepted' }] })
    await open(waiting)
    const id = await run()
    await arrived(id, 'held 0')
    await restart(waiting)
    home.clock.advance(86_400_000)
    assert.deepEqual(await states(id), ['held 0'])
    const artifact = await results.review(id, { verdict: 'accepted' }, 'self')
    assert.deepEqual([artifact.review, artifact.reviewedBy], ['accepted', 'self'])
    await arrived(id, 'done 1')
    assert.equal((await results.artifacts.get(id))?.review, 'accepted')
  })

  it('that a person has rejected go nowhere, until they are accepted after all', async () => {
    const file = join(folder(), 'digest.md')
    await open(job({ deliver: [{ file, when: 'accepted' }] }))
    const id = await run()
    await arrived(id, 'held 0')
    const review = { verdict: 'rejected', reason: 'it is wrong' } as const
    assert.equal((await results.review(id, review, 'self')).reason, 'it is wrong')
    assert.deepEqual(await states(id), ['withdrawn 0'])
    await results.review(id, { verdict: 'accepted' }, 'self')
    await arrived(id, 'done 1')
    await assert.rejects(results.review('none', { verdict: 'accepted' }, 'self'), (err: unknown) =>
      isFailure(err, 'unknown-artifact'),
    )
  })

  it('that do not arrive are told of, and tried again when a person wants it', async () => {
    const file = join(folder(), 'home', 'config.yaml')
    await open(job({ deliver: [{ file }] }))
    const id = await run()
    await arrived(id, 'dead 1')
    await eventually(() => {
      assert.deepEqual(alerts, [
        {
          kind: 'delivery-dead',
          what: `the result of digest, run ${id}, did not arrive at file ${file}`,
          hint: `kith artifacts deliver ${id}`,
        },
      ])
    })
    const [again] = await results.redeliver(id)
    assert.equal(again?.state, 'waiting')
    assert.deepEqual(alerts, [])
    await arrived(id, 'dead 1')
    assert.deepEqual(await results.redeliver('none'), [])
  })

  it('F63: that did not arrive are kept for 180 days, and not forgotten without a word', async () => {
    await open(job({ deliver: [{ file: join(folder(), 'home', 'config.yaml') }] }))
    const id = await run()
    await arrived(id, 'dead 1')
    home.clock.advance(179 * 86_400_000)
    await results.settle()
    await arrived(id, 'dead 1')
    assert.ok(!alerts.some(({ what }) => what.startsWith('deliveries were forgotten')))
    home.clock.advance(2 * 86_400_000)
    await results.settle()
    assert.deepEqual(await results.deliveries.ofRun(id), [])
    assert.deepEqual(alerts.at(-1), {
      kind: 'results-dropped',
      what: 'deliveries were forgotten that did not arrive: digest 1',
      hint: 'kith artifacts list',
    })
  })

  it('that are no longer kept are not delivered: their last line would pass for all of them', async () => {
    const [file, out] = [join(folder(), 'out', 'digest.md'), join(folder(), 'out')]
    await symlink(join(folder(), 'home'), out)
    await open(job({ deliver: [{ file }] }))
    const id = await run()
    await arrived(id, 'dead 1')
    home.clock.advance(91 * 86_400_000)
    await results.settle()
    assert.equal(await results.artifacts.get(id), undefined)
    await rm(out)
    await mkdir(out)
    assert.equal((await results.redeliver(id)).length, 1)
    await arrived(id, 'dead 1')
    const [row] = await results.deliveries.ofRun(id)
    assert.equal(row?.failure?.code, 'unknown-artifact')
    await assert.rejects(readFile(file), { code: 'ENOENT' })
  })

  it('that are too much to keep whole are kept in part, and told of instead of delivered', async () => {
    const file = join(folder(), 'digest.md')
    await open(job({ deliver: [{ file }] }))
    const { run: id } = await scheduler.runNow('digest')
    ;(await home.runner.nth(1)).succeed('much', { ...MADE, cut: true })
    await arrived(id, 'dead 0')
    assert.equal((await results.artifacts.get(id))?.cut, true)
    await eventually(() => {
      assert.equal(alerts.length, 1)
    })
    await assert.rejects(readFile(file), { code: 'ENOENT' })
  })

  it('are not dropped unseen without a word', async () => {
    await open(job())
    const id = await run()
    home.clock.advance(89 * 86_400_000)
    await results.settle()
    assert.ok((await results.artifacts.get(id)) !== undefined)
    home.clock.advance(2 * 86_400_000)
    await results.settle()
    assert.equal(await results.artifacts.get(id), undefined)
    assert.deepEqual(alerts, [
      {
        kind: 'results-dropped',
        what: 'results were dropped that nobody had looked at: digest 1',
        hint: 'kith artifacts list --unreviewed',
      },
    ])
  })

  it('are made no more by jobs that deliver, when too many are on their way', async () => {
    const delivering = job({
      deliver: Array.from({ length: 8 }, (_, nth) => ({ file: `/srv/${nth}` })),
    })
    await open(delivering)
    const later = home.clock.now() + 86_400_000
    for (let nth = 0; nth * 8 < MAX_OPEN_DELIVERIES; nth++) {
      results.assertRoom(delivering)
      const run = doneRun('digest', later + nth)
      const outcome = { state: 'succeeded', summary: '' } as const
      await database.write(results.rowsOf(delivering, run, outcome), { durable: false })
      await results.deliveries.take(run.run)
    }
    assert.throws(
      () => {
        results.assertRoom(delivering)
      },
      (err: unknown) => isFailure(err, 'list-full'),
    )
    results.assertRoom(job())
  })

  it('that wait for a person are never dropped: their jobs make no more when there are too many', async () => {
    const waiting = job({ deliver: [{ file: '/srv/digest.md', when: 'accepted' }] })
    await open(waiting)
    const runs: string[] = []
    for (let nth = 0; nth < MAX_HELD_RESULTS; nth++) {
      results.assertRoom(waiting)
      const finalAt = home.clock.now() + nth
      const ended = { run: `run-${String(nth).padStart(3, '0')}`, job: 'digest' }
      const rest = { cause: 'manual', by: 'self', dueAt: 0, readyAt: 0, attempts: 1, retries: 0 }
      const row = { ...ended, ...rest, cause: 'manual', state: 'succeeded', finalAt } as const
      const outcome = { state: 'succeeded', summary: '', made: MADE } as const
      await database.write(results.rowsOf(waiting, row, outcome), { durable: false })
      await results.deliveries.take(row.run)
      runs.push(row.run)
    }
    assert.throws(
      () => {
        results.assertRoom(waiting)
      },
      (err: unknown) => isFailure(err, 'list-full'),
    )
    results.assertRoom(job())
    home.clock.advance(1_000 * 86_400_000)
    await results.settle()
    assert.deepEqual([...results.held], runs)
    assert.ok((await results.artifacts.made(runs[0] ?? '')) !== undefined)
    await results.review(runs[0] ?? '', { verdict: 'rejected', reason: 'no' }, 'self')
    results.assertRoom(waiting)
  })
})
