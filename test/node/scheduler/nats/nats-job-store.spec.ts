import assert from 'node:assert/strict'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { NatsConnection } from '@nats-io/transport-node'
import { waitingRun } from '../../../../src/node/scheduler/run.ts'
import type { Run } from '../../../../src/node/scheduler/run.ts'
import { isFailure } from '../../../../src/protocol/errors.ts'
import { uuidV7 } from '../../../../src/protocol/uuid.ts'
import { eventually } from '../../../helpers/eventually.ts'
import { queuedRun } from '../../../helpers/job-home.ts'
import { natsNode, NatsPair } from '../../../helpers/nats-nodes.ts'
import { NatsServer, needsNatsServer } from '../../../helpers/nats-server.ts'
import { tempFolder } from '../../../helpers/temp-folder.ts'
import { done, failed, jobStoreContract, nothing } from '../job-store-contract.ts'

describe('nats job store', () => {
  before(function () {
    needsNatsServer(this)
  })
  const folder = tempFolder()
  let server: NatsServer
  let pair: NatsPair

  beforeEach(async () => {
    server = new NatsServer(folder())
    await server.start()
    pair = new NatsPair(folder(), server.url)
    await pair.open()
  })
  afterEach(async () => {
    await pair.close()
    await server.kill()
  })

  jobStoreContract(() => pair)

  /** A client of the test's own, for what nodes never do. */
  async function withClient<T>(work: (connection: NatsConnection) => Promise<T>): Promise<T> {
    const connection = await connect({ servers: server.url })
    try {
      return await work(connection)
    } finally {
      await connection.close()
    }
  }

  async function queued(job = 'digest'): Promise<Run> {
    const run = queuedRun(job, Date.now())
    assert.equal(await pair.first.enqueue(run), true)
    await pair.settled()
    return run
  }

  it('lets one of two nodes take a time that both see is due', async () => {
    const dueAt = Date.now()
    const plan = { schedule: 'hourly', nextAt: dueAt + 3_600_000, passedOverAt: undefined }
    const taken = await Promise.all(
      [pair.first, pair.second].map((store, nth) => {
        const id = uuidV7(dueAt, new Uint8Array(10).fill(nth))
        const run = waitingRun(id, { job: 'digest', cause: 'schedule', by: 'self', dueAt }, dueAt)
        return store.enqueue(run, plan)
      }),
    )
    assert.deepEqual(taken.sort(), [false, true])
    await pair.settled()
    assert.equal(pair.first.openRuns('digest').length, 1)
  })

  it('has one message for a due time, named after it, however many nodes want to claim its run', async () => {
    const dueAt = Date.now()
    const wanted = { job: 'digest', cause: 'schedule', by: 'self', dueAt } as const
    await pair.first.enqueue(waitingRun(uuidV7(dueAt, new Uint8Array(10)), wanted, dueAt))
    await pair.settled()
    const [run] = pair.first.openRuns()
    const claims = [pair.first, pair.second].map((store) =>
      store.claim(run?.run ?? '', dueAt, 1_000),
    )
    await Promise.allSettled(claims)
    const { id, last } = await withClient(async (connection) => {
      const { streams } = await jetstreamManager(connection)
      const { state } = await streams.info('kith-due')
      const message = await streams.getMessage('kith-due', { seq: state.last_seq })
      return { id: message?.header.get('Nats-Msg-Id'), last: state.last_seq }
    })
    assert.deepEqual([id, last], [`digest@${dueAt}`, 1])
  })

  it('acknowledges the message of an attempt that has ended, also one whose worker lost it', async () => {
    const claim = await pair.first.claim((await queued()).run, Date.now(), pair.ttlMs)
    await pair.settled()
    const left = await pair.lapsed(claim.run.run)
    await pair.second.close(left, failed, Date.now(), nothing)
    const next = await pair.second.claim((await queued()).run, Date.now(), pair.ttlMs)
    await pair.second.finish(next, done, Date.now(), nothing)
    const left2 = await withClient(async (connection) => {
      const { streams } = await jetstreamManager(connection)
      return (await streams.info('kith-due')).state.messages
    })
    assert.equal(left2, 0)
  })

  it('gives up a lease whose message the servers have lost', async () => {
    const { run } = await pair.first.claim((await queued()).run, Date.now(), pair.ttlMs)
    await pair.settled()
    await withClient(async (connection) => {
      await (await jetstreamManager(connection)).streams.purge('kith-due')
    })
    assert.equal((await pair.lapsed(run.run)).run, run.run)
  })

  it('files a run whose node ended before it could, at the next change of its job', async () => {
    const { run } = await queued()
    const claim = await pair.first.claim(run, Date.now(), pair.ttlMs)
    await pair.first.finish(claim, done, Date.now(), nothing)
    await pair.settled()
    // As it is when the node ends between the two writes.
    const key = `digest.${run}`
    await withClient(async (connection) => {
      const { streams } = await jetstreamManager(connection)
      await streams.purge('KV_kith-runs', { filter: `$KV.kith-runs.${key}` })
    })
    await pair.reopen()
    const filed = await withClient(async (connection) => {
      const { streams } = await jetstreamManager(connection)
      return await streams.getMessage('KV_kith-runs', { last_by_subj: `$KV.kith-runs.${key}` })
    })
    assert.equal((filed?.json() as Run).summary, 'done')
  })

  it('tells a node of each run that another has ended, once, and a new node of no old ones', async () => {
    const claim = await pair.first.claim((await queued()).run, Date.now(), pair.ttlMs)
    await pair.settled()
    const heard = pair.heard(1)
    await pair.first.finish(claim, done, Date.now(), nothing)
    await pair.settled()
    const ids = heard.map(({ run }) => run)
    assert.deepEqual(ids, [claim.run.run])
    assert.deepEqual(pair.heard(0), [])
    await pair.reopen()
    await pair.settled()
    assert.deepEqual([pair.heard(0), pair.heard(1)], [[], []])
    const third = await natsNode(folder(), 'third', { servers: [server.url] })
    await eventually(async () => {
      assert.equal((await third.runs.get(claim.run.run))?.summary, 'done')
    })
    assert.deepEqual(third.heard, [])
    await third.close()
  })

  it('does nothing while a record is of a later kith, and says which', async () => {
    await queued()
    await withClient(async (connection) => {
      await jetstream(connection).publish('$KV.kith-jobs.job.digest', '{"format":2}')
    })
    await eventually(() => {
      assert.match(pair.second.problem?.message ?? '', /job digest cannot be read/)
    })
  })

  describe('when the server is killed', () => {
    it('keeps a lease for as long as it lives, and stores the result once the server is back', async () => {
      const claim = await pair.first.claim((await queued()).run, Date.now(), 10_000)
      await server.kill()
      await eventually(() => {
        assert.ok(pair.first.problem)
      })
      assert.equal(await pair.first.renew(claim, Date.now()), true)
      const finished = pair.first.finish(claim, done, Date.now(), nothing)
      await server.start()
      assert.equal((await finished)?.state, 'succeeded')
      await pair.settled()
      assert.equal((await pair.runs[1]?.get(claim.run.run))?.summary, 'done')
    })

    it('knows what there was, refuses to change it, and says why and what helps', async () => {
      const { run } = await queued()
      await server.kill()
      await eventually(() => {
        assert.match(pair.second.problem?.message ?? '', /cannot be reached/)
      })
      assert.deepEqual(
        pair.second.openRuns().map((one) => one.run),
        [run],
      )
      const refused = (err: unknown): boolean => isFailure(err, 'jobs-unreachable')
      await assert.rejects(pair.second.enqueue(queuedRun('backup', Date.now())), refused)
      await assert.rejects(pair.second.pause('digest', undefined), refused)
      await assert.rejects(pair.second.list.edit({ op: 'remove', name: 'digest' }), refused)
      assert.ok(isFailure(pair.second.problem) && pair.second.problem.hint?.includes('nats-server'))
    })

    it('loses a lease that ran out meanwhile', async () => {
      const claim = await pair.first.claim((await queued()).run, Date.now(), pair.ttlMs)
      await server.kill()
      await pair.pass(pair.ttlMs)
      assert.equal(await pair.first.renew(claim, Date.now()), false)
      assert.equal(await pair.first.finish(claim, done, Date.now(), nothing), undefined)
      await server.start()
      await eventually(() => {
        assert.equal(pair.second.problem, undefined)
      })
      assert.equal((await pair.lapsed(claim.run.run)).state, 'running')
    })
  })
})
