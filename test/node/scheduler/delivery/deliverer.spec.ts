import assert from 'node:assert/strict'
import { pino } from 'pino'
import { Deliverer } from '../../../../src/node/scheduler/delivery/deliverer.ts'
import { deliveriesOf } from '../../../../src/node/scheduler/delivery/delivery.ts'
import type { Delivery, TryEnd } from '../../../../src/node/scheduler/delivery/delivery.ts'
import { DeliveryStore } from '../../../../src/node/scheduler/delivery/delivery-store.ts'
import { Database } from '../../../../src/store/database.ts'
import { eventually } from '../../../helpers/eventually.ts'
import { jobOf } from '../../../helpers/job-home.ts'
import { ManualClock } from '../../../helpers/manual-clock.ts'
import { artifactIn, doneRun } from '../../../helpers/results.ts'
import { tempFolder } from '../../../helpers/temp-folder.ts'

const done: TryEnd = { kind: 'done' }
const failed: TryEnd = { kind: 'failed', code: 'delivery-failed', why: 'no', again: true }

/** A try that a test ends by hand. */
interface Begun {
  place: string
  end: (end: TryEnd) => void
  signal: AbortSignal
}

describe('deliverer', () => {
  const folder = tempFolder()
  let clock: ManualClock
  let database: Database
  let store: DeliveryStore
  let deliverer: Deliverer
  let begun: Begun[]
  let dead: Delivery[]

  beforeEach(async () => {
    clock = new ManualClock()
    begun = []
    dead = []
    await open()
  })
  afterEach(async () => {
    for (const { end } of begun) end(failed)
    await deliverer.stop()
    await database.close()
    assert.equal(clock.timers, 0)
  })

  async function open(): Promise<void> {
    database = await Database.open(folder())
    store = await DeliveryStore.open(database)
    deliverer = new Deliverer({
      ...{ deliveries: store, clock, random: () => 0.5, log: pino({ level: 'silent' }) },
      deliver: async ({ to }, signal) => {
        const { promise, resolve } = Promise.withResolvers<TryEnd>()
        const place = to.kind === 'file' ? to.path : to.kind
        begun.push({ place, end: resolve, signal })
        return await promise
      },
      onDead: (delivery) => {
        dead.push(delivery)
      },
    })
  }

  async function add(...files: string[]): Promise<string> {
    return await addTo(...files.map((file) => ({ file })))
  }

  async function addTo(...places: object[]): Promise<string> {
    const target = { kind: 'ask', peer: 'self', text: 'hi', egress: 'peers' }
    const job = jobOf('digest', { target, deliver: places })
    const run = doneRun('digest', clock.now())
    const rows = deliveriesOf(job, run, artifactIn(job, run), store.nextOrder())
    await database.write(store.add(rows), { durable: false })
    await store.take(run.run)
    deliverer.wake()
    return run.run
  }

  async function nth(count: number): Promise<Begun> {
    return await eventually(() => {
      const try_ = begun[count - 1]
      assert.ok(try_ !== undefined, `${begun.length} tries`)
      return try_
    })
  }

  async function stateOf(run: string, state: string, tries: number): Promise<void> {
    await eventually(async () => {
      const [row] = await store.ofRun(run)
      assert.deepEqual([row?.state, row?.tries], [state, tries])
    })
  }

  it('tries what is due, and no more once it has arrived', async () => {
    deliverer.start()
    const run = await add('/a')
    const { end } = await nth(1)
    end(done)
    await stateOf(run, 'done', 1)
    clock.advance(86_400_000)
    assert.equal(begun.length, 1)
  })

  it('tries again after a wait, when one has failed, and not before', async () => {
    deliverer.start()
    const run = await add('/a')
    ;(await nth(1)).end(failed)
    await stateOf(run, 'waiting', 1)
    await eventually(() => {
      assert.equal(clock.timers, 1)
    })
    clock.advance(4_999)
    assert.equal(begun.length, 1)
    clock.advance(1)
    ;(await nth(2)).end(done)
    await stateOf(run, 'done', 2)
  })

  it('tells of each that is dead', async () => {
    deliverer.start()
    const run = await add('/a')
    ;(await nth(1)).end({ ...failed, again: false })
    await stateOf(run, 'dead', 1)
    await eventually(() => {
      assert.deepEqual(
        dead.map((row) => row.run),
        [run],
      )
    })
  })

  it('goes on after a restart where it was: what was cut short counts as no try', async () => {
    deliverer.start()
    const run = await add('/a')
    const first = await nth(1)
    const stopped = deliverer.stop()
    assert.equal(first.signal.aborted, true)
    first.end(failed)
    await stopped
    await database.close()
    await open()
    deliverer.start()
    ;(await nth(2)).end(done)
    await stateOf(run, 'done', 1)
  })

  it('has one try at a place at once, and others beside it', async () => {
    deliverer.start()
    await add('/a', '/b')
    await add('/a')
    await nth(2)
    assert.deepEqual(
      begun.map(({ place }) => place),
      ['/a', '/b'],
    )
    begun[0]?.end(done)
    assert.equal((await nth(3)).place, '/a')
  })

  it('is not held up by places that hang, as far as there are not too many', async () => {
    deliverer.start()
    await add(...Array.from({ length: 8 }, (_, index) => `/hangs/${index}`))
    await nth(8)
    const run = await add('/a')
    begun[3]?.end(failed)
    ;(await nth(9)).end(done)
    await stateOf(run, 'done', 1)
  })

  it('is not held up by peers that hang where it goes elsewhere, however many they are', async () => {
    deliverer.start()
    await addTo(...Array.from({ length: 8 }, (_, nth) => ({ peer: `hangs-${nth}` })))
    await addTo({ peer: 'ninth' })
    await nth(8)
    const run = await add('/a')
    const { end, place } = await nth(9)
    assert.equal(place, '/a')
    end(done)
    await stateOf(run, 'done', 1)
    assert.equal(begun.length, 9)
  })

  it('has settled when all that is due was tried once', async () => {
    deliverer.start()
    const runs = [await add('/a'), await add('/a')]
    const settled = deliverer.settle()
    ;(await nth(1)).end(failed)
    ;(await nth(2)).end(done)
    await settled
    await stateOf(runs[0] ?? '', 'waiting', 1)
    await stateOf(runs[1] ?? '', 'done', 1)
  })
})
