import assert from 'node:assert/strict'
import { pino } from 'pino'
import { OwnStatus } from '../../../src/node/fleet/own-status.ts'
import type { SelfAudit } from '../../../src/node/fleet/own-status.ts'
import { statusEnd } from '../../../src/protocol/status.ts'
import { parseBody } from '../../../src/protocol/verbs.ts'
import { LogTap } from '../../helpers/log-tap.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'

const MINUTE_MS = 60_000

describe('what a node tells of itself', () => {
  let clock: ManualClock
  let log: LogTap
  let audit: () => Promise<SelfAudit>
  let notReady: string[]
  let backupAt: number | undefined

  beforeEach(() => {
    clock = new ManualClock()
    log = new LogTap()
    audit = async () => ({ state: 'green', findings: [] })
    notReady = []
    backupAt = undefined
  })

  function make(enabled = true): OwnStatus {
    return new OwnStatus(
      {
        now: () => ({ asks: { running: 1, queued: 2 }, engine: 'builtin', health: 'degraded' }),
        notReady: () => notReady,
        selfAudit: () => audit(),
        backupAt: () => backupAt,
        clock,
        log: pino({ base: null }, log),
      },
      { startedAt: clock.now() - MINUTE_MS, audit: enabled },
    )
  }

  it('fits the wire, with all that there is to tell', async () => {
    const own = make()
    own.start()
    await own.look()
    backupAt = clock.now() - 5
    notReady = ['provider lab']
    const summary = own.summary()
    assert.deepEqual(parseBody(statusEnd, summary), summary)
    assert.equal(summary.uptimeMs, MINUTE_MS)
    assert.equal(summary.backupAgeMs, 5)
    assert.deepEqual(summary.notReady, ['provider lab'])
    assert.deepEqual(summary.audit, { state: 'green', at: clock.now() })
    await own.stop()
  })

  it('F47: has names of what it found, and nothing else of it', async () => {
    audit = async () => ({
      state: 'incident',
      findings: ['key-files', '/home/u/.kith/keys', 'Bob'],
    })
    const own = make()
    await own.look()
    assert.deepEqual(own.summary().audit?.findings, ['key-files'])
  })

  it('tells no path, no address and no endless list of what is not ready', () => {
    const many = Array.from({ length: 40 }, (_, index) => `provider p${index}`)
    notReady = ['store', 'store', '/home/u/x', 'peer bob@1.2.3.4', 'x'.repeat(64), ...many]
    const told = make().summary().notReady ?? []
    assert.equal(told.length, 32)
    assert.deepEqual(told.slice(0, 2), ['store', 'provider p0'])
  })

  it('F47: says that it has not looked, before it has', () => {
    assert.deepEqual(make().summary().audit, { state: 'not-audited' })
  })

  it('F47: says that it has not looked when that is switched off', async () => {
    const own = make(false)
    own.start()
    clock.advance(60 * MINUTE_MS)
    assert.deepEqual(own.summary().audit, { state: 'not-audited' })
    assert.equal(clock.timers, 0)
    await own.stop()
  })

  it('F47: looks again every five minutes', async () => {
    const own = make()
    own.start()
    await own.look()
    audit = async () => ({ state: 'incident', findings: ['key-files'] })
    clock.advance(5 * MINUTE_MS)
    await new Promise(setImmediate)
    assert.equal(own.summary().audit?.state, 'incident')
    await own.stop()
    assert.equal(clock.timers, 0)
  })

  it('F47: what was found is worth nothing once looks have failed for a while', async () => {
    const own = make()
    await own.look()
    audit = () => Promise.reject(new Error('the disk is gone'))
    clock.advance(15 * MINUTE_MS)
    await own.look()
    assert.equal(own.summary().audit?.state, 'green')
    clock.advance(1)
    assert.deepEqual(own.summary().audit, { state: 'not-audited' })
    assert.deepEqual(
      log.lines.map(({ msg }) => msg),
      ['the self-audit could not be made'],
    )
  })
})
