import assert from 'node:assert/strict'
import { pino } from 'pino'
import { Housekeeping } from '../../../src/node/asks/housekeeping.ts'
import { ASK_RETENTION_MS } from '../../../src/protocol/limits.ts'
import { NOW } from '../../helpers/ask-calls.ts'
import { LogTap } from '../../helpers/log-tap.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { settle } from '../../helpers/memory-channel.ts'

const HOUR_MS = 3_600_000

describe('housekeeping', () => {
  let clock: ManualClock
  let log: LogTap
  let pruned: number[]
  let prune: (before: number) => Promise<number>
  let runsPruned: number[]
  /** What the rest is told to forget, in order. */
  let others: string[]
  let pruneRuns: () => Promise<number>
  let housekeeping: Housekeeping

  beforeEach(() => {
    clock = new ManualClock()
    log = new LogTap()
    pruned = []
    prune = async () => 0
    runsPruned = []
    pruneRuns = async () => 0
    const runs = {
      prune: (now: number) => {
        runsPruned.push(now)
        return pruneRuns()
      },
    }
    const store = {
      prune: (before: number) => {
        pruned.push(before)
        return prune(before)
      },
    }
    others = []
    const forget = (what: string, count: number) => async (): Promise<number> => {
      others.push(what)
      return await Promise.resolve(count)
    }
    const bytes = { prune: forget('counts', 0) }
    const feeds = { pruneFeeds: forget('feeds', 2) }
    log = new LogTap()
    const components = { bytes, feeds, runs, store, clock, log: pino({ base: null }, log) }
    housekeeping = new Housekeeping(components)
  })

  it('forgets every hour what ended longer ago than answers are kept', async () => {
    housekeeping.start()
    clock.advance(HOUR_MS - 1)
    assert.deepEqual(pruned, [])
    clock.advance(1 + HOUR_MS)
    assert.deepEqual(pruned, [
      NOW + HOUR_MS - ASK_RETENTION_MS,
      NOW + 2 * HOUR_MS - ASK_RETENTION_MS,
    ])
    housekeeping.stop()
    clock.advance(10 * HOUR_MS)
    assert.equal(pruned.length, 2)
    assert.equal(clock.timers, 0)
  })

  it('says how many, and nothing when there are none', async () => {
    await housekeeping.run()
    assert.deepEqual(
      log.lines.map(({ msg }) => msg),
      ['old feeds forgotten'],
    )
    assert.deepEqual(others, ['counts', 'feeds'])
    prune = async () => 7
    await housekeeping.run()
    assert.equal((await log.line(({ msg }) => msg === 'old asks forgotten'))['asks'], 7)
  })

  it('says when it could not, and tries again an hour later', async () => {
    prune = () => Promise.reject(new Error('the disk is full'))
    housekeeping.start()
    clock.advance(HOUR_MS)
    await settle()
    await log.line(({ msg }) => msg === 'old asks could not be forgotten')
    clock.advance(HOUR_MS)
    assert.equal(pruned.length, 2)
    assert.equal(runsPruned.length, 2)
    housekeeping.stop()
  })

  it('forgets the runs that are over their caps, and says how many', async () => {
    pruneRuns = async () => 3
    await housekeeping.run()
    assert.deepEqual(runsPruned, [NOW])
    assert.equal((await log.line(({ msg }) => msg === 'old runs forgotten'))['runs'], 3)
    pruneRuns = () => Promise.reject(new Error('the disk is full'))
    await housekeeping.run()
    await log.line(({ msg }) => msg === 'old runs could not be forgotten')
  })
})
