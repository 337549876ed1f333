import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  CLOSED,
  FAILURES_IN_ROW,
  GOOD_PROBES,
  PROBE_RETRY_MS,
  PROBE_WAIT,
  WINDOW_CALLS,
  enter,
  failuresInRow,
  outcome,
  reset,
  withoutProbe,
} from '../../src/agent/breaker.ts'
import type { Breaker, Outcome } from '../../src/agent/breaker.ts'

const NOW = Date.UTC(2026, 10, 21, 9)
const HALF = 0.5
const DAY_MS = 86_400_000

/** A call that goes through at `now`, and its outcome. */
function called(breaker: Breaker, what: Outcome, now = NOW, random = HALF): Breaker {
  const decision = enter(breaker, now)
  assert.ok(decision.allowed)
  return outcome(decision.breaker, decision.breaker.generation, what, now, random)
}

function calledOften(breaker: Breaker, outcomes: Outcome[], now = NOW): Breaker {
  return outcomes.reduce((after, what) => called(after, what, now), breaker)
}

function times(count: number, what: Outcome): Outcome[] {
  return Array.from({ length: count }, () => what)
}

/** When the next call may go through, or undefined when it may now. */
function refusedUntil(breaker: Breaker, now: number): number | undefined {
  const decision = enter(breaker, now)
  return decision.allowed ? undefined : decision.nextProbeAt
}

const OPEN = calledOften(CLOSED, times(FAILURES_IN_ROW, 'bad'))
const DUE = NOW + PROBE_WAIT.baseMs

