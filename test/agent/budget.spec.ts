import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  NOTHING,
  decideReserve,
  isPassed,
  leftOf,
  limitOf,
  levelsOf,
  lower,
  minus,
  plus,
  scopesOf,
} from '../../src/agent/budget.ts'
import type { Amount, Scope, ScopeName, Standing, Wanted } from '../../src/agent/budget.ts'
import type { SpendLimit } from '../../src/agent/ports.ts'
import { askOf } from './asks.ts'

const NOON = Date.UTC(2026, 10, 21, 12)
const MIDNIGHT = Date.UTC(2026, 10, 21, 23)

function scopeOf(name: ScopeName, cap: SpendLimit): Scope {
  return { name, key: name, cap, resetAt: MIDNIGHT }
}

function standing(
  cap: SpendLimit,
  spent: Partial<Amount> = {},
  reserved: Partial<Amount> = {},
  name: ScopeName = 'day',
): Standing {
  return {
    scope: scopeOf(name, cap),
    spent: { ...NOTHING, ...spent },
    reserved: { ...NOTHING, ...reserved },
  }
}

describe('budget', () => {
  describe('the scopes of an ask', () => {
    const bob = { name: 'bob', id: 'kith1bob' }
    const caps = { ask: { microUsd: 500 }, askerDay: { tokens: 9 }, day: { microUsd: 7 } }

    it('are itself, the day of its asker and the day of the node, the narrowest first', () => {
      const ask = askOf('', { id: 'a1', asker: bob, deadlineAt: NOON + 1 })
      const scopes = scopesOf(ask, caps, NOON, 'Europe/Madrid')
      assert.deepEqual(scopes, [
        {
          name: 'ask',
          key: `ask!${(NOON + 1).toString(16).padStart(14, '0')}!kith1bob!a1`,
          cap: { microUsd: 500 },
          resetAt: NOON + 1,
        },
        {
          name: 'peer-day',
          key: 'day!2026-11-21!asker!kith1bob',
          cap: { tokens: 9 },
          resetAt: MIDNIGHT,
        },
        { name: 'day', key: 'day!2026-11-21!all', cap: { microUsd: 7 }, resetAt: MIDNIGHT },
      ])
    })

    it('are also the day of its job, between itself and its asker', () => {
      const job = { name: 'nightly', cap: { microUsd: 3 } }
      const scopes = scopesOf(askOf('', { asker: bob, job }), caps, NOON, 'Europe/Madrid')
      assert.deepEqual(
        scopes.map(({ name }) => name),
        ['ask', 'job', 'peer-day', 'day'],
      )
      assert.deepEqual(scopes[1], {
        name: 'job',
        key: 'day!2026-11-21!job!nightly',
        cap: { microUsd: 3 },
        resetAt: MIDNIGHT,
      })
    })

    const budgets: [budget: SpendLimit, cap: SpendLimit][] = [
      [{ microUsd: 499 }, { microUsd: 499 }],
      [{ microUsd: 501 }, { microUsd: 500 }],
      [{ tokens: 3 }, { microUsd: 500, tokens: 3 }],
      [{}, { microUsd: 500 }],
    ]
    for (const [budget, cap] of budgets) {
      it(`take the lower of what the node and its asker let it cost: ${JSON.stringify(budget)}`, () => {
        const [ask] = scopesOf(askOf('', { budget }), caps, NOON, 'UTC')
        assert.deepEqual(ask?.cap, cap)
      })
    }
  })

  describe('a reservation', () => {
    const one = { microUsd: 1, tokens: 0 }
    const cases: [what: string, standings: Standing[], wanted: Wanted, refused?: ScopeName][] = [
      ['without any cap', [standing({})], { microUsd: 1e12, tokens: 1e12 }],
      ['of all there is', [standing({ microUsd: 100 })], { microUsd: 100, tokens: 1 }],
      ['of one more', [standing({ microUsd: 100 })], { microUsd: 101, tokens: 1 }, 'day'],
      [
        'that begins below 95 %',
        [standing({ microUsd: 100 }, { microUsd: 94 })],
        { ...one, microUsd: 6 },
      ],
      ['that begins at 95 %', [standing({ microUsd: 100 }, { microUsd: 95 })], one, 'day'],
      [
        'that begins at 95 % by what is reserved',
        [standing({ microUsd: 100 }, {}, { microUsd: 95 })],
        one,
        'day',
      ],
      [
        'that begins at 95 % by both',
        [standing({ tokens: 100 }, { tokens: 50 }, { tokens: 45 })],
        { ...one, tokens: 1 },
        'day',
      ],
      [
        'of the rest that is not reserved',
        [standing({ tokens: 100 }, { tokens: 40 }, { tokens: 40 })],
        { ...one, tokens: 20 },
      ],
      [
        'of more than the rest',
        [standing({ tokens: 100 }, { tokens: 40 }, { tokens: 40 })],
        { ...one, tokens: 21 },
        'day',
      ],
      [
        'below 95 % of a cap that no 20 divides',
        [standing({ microUsd: 19 }, { microUsd: 18 })],
        one,
      ],
      ['under a cap of nothing', [standing({ microUsd: 0 })], one, 'day'],
      [
        'of nothing under a cap of nothing',
        [standing({ microUsd: 0 })],
        { microUsd: 0, tokens: 5 },
      ],
      [
        'of no money when all is spent',
        [standing({ microUsd: 9 }, { microUsd: 9 })],
        { microUsd: 0, tokens: 5 },
      ],
      [
        'of no money when the tokens are spent',
        [standing({ tokens: 9 }, { tokens: 9 })],
        { microUsd: 0, tokens: 5 },
        'day',
      ],
      [
        'at an unknown price, with caps in tokens',
        [standing({ tokens: 9 })],
        { microUsd: undefined, tokens: 5 },
      ],
      [
        'at an unknown price, past a cap in tokens',
        [standing({ tokens: 4 })],
        { microUsd: undefined, tokens: 5 },
        'day',
      ],
      [
        'at an unknown price, with money capped in any scope',
        [standing({}), standing({ microUsd: 1e12 }, {}, {}, 'peer-day'), standing({})],
        { microUsd: undefined, tokens: 0 },
        'peer-day',
      ],
      [
        'that two scopes refuse, by the first',
        [standing({ tokens: 1 }, {}, {}, 'ask'), standing({ microUsd: 1 })],
        { microUsd: 2, tokens: 2 },
        'ask',
      ],
      [
        'that the last scope refuses',
        [
          standing({ tokens: 5 }, {}, {}, 'ask'),
          standing({}, {}, {}, 'peer-day'),
          standing({ tokens: 1 }),
        ],
        { microUsd: 2, tokens: 2 },
        'day',
      ],
    ]
    for (const [what, standings, wanted, refused] of cases) {
      it(`${what} is ${refused === undefined ? 'allowed' : `refused by ${refused}`}`, () => {
        const decision = decideReserve(standings, wanted)
        assert.equal(decision.allowed ? undefined : decision.scope, refused)
        if (!decision.allowed) assert.equal(decision.resetAt, MIDNIGHT)
      })
    }

    it('never passes a cap, and small ones use all but 5 % of it', () => {
      const cap = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
      fc.assert(
        fc.property(cap, fc.integer({ min: 1, max: 400 }), (microUsd, parts) => {
          const most = Math.max(1, Math.floor(microUsd / 20 / parts))
          const first = Math.floor(microUsd * 0.9)
          let reserved = first > 0 ? { microUsd: first, tokens: 0 } : NOTHING
          const wanted = { microUsd: most, tokens: 0 }
          while (decideReserve([standing({ microUsd }, {}, reserved)], wanted).allowed) {
            reserved = plus(reserved, wanted)
          }
          assert.ok(reserved.microUsd <= microUsd)
          assert.ok(reserved.microUsd >= microUsd - Math.floor(microUsd / 20))
        }),
      )
    })
  })

  const levels: [cap: SpendLimit, spent: Amount, levels: number[]][] = [
    [{}, { microUsd: 1e12, tokens: 1e12 }, []],
    [{ microUsd: 100 }, { microUsd: 79, tokens: 1e12 }, []],
    [{ microUsd: 100 }, { microUsd: 80, tokens: 0 }, [80]],
    [{ microUsd: 100 }, { microUsd: 94, tokens: 0 }, [80]],
    [{ microUsd: 100 }, { microUsd: 95, tokens: 0 }, [80, 95]],
    [{ microUsd: 100 }, { microUsd: 99, tokens: 0 }, [80, 95]],
    [{ microUsd: 100 }, { microUsd: 100, tokens: 0 }, [80, 95, 100]],
    [{ microUsd: 100 }, { microUsd: 101, tokens: 0 }, [80, 95, 100]],
    [{ microUsd: 100, tokens: 10 }, { microUsd: 10, tokens: 8 }, [80]],
    [{ microUsd: 0 }, NOTHING, []],
    [{ microUsd: 0 }, { microUsd: 1, tokens: 0 }, [80, 95, 100]],
  ]
  for (const [cap, spent, reached] of levels) {
    it(`has reached ${JSON.stringify(reached)} of ${JSON.stringify(cap)} by ${JSON.stringify(spent)}`, () => {
      assert.deepEqual(levelsOf(cap, spent), reached)
    })
  }

  it('is passed by what is spent and reserved together, not by all of the cap', () => {
    assert.equal(isPassed(standing({ tokens: 9 }, { tokens: 5 }, { tokens: 4 })), false)
    assert.equal(isPassed(standing({ tokens: 9 }, { tokens: 5 }, { tokens: 5 })), true)
    assert.equal(isPassed(standing({ microUsd: 9 }, { tokens: 5 }, { tokens: 5 })), false)
  })

  it('has left what is neither spent nor reserved, and never less than nothing', () => {
    const cap = { microUsd: 9 }
    assert.deepEqual(leftOf(standing(cap, { microUsd: 2 }, { microUsd: 3 })), { microUsd: 4 })
    assert.deepEqual(leftOf(standing(cap, { microUsd: 12 })), { microUsd: 0 })
    assert.deepEqual(leftOf(standing({})), {})
  })

  it('takes the lower of two limits in each measure', () => {
    assert.deepEqual(lower({ microUsd: 1 }, { tokens: 2 }), { microUsd: 1, tokens: 2 })
    assert.deepEqual(lower({ microUsd: 1, tokens: 3 }, { microUsd: 2, tokens: 2 }), {
      microUsd: 1,
      tokens: 2,
    })
    assert.deepEqual(lower({}, {}), {})
  })

  it('counts money in whole millionths', () => {
    for (const [usd, microUsd] of [
      [0, 0],
      [1.1, 1_100_000],
      [4.35, 4_350_000],
      [0.000001, 1],
      [1e300, Number.MAX_SAFE_INTEGER],
    ] as const) {
      assert.deepEqual(limitOf({ usd }), { microUsd })
    }
  })

  it('has no cap where its owner says none', () => {
    assert.deepEqual(limitOf({}), {})
    assert.deepEqual(limitOf({ tokens: 5 }), { tokens: 5 })
  })

  it('takes away what it has added', () => {
    const [a, b] = [
      { microUsd: 5, tokens: 7 },
      { microUsd: 2, tokens: 3 },
    ]
    assert.deepEqual(minus(plus(a, b), b), a)
  })
})
