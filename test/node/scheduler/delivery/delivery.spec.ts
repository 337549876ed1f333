import assert from 'node:assert/strict'
import {
  afterReview,
  afterTry,
  deliveriesOf,
  deliverySchema,
  MAX_TRIES,
  revived,
  sinkText,
} from '../../../../src/node/scheduler/delivery/delivery.ts'
import type { Delivery } from '../../../../src/node/scheduler/delivery/delivery.ts'
import { decode, encode } from '../../../../src/protocol/cbor.ts'
import { jobOf } from '../../../helpers/job-home.ts'
import { MADE, artifactIn, deliveryOf, doneRun, failedRun } from '../../../helpers/results.ts'

const webhook = { url: 'https://example.org/hook?key=1', secret: 'env:KEY' }
const job = jobOf('digest', {
  deliver: [{ file: '/srv/a', when: 'always' }, { peer: 'bob', when: 'accepted' }, { webhook }],
})
const done = doneRun('digest', 1_000)
const chance = { now: 5_000, random: 0.5 }
const failed = { kind: 'failed', code: 'delivery-failed', why: 'status 500', again: true } as const

function states(rows: Delivery[]): string[] {
  return rows.map(({ delivery, state }) => `${delivery.slice(-1)} ${state}`)
}

describe('delivery', () => {
  it('is one for each place, with an id of its own that all its tries have', () => {
    const rows = deliveriesOf(job, done, artifactIn(job, done), 1)
    assert.deepEqual(states(rows), ['0 waiting', '1 held', '2 waiting'])
    assert.deepEqual(rows[0], {
      ...{ delivery: `${done.run}.0`, run: done.run, job: 'digest', order: 1 },
      ...{ to: { kind: 'file', path: '/srv/a' }, when: 'always' },
      end: { state: 'succeeded', dueAt: 1_000, finalAt: 1_000, summary: 'Zwei Briefe.' },
      ...{ kept: true, state: 'waiting', tries: 0, nextAt: 1_000 },
    })
    for (const row of rows) assert.deepEqual(deliverySchema.parse(decode(encode(row))), row)
  })

  it('is of a run that failed only where that is wanted, and says why it failed', () => {
    const rows = deliveriesOf(job, failedRun('digest', 1_000), undefined, 1)
    assert.deepEqual(states(rows), ['0 waiting'])
    assert.equal(rows[0]?.end.failure?.why, 'no disk')
  })

  it('waits for no review of what nobody can look at', () => {
    assert.deepEqual(states(deliveriesOf(job, done, undefined, 1)), ['0 waiting', '2 waiting'])
  })

  it('is dead from the start of a result that has more than is kept', () => {
    const rows = deliveriesOf(job, done, artifactIn(job, done, { ...MADE, cut: true }), 1)
    assert.deepEqual(states(rows), ['0 dead', '1 dead', '2 dead'])
    const [row] = rows
    assert.ok(row !== undefined)
    assert.equal(row.failure?.code, 'too-large')
    assert.equal(revived(row, 2_000), undefined, 'half of it is no better later')
  })

  it('is done after a try that has arrived', () => {
    const row = afterTry({ ...deliveryOf(job, done), ask: 'the-ask' }, { kind: 'done' }, chance)
    const wanted: Delivery = { ...deliveryOf(job, done), state: 'done', tries: 1, endedAt: 5_000 }
    delete wanted.nextAt
    assert.deepEqual(row, wanted)
  })

  it('is tried again after longer and longer, and is dead after the last try, about a day later', () => {
    let row = deliveryOf(job, done)
    const waits: number[] = []
    let now = 0
    while (row.state === 'waiting') {
      row = afterTry(row, failed, { now, random: 0.5 })
      if (row.nextAt === undefined) break
      waits.push((row.nextAt - now) / 1_000)
      now = row.nextAt
    }
    assert.equal(row.state, 'dead')
    assert.equal(row.tries, MAX_TRIES)
    assert.equal(waits.length, MAX_TRIES - 1)
    assert.deepEqual(waits.slice(0, 4), [5, 10, 20, 40])
    assert.equal(waits.at(-1), 21_600)
    assert.ok(now > 20 * 3_600_000 && now < 28 * 3_600_000, `${now / 3_600_000} h`)
    assert.deepEqual(row.failure, { code: 'delivery-failed', why: 'status 500' })
  })

  it('is dead at once where another try would not do', () => {
    const row = afterTry(deliveryOf(job, done), { ...failed, again: false }, chance)
    assert.deepEqual([row.state, row.tries, row.nextAt], ['dead', 1, undefined])
  })

  it('is due, or withdrawn, with what a person says', () => {
    const [, held] = deliveriesOf(job, done, artifactIn(job, done), 1)
    assert.ok(held !== undefined)
    const waiting = afterReview(held, 'accepted', 9_000)
    assert.deepEqual([waiting?.state, waiting?.nextAt], ['waiting', 9_000])
    const withdrawn = afterReview(held, 'rejected', 9_000)
    assert.deepEqual([withdrawn?.state, withdrawn?.endedAt], ['withdrawn', 9_000])
    assert.ok(waiting !== undefined && withdrawn !== undefined)
    assert.equal(afterReview(waiting, 'rejected', 9_500)?.state, 'withdrawn')
    const again = afterReview(withdrawn, 'accepted', 9_500)
    assert.deepEqual([again?.state, again?.endedAt], ['waiting', undefined])
    assert.equal(afterReview(waiting, 'accepted', 9_500), undefined, 'it is on its way already')
    assert.equal(
      afterReview(deliveryOf(job, done), 'rejected', 9_000),
      undefined,
      'it waits for nobody',
    )
  })

  it('that was withdrawn during a try stays so, unless that has arrived', () => {
    const [, held] = deliveriesOf(job, done, artifactIn(job, done), 1)
    assert.ok(held !== undefined)
    const withdrawn = afterReview(held, 'rejected', 1_000)
    assert.ok(withdrawn !== undefined)
    for (const again of [true, false]) {
      const row = afterTry(withdrawn, { ...failed, again }, chance)
      assert.deepEqual([row.state, row.nextAt, row.tries], ['withdrawn', undefined, 1])
    }
    assert.equal(afterTry(withdrawn, { kind: 'done' }, chance).state, 'done')
  })

  it('that is dead is tried anew when a person wants it', () => {
    const dead = afterTry(deliveryOf(job, done), { ...failed, again: false }, chance)
    const row = revived(dead, 9_000)
    assert.deepEqual([row?.state, row?.tries, row?.nextAt], ['waiting', 0, 9_000])
    assert.equal(revived(deliveryOf(job, done), 9_000), undefined)
  })

  it('goes to a place that is told without what may be a secret', () => {
    assert.deepEqual(
      job.deliver.map(({ to }) => sinkText(to)),
      ['file /srv/a', 'peer bob', 'webhook https://example.org/…'],
    )
  })
})
