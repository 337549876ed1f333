import assert from 'node:assert/strict'
import {
  begun,
  blankRecord,
  concluded,
  decodeRecord,
  encodeRecord,
  useOf,
  withRun,
} from '../../../../src/node/scheduler/nats/job-record.ts'
import type { JobRecord, TokenUse } from '../../../../src/node/scheduler/nats/job-record.ts'
import { queuedRun } from '../../../helpers/job-home.ts'
import { done, failed, nothing } from '../job-store-contract.ts'

const NOW = Date.UTC(2026, 10, 21, 9)

describe('job record', () => {
  const run = queuedRun('digest', NOW)
  const waiting = withRun(blankRecord('digest'), run)
  const token = { run: run.run, attempt: 1, ack: '' }

  function start(record: JobRecord, attempt = 1): NonNullable<ReturnType<typeof begun>> {
    const lease = { token: 'x', expiresAt: NOW + 30_000, ttlMs: 30_000 }
    const begin = begun(record, { ...token, attempt }, 'laptop', lease)
    assert.ok(begin)
    return begin
  }

  const working = start(waiting)
  const ended = concluded(working.record, working.run, done, NOW, nothing)
  const later = { ...nothing, retryAt: NOW + 1 }
  const again = concluded(working.record, working.run, failed, NOW, later)
  assert.ok(ended && again)

  const uses: [what: string, record: JobRecord, attempt: number, use: TokenUse][] = [
    ['of a run that waits for it', waiting, 1, 'waiting'],
    ['of an attempt under way', working.record, 1, 'lapsed'],
    ['of a run that has ended', ended.record, 1, 'past'],
    ['of an attempt after which there is another', again.record, 1, 'past'],
    ['of the other attempt', again.record, 2, 'waiting'],
    ['of the other attempt under way', start(again.record, 2).record, 2, 'lapsed'],
    ['of the first attempt, with the other under way', start(again.record, 2).record, 1, 'past'],
    ['of a run that there is not', blankRecord('digest'), 1, 'past'],
  ]
  for (const [what, record, attempt, use] of uses) {
    it(`knows a token ${what} as ${use}`, () => {
      assert.equal(useOf({ ...token, attempt }, record), use)
    })
  }

  it('begins a run at a node, with a lease of the next version, and no other beside it', () => {
    assert.deepEqual(
      [working.run.node, working.run.attempts, working.lease.version],
      ['laptop', 1, 1],
    )
    const behind = queuedRun('digest', NOW + 1)
    const record = withRun(working.record, behind)
    const lease = { token: 'y', expiresAt: NOW + 30_000, ttlMs: 30_000 }
    assert.equal(begun(record, { ...token, run: behind.run }, 'vps', lease), undefined)
  })

  it('ends a run as it was seen, and none that has moved on', () => {
    assert.deepEqual([ended.record.open, ended.record.ended], [[], [ended.run]])
    assert.equal(ended.record.state.active, undefined)
    assert.equal(concluded(working.record, run, done, NOW, nothing), undefined)
    assert.equal(concluded(ended.record, working.run, done, NOW, nothing), undefined)
  })

  it('is read as it was written, and not when a later kith wrote it', () => {
    assert.deepEqual(decodeRecord(encodeRecord(working.record)), working.record)
    assert.throws(() =>
      decodeRecord(encodeRecord(working.record).replace('"format":1', '"format":2')),
    )
    assert.throws(() => decodeRecord('{}'))
  })
})
