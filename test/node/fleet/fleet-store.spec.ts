import assert from 'node:assert/strict'
import { FleetStore } from '../../../src/node/fleet/fleet-store.ts'
import type { Standing } from '../../../src/node/fleet/standing.ts'
import { Database } from '../../../src/store/database.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const PER_PEER = 2_000
const IN_ALL = 20_000

describe('what is kept of the fleet', () => {
  const folder = tempFolder()
  let database: Database
  let store: FleetStore

  beforeEach(async () => {
    database = await Database.open(folder())
    store = new FleetStore(database)
  })
  afterEach(() => database.close())

  function standing(at: number, reason = String(at)): Standing {
    const state = 'yellow' as const
    return {
      ...{ state, reasons: [reason], since: at, sampledAt: at },
      ...{ window: [state], steady: { state, since: at } },
    }
  }

  /** Keeps `count` samples a minute apart, each of which says something new. */
  async function keep(peer: string, count: number, from = 0): Promise<void> {
    let before: Standing | undefined
    const writes: Promise<void>[] = []
    for (let index = 0; index < count; index++) {
      const now = standing(from + index * MINUTE_MS)
      writes.push(store.keep(peer, before, now))
      before = now
    }
    await Promise.all(writes)
  }

  async function samples(): Promise<number> {
    return (await Array.fromAsync(database.sublevel('fleet-samples').keys())).length
  }

  it('F46: is the samples where something has changed, and one in ten minutes', async () => {
    let before: Standing | undefined
    for (let minute = 1; minute <= 31; minute++) {
      const now = standing(minute * MINUTE_MS, minute < 15 ? 'a' : 'b')
      await store.keep('bob', before, now)
      before = now
    }
    const kept = await store.history('bob', 50)
    assert.deepEqual(
      kept.map(({ at }) => at / MINUTE_MS),
      [25, 15, 11, 1],
    )
    assert.equal((await store.standings()).get('bob')?.sampledAt, 31 * MINUTE_MS)
  })

  it('F46: is at most so many of one peer, the newest', async () => {
    await keep('bob', PER_PEER + 10)
    await keep('cid', 5)
    const now = (PER_PEER + 10) * MINUTE_MS
    assert.equal(await store.prune(new Set(['bob', 'cid']), now), 10)
    assert.equal((await store.history('bob', 5_000)).at(-1)?.at, 10 * MINUTE_MS)
    assert.equal((await store.history('cid', 50)).length, 5)
    assert.equal(await store.prune(new Set(['bob', 'cid']), now), 0)
  })

  it('F46: is at most so many in all, the newest', async () => {
    const peers = Array.from({ length: 11 }, (_, index) => `peer-${index}`)
    for (const [index, peer] of peers.entries()) await keep(peer, PER_PEER, index)
    await store.prune(new Set(peers), PER_PEER * MINUTE_MS)
    assert.equal(await samples(), IN_ALL)
  }).timeout(20_000)

  it('F46: is nothing that is older than thirty days', async () => {
    await keep('bob', 3)
    await keep('bob', 2, 40 * DAY_MS)
    await store.prune(new Set(['bob']), 41 * DAY_MS)
    assert.equal(await samples(), 2)
  })

  it('F46: is nothing of who is no longer pinned', async () => {
    await keep('bob', 3)
    await keep('cid', 3)
    await store.prune(new Set(['cid']), 5 * MINUTE_MS)
    assert.equal(await samples(), 3)
    assert.deepEqual([...(await store.standings()).keys()], ['cid'])
  })

  it('takes no peer for another whose id begins alike', async () => {
    await keep('bob', 2)
    await keep('bobby', 2)
    assert.equal((await store.history('bob', 50)).length, 2)
  })
})
