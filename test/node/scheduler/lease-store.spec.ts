import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { isFailure } from '../../../src/protocol/errors.ts'
import { LeaseStore, MAX_QUEUED_RUNS } from '../../../src/node/scheduler/lease-store.ts'
import type { Aftermath } from '../../../src/node/scheduler/lease-store.ts'
import type { Outcome, Run } from '../../../src/node/scheduler/run.ts'
import { Runs } from '../../../src/node/scheduler/runs.ts'
import { Database } from '../../../src/store/database.ts'
import { queuedRun } from '../../helpers/job-home.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const NOW = Date.UTC(2026, 10, 21, 9)
const TTL_MS = 30_000
const done: Outcome = { state: 'succeeded', summary: 'done' }
const failed: Outcome = { state: 'failed', failure: { code: 'internal', why: 'it broke' } }
const nothing: Aftermath = { retryAt: undefined, failures: 0, pause: undefined }

describe('lease store', () => {
  const folder = tempFolder()
  let database: Database
  let runs: Runs
  let store: LeaseStore

  async function open(): Promise<void> {
    database = await Database.open(folder())
    runs = new Runs(database)
    store = await LeaseStore.open({ database, runs, randomBytes })
  }
  beforeEach(open)
  afterEach(() => database.close())

  async function reopen(): Promise<void> {
    await database.close()
    await open()
  }

  async function queued(job = 'digest'): Promise<Run> {
    const run = queuedRun(job, NOW)
    await store.enqueue(run)
    return run
  }

  it('gives one of two workers that ask together the lease, and the other the run in its way', async () => {
    const { run } = await queued()
    const results = await Promise.allSettled([
      store.claim(run, NOW, TTL_MS),
      store.claim(run, NOW, TTL_MS),
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    )
    const [, refusal] = results
    assert.ok(refusal.status === 'rejected' && isFailure(refusal.reason, 'conflict'))
    assert.equal(refusal.reason.details.activeId, run)
  })

  it('gives one lease a job, whatever runs wait behind', async () => {
    const first = await queued()
    const second = await queued()
    await store.claim(first.run, NOW, TTL_MS)
    await assert.rejects(
      store.claim(second.run, NOW, TTL_MS),
      (err: unknown) => isFailure(err, 'conflict') && err.details.activeId === first.run,
    )
    const other = await queued('backup')
    await store.claim(other.run, NOW, TTL_MS)
  })

  it('stores the result, the end of the lease and where the job stands as one', async () => {
    const { run } = await queued()
    const claim = await store.claim(run, NOW, TTL_MS)
    const written: number[] = []
    const write = database.write.bind(database)
    database.write = async (operations, options) => {
      written.push(operations.length)
      await write(operations, options)
    }
    const ended = await store.finish(claim, done, NOW + 5, nothing)
    assert.equal(written.length, 1)
    assert.equal(ended?.state, 'succeeded')
    await reopen()
    assert.equal((await runs.get(run))?.summary, 'done')
    const { active, lastSuccessAt, version } = store.state('digest')
    assert.deepEqual([active, lastSuccessAt, version], [undefined, NOW + 5, 1])
    assert.deepEqual(store.openRuns(), [])
  })

  it('takes a result once', async () => {
    const claim = await store.claim((await queued()).run, NOW, TTL_MS)
    assert.ok(await store.finish(claim, done, NOW, nothing))
    assert.equal(await store.finish(claim, failed, NOW, nothing), undefined)
    assert.equal((await runs.get(claim.run.run))?.state, 'succeeded')
  })

  it('takes a result in the last moment of the lease, and none after it', async () => {
    for (const [late, taken] of [
      [TTL_MS - 1, true],
      [TTL_MS, false],
    ] as const) {
      const claim = await store.claim((await queued(`job-${late}`)).run, NOW, TTL_MS)
      const ended = await store.finish(claim, done, NOW + late, nothing)
      assert.equal(ended !== undefined, taken)
    }
  })

  it('discards what a frozen worker brings when it thaws, and keeps what came instead', async () => {
    const { run } = await queued()
    const frozen = await store.claim(run, NOW, TTL_MS)
    const later = NOW + TTL_MS
    assert.deepEqual(
      store.expired(later).map((one) => one.run),
      [run],
    )
    await store.close(frozen.run, failed, later, { ...nothing, retryAt: later })
    const second = await store.claim(run, later, TTL_MS)
    assert.equal(second.lease.version, 2)
    assert.equal(await store.renew(frozen, later), false)
    assert.equal(await store.finish(frozen, done, later, nothing), undefined)
    await store.finish(second, { ...done, summary: 'the second' }, later, nothing)
    assert.equal(await store.finish(frozen, done, later, nothing), undefined)
    assert.equal((await runs.get(run))?.summary, 'the second')
  })

  it('ends no run that has moved on since it was seen', async () => {
    const seen = await queued()
    const claim = await store.claim(seen.run, NOW, TTL_MS)
    assert.equal(await store.close(seen, failed, NOW, nothing), undefined)
    assert.equal((await store.finish(claim, done, NOW, nothing))?.state, 'succeeded')
  })

  it('lets a lease live on while it is renewed', async () => {
    const claim = await store.claim((await queued()).run, NOW, TTL_MS)
    for (let beat = 1; beat <= 10; beat++) {
      assert.equal(await store.renew(claim, NOW + beat * 10_000), true)
      assert.deepEqual(store.expired(NOW + beat * 10_000), [])
    }
    assert.ok(await store.finish(claim, done, NOW + 120_000, nothing))
  })

  it('never revives a lease that has run out', async () => {
    const claim = await store.claim((await queued()).run, NOW, TTL_MS)
    assert.equal(await store.renew(claim, NOW + TTL_MS), false)
    assert.equal(await store.finish(claim, done, NOW + TTL_MS, nothing), undefined)
  })

  it('hands what ran when the process ended to one alone, and lets nobody claim it before', async () => {
    const { run } = await queued()
    const waiting = await queued('backup')
    const claim = await store.claim(run, NOW, TTL_MS)
    await reopen()
    await assert.rejects(store.claim(run, NOW, TTL_MS), (err: unknown) =>
      isFailure(err, 'conflict'),
    )
    const [left] = store.takeLeft()
    assert.equal(left?.run, run)
    assert.deepEqual(store.takeLeft(), [])
    assert.deepEqual(
      store.openRuns('backup').map((one) => one.run),
      [waiting.run],
    )
    assert.ok(await store.close(left, failed, NOW, nothing))
    assert.equal(await store.finish(claim, done, NOW, nothing), undefined)
  })

  it(`lets ${MAX_QUEUED_RUNS} runs wait and says busy to the next`, async () => {
    const all = Array.from({ length: MAX_QUEUED_RUNS }, (_, nth) => queued(`job-${nth}`))
    const [first] = await Promise.all(all)
    await assert.rejects(
      queued('one-more'),
      (err: unknown) => isFailure(err, 'busy') && err.details.position === MAX_QUEUED_RUNS,
    )
    await store.claim(first?.run ?? '', NOW, TTL_MS)
    await queued('one-more')
  })

  it('keeps a pause, its reason and who it was over a restart, and what a plan says', async () => {
    const pause = { who: 'self', why: 'holidays', at: NOW }
    await store.pause('digest', pause)
    await store.plan('digest', 'hourly', NOW + 1)
    await reopen()
    assert.deepEqual(store.state('digest').paused, pause)
    assert.equal(store.state('digest').nextAt, NOW + 1)
    await store.pause('digest', undefined)
    await store.plan('digest', 'hourly', undefined)
    await reopen()
    const { nextAt, paused } = store.state('digest')
    assert.deepEqual([nextAt, paused], [undefined, undefined])
  })
})
