import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import fc from 'fast-check'
import { MAX_STATES, statesToDrop } from '../../../src/node/changes/state-retention.ts'
import { States } from '../../../src/node/changes/states.ts'
import { Database } from '../../../src/store/database.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const NOW = Date.UTC(2026, 10, 21, 9)

describe('retention of states', () => {
  it('F63: leaves no more than its stretches have room for, and always the newest', () => {
    const times = Array.from({ length: 60_000 }, (_, at) => NOW - (60_000 - at) * 10 * MINUTE_MS)
    const dropped = new Set(statesToDrop(times, NOW))
    const left = times.filter((at) => !dropped.has(at))
    assert.ok(left.length <= MAX_STATES, `${left.length} of ${MAX_STATES}`)
    assert.equal(left.at(-1), times.at(-1))
    assert.ok(MAX_STATES < 10_000)
  })

  it('keeps the newest one, however old', () => {
    assert.deepEqual(statesToDrop([1, 2], NOW), [1])
    assert.deepEqual(statesToDrop([], NOW), [])
  })

  it('keeps how things stood soon after any time of the last days', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: NOW - 2 * DAY_MS + HOUR_MS, max: NOW }), { minLength: 1 }),
        (unsorted) => {
          const times = unsorted.sort((a, b) => a - b)
          const dropped = new Set(statesToDrop(times, NOW))
          for (const at of dropped) {
            const isNear = (other: number): boolean => other > at && other - at < 15 * MINUTE_MS
            assert.ok(times.some((other) => !dropped.has(other) && isNear(other)))
          }
        },
      ),
    )
  })
})

describe('states of a node', () => {
  const folder = tempFolder()
  let database: Database
  let states: States

  beforeEach(async () => {
    database = await Database.open(join(folder(), 'store'))
    states = new States(database)
  })
  afterEach(() => database.close())

  it('are found by time: the last one before it, or the first there is', async () => {
    assert.equal(await states.at(NOW), undefined)
    await states.keep({ at: NOW, sn: 0, files: { config: 'name: a\n' } })
    await states.keep({ at: NOW + DAY_MS, sn: 1, files: { config: 'name: b\n', peers: 'x' } })
    assert.deepEqual(await states.at(NOW - 1), { at: NOW, sn: 0, files: { config: 'name: a\n' } })
    assert.equal((await states.at(NOW + DAY_MS - 1))?.sn, 0)
    assert.deepEqual(await states.last(), {
      at: NOW + DAY_MS,
      sn: 1,
      files: { config: 'name: b\n', peers: 'x' },
    })
  })

  it('keep what stands in a file once', async () => {
    for (let day = 0; day < 10; day++) {
      await states.keep({
        at: NOW + day * DAY_MS,
        sn: 0,
        files: { peers: 'same', memory: `${day % 2}` },
      })
    }
    assert.equal((await database.sublevel('states').keys().all()).length, 10)
    assert.equal((await database.sublevel('state-contents').keys().all()).length, 3)
  })

  it('F63: take no more bytes than they may, the oldest going first and the last one staying', async () => {
    const maxBytes = 100_000
    for (let day = 0; day < 20; day++) {
      const memory = randomBytes(10_000).toString('hex')
      await states.keep({ at: NOW + day * DAY_MS, sn: 0, files: { memory } }, maxBytes)
    }
    const contents = await database.sublevel('state-contents').values().all()
    const bytes = contents.reduce((sum, { byteLength }) => sum + byteLength, 0)
    assert.ok(bytes <= maxBytes && bytes > maxBytes / 2, String(bytes))
    assert.equal((await states.last())?.at, NOW + 19 * DAY_MS)
    const huge = randomBytes(200_000).toString('hex')
    await states.keep({ at: NOW + 30 * DAY_MS, sn: 0, files: { memory: huge } }, maxBytes)
    assert.equal((await states.last())?.files.memory, huge)
    assert.equal((await database.sublevel('state-contents').keys().all()).length, 1)
  })
})
