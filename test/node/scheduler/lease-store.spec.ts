import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { LeaseStore } from '../../../src/node/scheduler/lease-store.ts'
import type { Run } from '../../../src/node/scheduler/run.ts'
import { Runs } from '../../../src/node/scheduler/runs.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { Database } from '../../../src/store/database.ts'
import { queuedRun } from '../../helpers/job-home.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { done, failed, jobStoreContract, nothing } from './job-store-contract.ts'
import type { StorePair } from './job-store-contract.ts'

const NOW = Date.UTC(2026, 10, 21, 9)
const TTL_MS = 30_000

describe('lease store', () => {
  const folder = tempFolder()
  let database: Database
  let runs: Runs
  let store: LeaseStore
  let now = NOW

  async function open(): Promise<void> {
    now = NOW
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

  /** Two workers of this node. Its time passes when it is told to. */
  function pair(): StorePair {
    return {
      ...{ first: store, second: store, runs: [runs], ttlMs: TTL_MS, reopen },
      now: () => now,
      pass: (ms) => {
        now += ms
        return Promise.resolve()
      },
      settled: () => Promise.resolve(),
      lapsed: async (run) => {
        now += TTL_MS
        const found = (await store.expired(now)).find((one) => one.run === run)
        assert.ok(found)
        return found
      },
    }
  }
  jobStoreContract(pair)

  it('writes the result, the end of the lease and where the job stands as one', async () => {
    const { run } = await queued()
    const claim = await store.claim(run, NOW, TTL_MS)
    const written: number[] = []
    const write = database.write.bind(database)
    database.write = async (operations, options) => {
      written.push(operations.length)
      await write(operations, options)
    }
    await store.finish(claim, done, NOW + 5, nothing)
    assert.equal(written.length, 1)
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
})