describe('breaker', () => {
  describe('that is closed', () => {
    const rows: [what: string, outcomes: Outcome[], state: Breaker['state']][] = [
      ['5 failures in a row', times(5, 'bad'), 'open'],
      ['4 failures in a row', times(4, 'bad'), 'closed'],
      ['4, a good call and 4', [...times(4, 'bad'), 'good', ...times(4, 'bad')], 'closed'],
      ['4, a cancelled call and 1', [...times(4, 'bad'), 'none', 'bad'], 'open'],
      [
        '10 of 12 that failed',
        [...times(4, 'bad'), 'good', ...times(4, 'bad'), 'good', ...times(2, 'bad')],
        'open',
      ],
      ['any number of cancelled calls', times(100, 'none'), 'closed'],
      [
        '10 of 20 that failed',
        Array.from({ length: 10 }, () => ['good', 'bad'] as const).flat(),
        'open',
      ],
      [
        '9 of 20 that failed',
        [...times(2, 'good'), ...Array.from({ length: 9 }, () => ['bad', 'good'] as const).flat()],
        'closed',
      ],
      [
        '9 of 19 that failed',
        ['good', ...Array.from({ length: 9 }, () => ['bad', 'good'] as const).flat()],
        'closed',
      ],
      [
        '10 failures of which one is older than 20 calls',
        [
          'bad',
          ...times(3, 'good'),
          ...Array.from({ length: 9 }, () => ['good', 'bad'] as const).flat(),
        ],
        'closed',
      ],
    ]
    for (const [what, outcomes, state] of rows) {
      it(`is ${state} after ${what}`, () => {
        assert.equal(calledOften(CLOSED, outcomes).state, state)
      })
    }

    it('lets any number of calls through at once', () => {
      let breaker = CLOSED
      for (let call = 0; call < 50; call++) {
        const decision = enter(breaker, NOW)
        assert.ok(decision.allowed)
        breaker = decision.breaker
      }
      assert.equal(breaker, CLOSED)
    })

    it('keeps no more outcomes than it looks at', () => {
      const breaker = calledOften(CLOSED, times(100, 'good'))
      assert.equal(breaker.recent.length, WINDOW_CALLS)
      assert.equal(failuresInRow(breaker), 0)
    })
  })

  describe('that is open', () => {
    it('lets nothing through before its time, and says when', () => {
      assert.equal(refusedUntil(OPEN, NOW), DUE)
      assert.equal(refusedUntil(OPEN, DUE - 1), DUE)
      assert.equal(refusedUntil(OPEN, DUE), undefined)
    })

    it('is not closed by time alone', () => {
      const decision = enter(OPEN, NOW + 365 * DAY_MS)
      assert.ok(decision.allowed)
      assert.equal(decision.breaker.state, 'half-open')
      assert.equal(
        refusedUntil(decision.breaker, NOW + 730 * DAY_MS),
        NOW + 730 * DAY_MS + PROBE_RETRY_MS,
      )
    })

    it('makes a probe when the clock was set back before its opening', () => {
      assert.equal(refusedUntil(OPEN, NOW - 1), undefined)
    })

    it('is not moved by calls that began before', () => {
      const late = CLOSED.generation
      for (const what of ['good', 'bad', 'none'] as const) {
        assert.equal(outcome(OPEN, late, what, NOW + 1, HALF), OPEN)
      }
    })
  })

  describe('that makes probes', () => {
    const probing = enter(OPEN, DUE)
    assert.ok(probing.allowed)
    const { breaker } = probing

    it('lets one of 50 callers through', () => {
      let [tested, through] = [OPEN, 0]
      for (let caller = 0; caller < 50; caller++) {
        const decision = enter(tested, DUE)
        if (!decision.allowed) continue
        tested = decision.breaker
        through++
      }
      assert.equal(through, 1)
      assert.equal(refusedUntil(tested, DUE), DUE + PROBE_RETRY_MS)
    })

    it(`is closed by ${GOOD_PROBES} good ones, and by no fewer`, () => {
      const once = called(OPEN, 'good', DUE)
      assert.deepEqual([once.state, once.goodProbes, once.probing], ['half-open', 1, false])
      const twice = called(once, 'good', DUE)
      assert.deepEqual({ ...twice, generation: 0 }, CLOSED)
    })

    it('opens again by a bad one, also after a good one', () => {
      for (const before of [OPEN, called(OPEN, 'good', DUE)]) {
        const after = called(before, 'bad', DUE)
        assert.deepEqual([after.state, after.openings, after.goodProbes], ['open', 2, 0])
        assert.equal(refusedUntil(after, DUE), DUE + 2 * PROBE_WAIT.baseMs)
      }
    })

    it('makes another at once after one that was cancelled', () => {
      const after = called(OPEN, 'none', DUE)
      assert.equal(after.state, 'half-open')
      assert.equal(refusedUntil(after, DUE), undefined)
    })

    it('takes the outcome of a probe once', () => {
      const good = outcome(breaker, breaker.generation, 'good', DUE, HALF)
      assert.equal(outcome(good, breaker.generation, 'good', DUE, HALF), good)
    })

    it('makes another where the process of one is gone', () => {
      assert.equal(refusedUntil(withoutProbe(breaker), DUE), undefined)
      assert.equal(withoutProbe(OPEN), OPEN)
    })
  })

  it('waits longer each time that a probe fails, from 30 s to 10 min', () => {
    let [breaker, now] = [OPEN, NOW]
    const waits: number[] = []
    for (let probe = 0; probe < 7; probe++) {
      waits.push(breaker.waitMs / 1_000)
      now += breaker.waitMs
      breaker = called(breaker, 'bad', now)
    }
    assert.deepEqual(waits, [30, 60, 120, 240, 480, 600, 600])
  })

  it('waits up to a tenth more or less, so that nodes do not come together', () => {
    const opened = (random: number): number =>
      called(calledOften(CLOSED, times(4, 'bad')), 'bad', NOW, random).waitMs
    assert.deepEqual([0, 0.5, 0.999].map(opened), [27_000, 30_000, 32_994])
  })

  it('is closed by a reset, and no call from before says anything', () => {
    for (const before of [OPEN, called(OPEN, 'good', DUE), calledOften(CLOSED, times(4, 'bad'))]) {
      const after = reset(before)
      assert.deepEqual({ ...after, generation: 0 }, CLOSED)
      assert.equal(outcome(after, before.generation, 'bad', NOW, HALF), after)
    }
  })

  it('keeps its promises over any sequence of calls', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('enter' as const) }),
      fc.record({
        kind: fc.constant('outcome' as const),
        nth: fc.nat(),
        what: fc.constantFrom<Outcome>('good', 'bad', 'bad', 'none'),
        random: fc.double({ min: 0, max: 0.999, noNaN: true }),
      }),
      fc.record({
        kind: fc.constant('wait' as const),
        ms: fc.integer({ min: -60_000, max: 700_000 }),
      }),
      fc.record({ kind: fc.constant('restart' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        let [breaker, now] = [CLOSED, NOW]
        let underWay: number[] = []
        let goodProbes = 0
        for (const each of steps) {
          const before = breaker
          if (each.kind === 'wait') {
            now += each.ms
          } else if (each.kind === 'restart') {
            underWay = []
            breaker = withoutProbe(breaker)
          } else if (each.kind === 'enter') {
            const decision = enter(breaker, now)
            if (!decision.allowed) {
              assert.ok(decision.nextProbeAt > now && decision.nextProbeAt <= now + 660_000)
              continue
            }
            breaker = decision.breaker
            underWay.push(breaker.generation)
            // What counts while it is not closed is one probe.
            const counting = underWay.filter((generation) => generation === breaker.generation)
            if (breaker.state !== 'closed') assert.equal(counting.length, 1)
          } else if (underWay.length > 0) {
            const [generation] = underWay.splice(each.nth % underWay.length, 1)
            assert.ok(generation !== undefined)
            breaker = outcome(breaker, generation, each.what, now, each.random)
            if (generation !== before.generation) assert.equal(breaker, before)
            else if (before.state === 'half-open') {
              goodProbes =
                each.what === 'good' ? goodProbes + 1 : each.what === 'bad' ? 0 : goodProbes
            }
          }
          const closes = before.state !== 'closed' && breaker.state === 'closed'
          if (closes) assert.equal(goodProbes, GOOD_PROBES)
          if (closes || breaker.state === 'open') goodProbes = 0
          if (each.kind !== 'outcome')
            assert.equal(breaker.state === 'closed', before.state === 'closed')
        }
      }),
      { numRuns: 500 },
    )
  })
})
