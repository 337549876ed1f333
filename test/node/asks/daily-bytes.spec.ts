import assert from 'node:assert/strict'
import { pino } from 'pino'
import { DailyBytes, bytesOfAsk, bytesOfEvent } from '../../../src/node/asks/daily-bytes.ts'
import { Database } from '../../../src/store/database.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'
import { askerOf } from '../../helpers/test-answerer.ts'

const LIMIT = 1_000_000
const BERT = askerOf('bert', { dailyBytes: LIMIT })
const CAROL = askerOf('carol', { dailyBytes: LIMIT })

describe('bytes that asks store in a day', () => {
  const folder = tempFolder()
  let clock: ManualClock
  let database: Database
  let bytes: DailyBytes

  async function open(): Promise<void> {
    database = await Database.open(folder())
    const log = pino({ level: 'silent' })
    bytes = await DailyBytes.open({ database, clock, zone: () => 'Europe/Madrid', log })
  }

  beforeEach(async () => {
    // 9:00 in UTC, so that it is 10:00 in Madrid.
    clock = new ManualClock()
    await open()
  })
  afterEach(() => database.close())

  it('may come to the limit, and not to one more', () => {
    bytes.add(BERT, LIMIT - 10)
    assert.equal(bytes.excess(BERT, 10), undefined)
    const resetAt = Date.UTC(2026, 10, 21, 23)
    assert.deepEqual(bytes.excess(BERT, 11), { scope: 'peer-bytes', resetAt })
  })

  it('are not counted by a question', () => {
    for (let nth = 0; nth < 3; nth++) assert.equal(bytes.excess(BERT, LIMIT), undefined)
  })

  it('are each peer’s own', () => {
    bytes.add(BERT, LIMIT)
    assert.equal(bytes.excess(CAROL, LIMIT), undefined)
  })

  it('begin anew with the next day of the zone', () => {
    bytes.add(BERT, LIMIT)
    clock.advance(14 * 3_600_000 - 1)
    assert.notEqual(bytes.excess(BERT, 1), undefined)
    clock.advance(1)
    assert.equal(bytes.excess(BERT, LIMIT), undefined)
  })

  it('F63: are forgotten when their day is over, and not before', async () => {
    bytes.add(BERT, LIMIT)
    assert.equal(await bytes.prune(), 0)
    assert.notEqual(bytes.excess(BERT, 1), undefined)
    clock.advance(14 * 3_600_000)
    bytes.add(CAROL, LIMIT)
    assert.equal(await bytes.prune(), 1)
    assert.deepEqual(await database.sublevel('ask-bytes').keys().all(), [CAROL.id])
    assert.notEqual(bytes.excess(CAROL, 1), undefined)
  })

  it('are not limited for the owner', () => {
    const owner = askerOf('owner', { dailyBytes: Infinity })
    bytes.add(owner, 1e12)
    assert.equal(bytes.excess(owner, 1e12), undefined)
  })

  it('are known after a restart', async () => {
    for (let nth = 0; nth < 10; nth++) bytes.add(BERT, 1_000)
    await database.close()
    await open()
    assert.equal(bytes.excess(BERT, LIMIT - 10_000), undefined)
    assert.notEqual(bytes.excess(BERT, LIMIT - 9_999), undefined)
  })

  it('of an ask and of an event are never none', () => {
    assert.equal(bytesOfAsk({ text: '' }), 1_024)
    assert.equal(bytesOfAsk({ text: 'é' }), 1_026)
    assert.equal(bytesOfEvent({ kind: 'text', text: 'é' }), 258)
    assert.equal(bytesOfEvent({ kind: 'tool', call: 'a', name: 'b', state: 'begun' }), 256)
  })
})
