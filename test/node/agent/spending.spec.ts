import assert from 'node:assert/strict'
import type { Caps } from '../../../src/agent/budget.ts'
import type { EngineAsk, SpendLimit } from '../../../src/agent/ports.ts'
import { amountOf } from '../../../src/node/agent/cost-record.ts'
import { KEPT_DAYS, Spending } from '../../../src/node/agent/spending.ts'
import { daysBefore } from '../../../src/protocol/day.ts'
import { askId } from '../../helpers/ask-calls.ts'
import { ledgerHomes, spendingAsk, usageOf } from '../../helpers/ledger-home.ts'
import type { LedgerHome } from '../../helpers/ledger-home.ts'

const DAY_MS = 86_400_000
const ALL = { from: '0000-01-01', to: '9999-12-31' }
const [BOB, CAROL] = ['kith1bob', 'kith1carol']

describe('spending', () => {
  const homes = ledgerHomes()
  let home: LedgerHome
  let spending: Spending

  beforeEach(() => {
    home = homes()
    spending = makeSpending()
  })

  function makeSpending(): Spending {
    const { clock, database, ledger } = home
    const askerDay = (): SpendLimit => home.caps.askerDay
    return new Spending({ database, ledger, clock, askerDay, zone: () => 'UTC' }, home.caps)
  }

  async function spend(
    name: string,
    microUsd: number | undefined,
    model = 'lab/large',
  ): Promise<void> {
    const ask = spendingAsk(1, name, { deadlineAt: home.clock.now() + 3_600_000 })
    const reservation = await home.ledger.reserve(ask, usageOf(microUsd, 10, { model }))
    await reservation.settle(usageOf(microUsd, 10, { model }))
  }

  it('tells how far the caps of today are used, by whom, and for which model', async () => {
    const caps: Caps = { ask: {}, askerDay: { tokens: 1_000 }, day: { microUsd: 500 } }
    Object.assign(home.caps, caps)
    await spend('bob', 40)
    await spend('bob', 60, 'lab/small!2')
    await home.ledger.reserve(spendingAsk(9, 'carol'), usageOf(100, 5))
    const { askers, day, models, node, resetAt } = await spending.today([CAROL, 'kith1dora'])
    assert.deepEqual([day, resetAt], ['2026-11-21', Date.UTC(2026, 10, 22)])
    assert.deepEqual(node, {
      cap: caps.day,
      ...{ microUsd: 100, tokens: 20, calls: 2, unpriced: 0 },
      reserved: { microUsd: 100, tokens: 5 },
      left: { microUsd: 300 },
    })
    assert.deepEqual(
      [...askers].map(([asker, { left, microUsd, reserved }]) => [
        asker,
        microUsd,
        reserved.tokens,
        left,
      ]),
      [
        [BOB, 100, 0, { tokens: 980 }],
        [CAROL, 0, 5, { tokens: 995 }],
        ['kith1dora', 0, 0, { tokens: 1_000 }],
      ],
    )
    assert.deepEqual([...models.keys()], ['lab/large', 'lab/small!2'])
    assert.equal(models.get('lab/small!2')?.microUsd, 60)
  })

  it('tells of the jobs of today, also before the first of them has spent', async () => {
    const ofJob = (name: string, cap: SpendLimit): EngineAsk =>
      spendingAsk(1, 'self', { job: { name, cap }, deadlineAt: home.clock.now() + 3_600_000 })
    const nightly = await home.ledger.reserve(ofJob('nightly', { microUsd: 100 }), usageOf(60))
    await nightly.settle(usageOf(40, 5))
    await home.ledger.reserve(ofJob('weekly', { tokens: 9 }), usageOf(1, 4))
    await home.restart()
    spending = makeSpending()
    const jobs = async (): Promise<unknown[]> =>
      [...(await spending.today()).jobs].map(([job, { cap, left, microUsd, reserved }]) => [
        ...[job, cap, microUsd, reserved.tokens, left],
      ])
    assert.deepEqual(await jobs(), [
      ['nightly', { microUsd: 100 }, 40, 0, { microUsd: 60 }],
      ['weekly', { tokens: 9 }, 0, 4, { tokens: 5 }],
    ])
    const [total] = await spending.totals(ALL)
    assert.deepEqual(total?.jobs.get('nightly')?.microUsd, 40)
    home.clock.advance(DAY_MS)
    assert.deepEqual(await jobs(), [])
  })

  it('tells which model an ask has called last, also among the calls of others', async () => {
    const deadlineAt = home.clock.now() + 3_600_000
    const of = (nth: number) => ({ ask: askId(nth), peer: BOB, deadlineAt })
    for (const [nth, model] of [
      [1, 'lab/large'],
      [2, 'lab/other'],
      [1, 'lab/small'],
      [2, 'lab/other'],
    ] as const) {
      const usage = usageOf(10, 10, { model })
      const reservation = await home.ledger.reserve(spendingAsk(nth, 'bob', { deadlineAt }), usage)
      await reservation.settle(usage)
    }
    assert.equal(await spending.modelOf(of(1)), 'lab/small')
    assert.equal(await spending.modelOf(of(2)), 'lab/other')
    assert.equal(await spending.modelOf(of(3)), undefined)
  })

  it('tells of nothing where nothing was spent', async () => {
    const { askers, models, node } = await spending.today()
    assert.deepEqual([askers.size, models.size, node.calls], [0, 0, 0])
    assert.deepEqual(await spending.totals(ALL), [])
    assert.deepEqual(await Array.fromAsync(spending.records(ALL)), [])
  })

  it('gives the records of some days, whose sums are those of the days', async () => {
    for (let day = 0; day < 4; day++) {
      await spend('bob', 10 + day)
      await spend('carol', undefined)
      await spend('carol', 100)
      home.clock.advance(DAY_MS)
    }
    // Made on the 22nd by a clock that was set back.
    home.clock.advance(-3 * DAY_MS)
    await spend('bob', 1_000)
    const days = { from: '2026-11-22', to: '2026-11-23' }
    const totals = await spending.totals(days)
    assert.deepEqual(
      totals.map(({ all, day }) => [day, all.microUsd, all.calls, all.unpriced]),
      [
        ['2026-11-22', 1_111, 4, 1],
        ['2026-11-23', 112, 3, 1],
      ],
    )
    const daysOf = async (from: string, to: string): Promise<string[]> =>
      await Array.fromAsync(spending.records({ from, to }), ({ body }) => body.day)
    assert.deepEqual(
      new Set(await daysOf('2026-11-23', '2026-11-24')),
      new Set(['2026-11-23', '2026-11-24']),
    )
    assert.equal((await daysOf('2026-11-24', '2026-11-24')).length, 3)
    const records = await Array.fromAsync(spending.records(days), ({ body }) => body)
    for (const { all, askers, day, models } of totals) {
      const ofDay = records.filter((record) => record.day === day)
      const sum = (of: typeof records): number =>
        of.reduce((total, record) => total + amountOf(record).microUsd, 0)
      assert.deepEqual([ofDay.length, sum(ofDay)], [all.calls, all.microUsd])
      for (const [asker, { calls, microUsd }] of askers) {
        const its = ofDay.filter((record) => record.asker === asker)
        assert.deepEqual([its.length, sum(its)], [calls, microUsd])
      }
      assert.equal(models.get('lab/large')?.microUsd, all.microUsd)
    }
  })

  it('forgets days and records older than are kept, and the journal stays sound', async () => {
    await spend('bob', 1)
    home.clock.advance(DAY_MS)
    await spend('bob', 2)
    home.clock.advance((KEPT_DAYS - 1) * DAY_MS)
    await spend('bob', 3)
    await spending.prune()
    const sums = async (): Promise<number[]> =>
      (await spending.totals(ALL)).map(({ all }) => all.microUsd)
    assert.deepEqual(await sums(), [1, 2, 3])
    home.clock.advance(DAY_MS)
    await spending.prune()
    assert.deepEqual(await sums(), [2, 3])
    const records = await Array.fromAsync(home.ledger.journal.read(), ({ body }) => body.microUsd)
    assert.deepEqual(records, [2, 3])
    assert.equal((await spending.totals(ALL))[0]?.day, daysBefore('2027-12-27', KEPT_DAYS))
  })

  it('forgets asks that are long over, and no others', async () => {
    const counts = async (): Promise<number> =>
      (await Array.fromAsync(home.ledger.accounts.entries({ gt: 'ask!', lt: 'ask"' }))).length
    await spend('bob', 1)
    home.clock.advance(7 * DAY_MS + 3_600_000)
    await spend('bob', 1)
    await spending.prune()
    assert.equal(await counts(), 2)
    home.clock.advance(1)
    await spending.prune()
    assert.equal(await counts(), 1)
  })

  it('keeps so many records and no more, and all days', async () => {
    for (let nth = 0; nth < 5; nth++) await spend('bob', 1)
    await spending.prune(5)
    assert.equal((await Array.fromAsync(spending.records(ALL))).length, 5)
    await spending.prune(3)
    assert.equal((await Array.fromAsync(spending.records(ALL))).length, 3)
    assert.equal((await spending.totals(ALL))[0]?.all.calls, 5)
  })

  it('prunes an empty ledger', async () => {
    await spending.prune()
    await spend('bob', 1)
    assert.equal((await Array.fromAsync(spending.records(ALL))).length, 1)
  })
})
