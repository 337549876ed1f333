import assert from 'node:assert/strict'
import { DeliveryStore } from '../../../../src/node/scheduler/delivery/delivery-store.ts'
import { afterTry, deliveriesOf } from '../../../../src/node/scheduler/delivery/delivery.ts'
import type { Delivery } from '../../../../src/node/scheduler/delivery/delivery.ts'
import { Database } from '../../../../src/store/database.ts'
import { jobOf } from '../../../helpers/job-home.ts'
import { artifactIn, deliveryOf, doneRun } from '../../../helpers/results.ts'
import { tempFolder } from '../../../helpers/temp-folder.ts'

const DAY_MS = 86_400_000
const ASK = { kind: 'ask', peer: 'self', text: 'hi', egress: 'peers' }
const job = jobOf('digest', { deliver: [{ file: '/srv/a' }, { file: '/srv/b' }] })
const chance = { now: 5_000, random: 0.5 }

describe('delivery store', () => {
  const folder = tempFolder()
  let database: Database
  let store: DeliveryStore

  beforeEach(async () => {
    database = await Database.open(folder())
    store = await DeliveryStore.open(database)
  })
  afterEach(() => database.close())

  async function add(at = 1_000): Promise<string> {
    const run = doneRun('digest', at)
    const rows = deliveriesOf(job, run, artifactIn(job, run), store.nextOrder())
    await database.write(store.add(rows), { durable: false })
    await store.take(run.run)
    return run.run
  }

  async function end(run: string, state: 'done' | 'dead', now = 5_000): Promise<void> {
    const failure = { kind: 'failed', code: 'x', why: 'y', again: false } as const
    const how = state === 'done' ? ({ kind: 'done' } as const) : failure
    await store.change(run, (row) => afterTry(row, how, { ...chance, now }))
  }

  it('knows what is open once that is written and taken, and not before', async () => {
    const run = doneRun('digest', 1_000)
    const operations = store.add(deliveriesOf(job, run, artifactIn(job, run), store.nextOrder()))
    assert.deepEqual(store.open(), [])
    await database.write(operations, { durable: false })
    await store.take(run.run)
    assert.equal(store.open().length, 2)
    assert.equal(store.awaits(run.run), true)
  })

  it('knows it after a restart, from which what has ended stays away', async () => {
    const first = await add(1_000)
    const second = await add(2_000)
    await end(first, 'done')
    await database.close()
    database = await Database.open(folder())
    store = await DeliveryStore.open(database)
    assert.deepEqual(
      store.open().map(({ run }) => run),
      [second, second],
    )
    assert.equal(store.awaits(first), false)
    const states = (await store.ofRun(first)).map(({ state }) => state)
    assert.deepEqual(states, ['done', 'done'])
  })

  it('changes one after another, each seeing the one before, in one batch with what goes along', async () => {
    const run = await add()
    const count = (row: Delivery): Delivery => ({ ...row, tries: row.tries + 1 })
    await Promise.all([
      store.change(run, count),
      store.change(run, count),
      store.change(run, count),
    ])
    assert.deepEqual(
      (await store.ofRun(run)).map(({ tries }) => tries),
      [3, 3],
    )
    assert.deepEqual(
      store.open().map(({ tries }) => tries),
      [3, 3],
    )
  })

  it('goes on after a change that broke', async () => {
    const run = await add()
    const broken = store.change(run, () => {
      throw new Error('no')
    })
    await assert.rejects(broken, /no/)
    assert.equal((await store.change(run, (row) => ({ ...row, tries: 1 }))).length, 2)
  })

  it('knows what is past by the order of its runs, whatever the clock said, over a restart', async () => {
    const past = async (run: string): Promise<boolean[]> =>
      (await store.ofRun(run)).map((row) => store.isPast(row))
    const first = await add(5_000)
    const second = await add(1_000)
    await end(second, 'dead')
    const third = await add(2_000)
    await end(third, 'done')
    assert.deepEqual(await past(first), [true, true])
    assert.deepEqual(await past(third), [false, false])
    await end(first, 'done')
    await database.close()
    database = await Database.open(folder())
    store = await DeliveryStore.open(database)
    assert.deepEqual(await past(second), [true, true], 'what came too late has changed nothing')
    assert.deepEqual(await past(await add(500)), [false, false])
  })

  it('takes what failed, or went elsewhere, for no file', async () => {
    const first = await add(1_000)
    const later = await add(2_000)
    await end(later, 'dead')
    const peer = jobOf('digest', { target: ASK, deliver: [{ peer: 'bob' }] })
    const row = { ...deliveryOf(peer, doneRun('digest', 3_000), 9) }
    await database.write(store.add([row]), { durable: false })
    await end(row.run, 'done')
    assert.deepEqual(
      (await store.ofRun(first)).map((one) => store.isPast(one)),
      [false, false],
    )
  })

  it('forgets what ended long ago or is too much, dead ones apart, and nothing that is open', async () => {
    const open = await add(1_000)
    const old = await add(2_000)
    await end(old, 'done', 0)
    const dead = await add(3_000)
    await end(dead, 'dead', 0)
    const fresh = await add(4_000)
    await end(fresh, 'done', 40 * DAY_MS)
    assert.equal((await store.prune(40 * DAY_MS)).length, 2)
    const kept = await Array.fromAsync(store.newest(), ({ run }) => run)
    assert.deepEqual([...new Set(kept)], [fresh, dead, open])
    const few = { succeeded: { count: 1, ageMs: DAY_MS }, failed: { count: 0, ageMs: DAY_MS } }
    const gone = await store.prune(40 * DAY_MS, few)
    assert.deepEqual(
      gone.map(({ failed }) => failed),
      [false, true, true],
    )
    assert.equal(store.open().length, 2)
  })

  it('F63: forgets the order at a path once nothing is kept that could come there late', async () => {
    const rows = database.sublevel('deliveries-order')
    const none = { count: 0, ageMs: 0 }
    const dead = await add(1_000)
    await end(dead, 'dead')
    const later = await add(2_000)
    await end(later, 'done')
    await store.prune(10_000, { succeeded: none, failed: { count: 9, ageMs: DAY_MS } })
    const [late] = await store.ofRun(dead)
    assert.ok(late !== undefined && store.isPast(late), 'the dead one may be tried again')
    assert.equal((await rows.keys().all()).length, 3)
    await store.prune(10_000, { succeeded: none, failed: none })
    assert.deepEqual(await rows.keys().all(), ['last'])
    assert.equal(store.isPast(late), false)
  })
})
