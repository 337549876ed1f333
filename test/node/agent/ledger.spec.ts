import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { EngineAsk, Reservation, SpendLimit } from '../../../src/agent/ports.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import { NO_CAPS, ledgerHomes, spendingAsk, usageOf } from '../../helpers/ledger-home.ts'
import type { LedgerHome } from '../../helpers/ledger-home.ts'

const MIDNIGHT = Date.UTC(2026, 10, 22)
const DAY_MS = 86_400_000

/** The scope that refuses, or undefined for a reservation. */
async function refusedBy(reserving: Promise<Reservation>): Promise<string | undefined> {
  try {
    await reserving
    return undefined
  } catch (err) {
    assert.ok(isFailure(err, 'budget-exhausted'), String(err))
    return err.details.scope
  }
}

describe('ledger', () => {
  const homes = ledgerHomes()
  let home: LedgerHome

  beforeEach(() => {
    home = homes()
  })

  /** Reserves and spends so much money, all of it. */
  async function spend(microUsd: number, nth = 1, name = 'bob'): Promise<void> {
    const reservation = await home.ledger.reserve(spendingAsk(nth, name), usageOf(microUsd))
    await reservation.settle(usageOf(microUsd))
  }

  function usedOf(key: string): { spent: number; reserved: number } {
    const { accounts } = home.ledger
    return { spent: accounts.get(key).microUsd, reserved: accounts.reserved(key).microUsd }
  }

  const today = 'day!2026-11-21!all'

  describe('a reservation', () => {
    it('is on disk when it is given, and nothing of it is spent', async () => {
      await home.ledger.reserve(spendingAsk(), usageOf(70))
      assert.deepEqual(usedOf(today), { spent: 0, reserved: 70 })
      await home.restart()
      assert.deepEqual(usedOf(today), { spent: 0, reserved: 70 })
    })

    it('gives back what was not used, and leaves one record', async () => {
      const ask = spendingAsk(1, 'bob', { session: 's1' })
      const reservation = await home.ledger.reserve(ask, usageOf(70, 900))
      const used = { model: 'lab/small', inputTokens: 5, outputTokens: 6, estimated: false }
      await reservation.settle({ ...used, microUsd: 30 })
      assert.deepEqual(usedOf(today), { spent: 30, reserved: 0 })
      const records = await Array.fromAsync(home.ledger.journal.read())
      assert.deepEqual(
        records.map(({ at, body }) => ({ at, ...body })),
        [
          {
            ...{ at: home.clock.now(), day: '2026-11-21', ask: ask.id, asker: 'kith1bob' },
            ...{ session: 's1', ...used, microUsd: 30 },
          },
        ],
      )
      assert.equal(home.ledger.accounts.get('day!2026-11-21!model!lab/small').tokens, 11)
    })

    it('is settled once', async () => {
      const reservation = await home.ledger.reserve(spendingAsk(), usageOf(70))
      await home.ledger.reserve(spendingAsk(), usageOf(5))
      await reservation.settle(usageOf(1))
      await assert.rejects(reservation.settle(usageOf(1)), TypeError)
      assert.deepEqual(usedOf(today), { spent: 1, reserved: 5 })
    })

    for (const tokens of [-1, 0.5, Number.NaN, Infinity]) {
      it(`is not given for ${tokens} tokens, and not settled with them`, async () => {
        await assert.rejects(home.ledger.reserve(spendingAsk(), usageOf(1, tokens)), TypeError)
        const reservation = await home.ledger.reserve(spendingAsk(), usageOf(1))
        await assert.rejects(reservation.settle(usageOf(1, tokens)), TypeError)
        await reservation.settle(usageOf(1))
      })
    }

    it('counts at its price when the provider names none', async () => {
      const reservation = await home.ledger.reserve(spendingAsk(), usageOf(70))
      await reservation.settle(usageOf(undefined, 9))
      const [record] = await Array.fromAsync(home.ledger.journal.read())
      assert.deepEqual([record?.body.microUsd, record?.body.estimated], [70, true])
    })

    it('at an unknown price is counted as unknown where no cap is in money', async () => {
      Object.assign(home.caps, { day: { tokens: 100 } })
      const reservation = await home.ledger.reserve(spendingAsk(), usageOf(undefined, 9))
      await reservation.settle(usageOf(undefined, 9))
      const { calls, microUsd, tokens, unpriced } = home.ledger.accounts.get(today)
      assert.deepEqual(
        { calls, microUsd, tokens, unpriced },
        { calls: 1, microUsd: 0, tokens: 9, unpriced: 1 },
      )
      const [record] = await Array.fromAsync(home.ledger.journal.read())
      assert.ok(record !== undefined && !('microUsd' in record.body))
    })

    it('at an unknown price is refused where any cap is in money', async () => {
      for (const scope of ['ask', 'askerDay', 'day'] as const) {
        Object.assign(home.caps, NO_CAPS, { [scope]: { microUsd: 1e9 } })
        const name = { ask: 'ask', askerDay: 'peer-day', day: 'day' }[scope]
        assert.equal(await refusedBy(home.ledger.reserve(spendingAsk(), usageOf(undefined))), name)
      }
    })

    it('that is refused takes nothing from any scope', async () => {
      Object.assign(home.caps, {
        ask: { microUsd: 100 },
        askerDay: { microUsd: 100 },
        day: { microUsd: 50 },
      })
      assert.equal(await refusedBy(home.ledger.reserve(spendingAsk(), usageOf(60))), 'day')
      for (const key of [today, 'day!2026-11-21!asker!kith1bob']) {
        assert.deepEqual(usedOf(key), { spent: 0, reserved: 0 })
      }
      await home.restart()
      assert.equal(await home.ledger.recover(), 0)
    })

    it('is held by the cap of its own ask, over its calls and over a restart', async () => {
      Object.assign(home.caps, { ask: { microUsd: 100 } })
      const ask = spendingAsk(1, 'bob', { budget: { microUsd: 40 } })
      await (await home.ledger.reserve(ask, usageOf(30))).settle(usageOf(30))
      await home.restart()
      assert.equal(await refusedBy(home.ledger.reserve(ask, usageOf(11))), 'ask')
      assert.equal(await refusedBy(home.ledger.reserve(ask, usageOf(10))), undefined)
      assert.equal(await refusedBy(home.ledger.reserve(spendingAsk(2), usageOf(90))), undefined)
    })

    it('is held by the day of its asker alone, until the next one', async () => {
      Object.assign(home.caps, { askerDay: { microUsd: 100 } })
      await spend(100, 1, 'bob')
      assert.equal(await refusedBy(home.ledger.reserve(spendingAsk(2), usageOf(1))), 'peer-day')
      await spend(100, 3, 'carol')
      home.clock.advance(MIDNIGHT - home.clock.now())
      await spend(100, 4, 'bob')
    })

    it('may be as large as what the narrowest of its caps leaves, and no larger', async () => {
      assert.deepEqual(home.ledger.left(spendingAsk()), {})
      Object.assign(home.caps, {
        ask: { microUsd: 500 },
        askerDay: { tokens: 1_000 },
        day: { microUsd: 1_000 },
      })
      const ask = spendingAsk(1, 'bob', { budget: { microUsd: 400 } })
      await home.ledger.reserve(ask, usageOf(30, 100))
      assert.deepEqual(home.ledger.left(ask), { microUsd: 370, tokens: 900 })
      assert.equal(await refusedBy(home.ledger.reserve(ask, usageOf(371, 0))), 'ask')
      assert.equal(await refusedBy(home.ledger.reserve(ask, usageOf(370, 900))), undefined)
    })

    it('says when its scope begins anew', async () => {
      Object.assign(home.caps, { day: { microUsd: 0 } })
      await assert.rejects(
        home.ledger.reserve(spendingAsk(), usageOf(1)),
        (err) => isFailure(err, 'budget-exhausted') && err.details.resetAt === MIDNIGHT,
      )
    })

    it('of before midnight counts for the day in which it was made', async () => {
      const reservation = await home.ledger.reserve(spendingAsk(), usageOf(70))
      home.clock.advance(DAY_MS)
      await reservation.settle(usageOf(70))
      assert.equal(usedOf(today).spent, 70)
      assert.equal(usedOf('day!2026-11-22!all').spent, 0)
    })

    it('is not given when the disk refuses it, and takes nothing then', async () => {
      home.database.write = async () => {
        throw new TypeError('no disk')
      }
      await assert.rejects(home.ledger.reserve(spendingAsk(), usageOf(70)), /no disk/)
      assert.deepEqual(usedOf(today), { spent: 0, reserved: 0 })
    })
  })

  describe('a job', () => {
    const key = 'day!2026-11-21!job!nightly'

    function ofJob(nth: number, cap: SpendLimit, name = 'nightly'): EngineAsk {
      return spendingAsk(nth, 'self', { job: { name, cap } })
    }

    async function spendFor(nth: number, microUsd: number, name?: string): Promise<void> {
      const ask = ofJob(nth, { microUsd: 100 }, name)
      await (await home.ledger.reserve(ask, usageOf(microUsd))).settle(usageOf(microUsd))
    }

    it('has one cap for all its asks of a day, and another job has its own', async () => {
      await spendFor(1, 60)
      await assert.rejects(home.ledger.reserve(ofJob(2, { microUsd: 100 }), usageOf(41)), {
        code: 'budget-exhausted',
        details: { scope: 'job', resetAt: MIDNIGHT },
      })
      await spendFor(3, 40)
      await spendFor(4, 100, 'weekly')
      home.clock.advance(MIDNIGHT - home.clock.now())
      await spendFor(5, 100)
    })

    it('holds no ask that is not of it, and one without a cap is counted', async () => {
      await spendFor(1, 100)
      const ask = spendingAsk(2, 'self')
      assert.equal(await refusedBy(home.ledger.reserve(ask, usageOf(1_000))), undefined)
      await (await home.ledger.reserve(ofJob(3, {}), usageOf(1_000))).settle(usageOf(7))
      assert.deepEqual(usedOf(key), { spent: 107, reserved: 0 })
    })

    it('is held by the narrower caps around it', async () => {
      Object.assign(home.caps, { ask: { microUsd: 10 }, day: { microUsd: 50 } })
      const ask = ofJob(1, { microUsd: 100 })
      assert.equal(await refusedBy(home.ledger.reserve(ask, usageOf(11))), 'ask')
      Object.assign(home.caps, { ask: {} })
      assert.equal(await refusedBy(home.ledger.reserve(ask, usageOf(51))), 'day')
      assert.deepEqual(home.ledger.left(ofJob(2, { microUsd: 30 })), { microUsd: 30 })
    })

    it('keeps its count over a restart, with what a crash has left of it', async () => {
      await spendFor(1, 30)
      await home.ledger.reserve(ofJob(2, { microUsd: 100 }), usageOf(50))
      await home.restart()
      assert.deepEqual(usedOf(key), { spent: 30, reserved: 50 })
      assert.equal(
        await refusedBy(home.ledger.reserve(ofJob(3, { microUsd: 100 }), usageOf(21))),
        'job',
      )
      await home.ledger.recover()
      assert.deepEqual(usedOf(key), { spent: 80, reserved: 0 })
      const jobs = await Array.fromAsync(home.ledger.journal.read(), ({ body }) => body.job)
      assert.deepEqual(jobs, ['nightly', 'nightly'])
    })

    it('lets 100 that come together pass its cap by nothing', async () => {
      const reserving = Array.from({ length: 100 }, (_, nth) =>
        refusedBy(home.ledger.reserve(ofJob(nth, { microUsd: 1_003 }), usageOf(17))),
      )
      const allowed = (await Promise.all(reserving)).filter((scope) => scope === undefined)
      // As above: 57 of 17 begin below 95 % of 1,003.
      assert.equal(allowed.length, 57)
      await home.restart()
      assert.deepEqual(usedOf(key), { spent: 0, reserved: 57 * 17 })
    })

    it('has its levels told once, with its name', async () => {
      const names: unknown[] = []
      home.onThreshold = ({ job }) => names.push(job)
      await spendFor(1, 79)
      assert.deepEqual(home.told, [])
      await spendFor(2, 1)
      await home.restart()
      await spendFor(3, 14)
      assert.deepEqual(home.told, ['job 80'])
      assert.deepEqual(names, ['nightly'])
    })

    it('ends what is under way when it could be passed', async () => {
      const cap = { microUsd: 100 }
      const first = await home.ledger.reserve(ofJob(1, cap), usageOf(50))
      const second = await home.ledger.reserve(ofJob(2, cap), usageOf(40))
      const other = await home.ledger.reserve(ofJob(3, cap, 'weekly'), usageOf(40))
      await first.settle(usageOf(70))
      assert.ok(isFailure(second.exhausted.reason, 'budget-exhausted'))
      assert.deepEqual(second.exhausted.reason.details, { scope: 'job', resetAt: MIDNIGHT })
      assert.equal(other.exhausted.aborted, false)
    })
  })

  it('lets 100 that come together pass no cap by one millionth', async () => {
    Object.assign(home.caps, { ask: {}, askerDay: { microUsd: 900 }, day: { microUsd: 1_003 } })
    const names = ['bob', 'carol']
    const reserving = Array.from({ length: 100 }, (_, nth) =>
      refusedBy(home.ledger.reserve(spendingAsk(nth, names[nth % 2]), usageOf(17))),
    )
    const allowed = (await Promise.all(reserving)).filter((scope) => scope === undefined)
    // 57 of 17 begin below 95 % of 1,003, which the 56th leaves at 952; the 57th takes it to 969.
    assert.equal(allowed.length, 57)
    assert.deepEqual(usedOf(today), { spent: 0, reserved: 57 * 17 })
    await home.restart()
    assert.deepEqual(usedOf(today), { spent: 0, reserved: 57 * 17 })
  })

  it('lets a cap be used up to its last 5 %, and tells of each level once', async () => {
    Object.assign(home.caps, { day: { microUsd: 1_000 } })
    const refused: (string | undefined)[] = []
    for (let nth = 0; nth < 60; nth++) {
      refused.push(await refusedBy(spend(20, nth).then(() => ({}) as Reservation)))
    }
    assert.equal(refused.filter((scope) => scope === undefined).length, 48)
    assert.equal(usedOf(today).spent, 960)
    assert.deepEqual(home.told, ['day 80', 'day 95'])
  })

  describe('a level', () => {
    it('is told once, the lowest first, and not again after a restart', async () => {
      Object.assign(home.caps, { askerDay: { microUsd: 100 }, day: { microUsd: 1_000 } })
      await spend(80)
      assert.deepEqual(home.told.splice(0), ['peer-day 80'])
      await spend(10)
      await home.restart()
      await spend(10)
      assert.deepEqual(home.told.splice(0), ['peer-day 95', 'peer-day 100'])
      await home.restart()
      await spend(100, 2, 'carol')
      assert.deepEqual(home.told, ['peer-day 80', 'peer-day 95', 'peer-day 100'])
    })

    it('is told again the next day', async () => {
      Object.assign(home.caps, { day: { microUsd: 100 } })
      await spend(80)
      home.clock.advance(DAY_MS)
      await spend(80)
      assert.deepEqual(home.told, ['day 80', 'day 80'])
    })

    it('is not told for what is only reserved', async () => {
      Object.assign(home.caps, { day: { microUsd: 100 } })
      const reservation = await home.ledger.reserve(spendingAsk(), usageOf(100))
      await reservation.settle(usageOf(79))
      assert.deepEqual(home.told, [])
    })

    it('is on disk by the same batch as what is written when it is told', async () => {
      Object.assign(home.caps, { day: { microUsd: 100 } })
      const rows = home.database.sublevel('told')
      let told: Promise<void> | undefined
      home.onThreshold = () => {
        const put = { type: 'put', sublevel: rows, key: 'x', value: new Uint8Array() } as const
        told = home.database.write([put], { durable: false })
      }
      const reservation = await home.ledger.reserve(spendingAsk(), usageOf(80))
      const settled = reservation.settle(usageOf(80))
      assert.ok(told !== undefined)
      // Whichever resolves first, the other one is on disk too.
      await Promise.race([settled, told])
      assert.deepEqual([rows.getSync('x')?.byteLength, usedOf(today).spent], [0, 80])
      await settled
    })
  })

  describe('what is under way', () => {
    it('is ended when a scope could be passed', async () => {
      Object.assign(home.caps, { day: { microUsd: 100 } })
      const [first, second] = await Promise.all([
        home.ledger.reserve(spendingAsk(1), usageOf(50)),
        home.ledger.reserve(spendingAsk(2), usageOf(40)),
      ])
      await first.settle(usageOf(70))
      assert.equal(second.exhausted.aborted, true)
      assert.ok(isFailure(second.exhausted.reason, 'budget-exhausted'))
      assert.deepEqual(second.exhausted.reason.details, { scope: 'day', resetAt: MIDNIGHT })
    })

    it('goes on while all of a cap is reserved and nobody takes more', async () => {
      Object.assign(home.caps, { day: { microUsd: 100 } })
      const [first, second] = await Promise.all([
        home.ledger.reserve(spendingAsk(1), usageOf(60)),
        home.ledger.reserve(spendingAsk(2), usageOf(40)),
      ])
      await first.settle(usageOf(60))
      assert.equal(second.exhausted.aborted, false)
    })

    it('goes on where the other scope is another peer’s', async () => {
      Object.assign(home.caps, { askerDay: { microUsd: 100 } })
      const [first, second] = await Promise.all([
        home.ledger.reserve(spendingAsk(1, 'bob'), usageOf(60)),
        home.ledger.reserve(spendingAsk(2, 'carol'), usageOf(60)),
      ])
      await first.settle(usageOf(200))
      assert.equal(second.exhausted.aborted, false)
    })
  })

  it('settles what a crash has left at its whole amount, as an estimate, once', async () => {
    Object.assign(home.caps, { day: { microUsd: 100 } })
    await home.ledger.reserve(spendingAsk(1), usageOf(60, 7))
    await (await home.ledger.reserve(spendingAsk(2), usageOf(20))).settle(usageOf(1))
    await home.restart()
    assert.equal(await refusedBy(home.ledger.reserve(spendingAsk(3), usageOf(40))), 'day')
    assert.equal(await home.ledger.recover(), 1)
    assert.deepEqual(usedOf(today), { spent: 61, reserved: 0 })
    const records = await Array.fromAsync(home.ledger.journal.read(), ({ body }) => body)
    assert.deepEqual(
      records.map(({ ask, estimated, microUsd }) => ({ ask, estimated, microUsd })),
      [
        { ask: spendingAsk(2).id, estimated: false, microUsd: 1 },
        { ask: spendingAsk(1).id, estimated: true, microUsd: 60 },
      ],
    )
    await home.restart()
    assert.equal(await home.ledger.recover(), 0)
  })

  it('keeps nothing in memory for what is settled', async () => {
    await spend(1)
    assert.throws(() => {
      home.ledger.accounts.free(today, { microUsd: 0, tokens: 0 })
    }, /nobody holds/)
  })

  it('never has more recorded and reserved than a cap, whatever comes in whatever order', async function () {
    this.timeout(20_000)
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('reserve' as const),
          nth: fc.nat({ max: 3 }),
          most: fc.nat({ max: 300 }),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('settle' as const),
          which: fc.nat(),
          share: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
    )
    let day = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        // A day of its own for each run.
        home.clock.advance(DAY_MS)
        day++
        const key = `day!${new Date(home.clock.now()).toISOString().slice(0, 10)}!all`
        Object.assign(home.caps, {
          ask: { microUsd: 600 },
          askerDay: { microUsd: 900 },
          day: { microUsd: 1_000 },
        })
        const job = { name: 'nightly', cap: { microUsd: 800 } }
        const caps: [key: string, cap: number][] = [
          [key, 1_000],
          [key.replace('all', 'asker!kith1bob'), 900],
          [key.replace('all', 'asker!kith1carol'), 900],
          [key.replace('all', 'job!nightly'), 800],
        ]
        const before = (await home.recorded()).microUsd
        let open: { reservation: Reservation; most: number }[] = []
        for (const each of steps) {
          if (each.kind === 'reserve') {
            const { most, nth } = each
            const ask = spendingAsk(nth, nth % 2 === 0 ? 'bob' : 'carol', {
              deadlineAt: MIDNIGHT + day * DAY_MS,
              // One ask of bob and one of carol are of the job, and two are not.
              ...(nth < 2 ? { job } : {}),
            })
            const reservation = await home.ledger
              .reserve(ask, usageOf(most))
              .catch((err: unknown) => {
                assert.ok(isFailure(err, 'budget-exhausted'))
              })
            if (reservation !== undefined) open.push({ reservation, most })
          } else if (each.kind === 'settle') {
            const [settling] = open.splice(each.which % Math.max(1, open.length), 1)
            await settling?.reservation.settle(usageOf(Math.floor(settling.most * each.share)))
          } else {
            await home.restart()
            await home.ledger.recover()
            open = []
          }
          const recorded = (await home.recorded()).microUsd - before
          const { reserved, spent } = usedOf(key)
          assert.equal(spent, recorded)
          assert.equal(
            reserved,
            open.reduce((sum, { most }) => sum + most, 0),
          )
          for (const [scope, cap] of caps) {
            const used = usedOf(scope)
            assert.ok(used.spent + used.reserved <= cap, `${scope} has passed ${cap}`)
          }
        }
        for (const { most, reservation } of open) await reservation.settle(usageOf(most))
      }),
      { numRuns: 15 },
    )
  })
})
