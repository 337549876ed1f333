import assert from 'node:assert/strict'
import fc from 'fast-check'
import { FLEET_STATES } from '../../../src/node/control/routes/fleet.ts'
import type { FleetState, FleetStatus } from '../../../src/node/control/routes/fleet.ts'
import { AGREED, WINDOW, afterSample, standingSchema } from '../../../src/node/fleet/standing.ts'
import type { Standing } from '../../../src/node/fleet/standing.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const RULE = { soakMs: 24 * HOUR_MS, gapMs: 5 * MINUTE_MS }

function statusOf(software: string): FleetStatus {
  return {
    ...{ software, health: 'healthy', notReady: [], engine: 'builtin', uptimeMs: 1 },
    asks: { running: 0, queued: 0 },
    audit: { state: 'green', findings: [] },
  }
}

interface Step {
  state: FleetState
  software?: string
  counts?: boolean
  identityChanged?: true
  /** @default a minute after the one before */
  afterMs?: number
}

/** How a peer stands after each of these samples. */
function live(steps: readonly Step[]): Standing[] {
  let at = 0
  let standing: Standing | undefined
  return steps.map(({ afterMs = MINUTE_MS, counts = true, identityChanged, software, state }) => {
    at += afterMs
    const verdict = {
      ...{ state, reasons: [] },
      ...(identityChanged === undefined ? {} : { identityChanged }),
    }
    const answer = software === undefined ? {} : { status: statusOf(software), rttMs: 1 }
    standing = afterSample(standing, { at, verdict, counts, ...answer }, RULE)
    assert.deepEqual(standingSchema.parse(standing), standing)
    return standing
  })
}

function times(count: number, step: Step): Step[] {
  return Array.from({ length: count }, () => step)
}

/** How often what is steady has changed. */
function changes(standings: readonly Standing[]): number {
  return standings.filter(
    ({ steady }, index) => index > 0 && standings[index - 1]?.steady.state !== steady.state,
  ).length
}

const GREEN: Step = { state: 'green', software: 'kith/1' }
const AWAY: Step = { state: 'unreachable' }

describe('how a peer stands', () => {
  it(`F46: changes for the worse when ${AGREED} of ${WINDOW} samples agree, and not before`, () => {
    const standings = live([...times(WINDOW, GREEN), ...times(AGREED, AWAY)])
    const states = standings.map(({ steady }) => steady.state)
    assert.deepEqual(states.slice(-AGREED), ['green', 'green', 'unreachable'])
  })

  it(`F46: is green again when ${WINDOW} samples in a row are`, () => {
    const standings = live([...times(WINDOW, AWAY), ...times(WINDOW, GREEN)])
    const states = standings.map(({ steady }) => steady.state)
    assert.deepEqual(states.slice(-2), ['unreachable', 'green'])
  })

  it('F46: a peer that comes and goes changes once', () => {
    const flapping = Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? AWAY : GREEN))
    assert.equal(changes(live([...times(WINDOW, GREEN), ...flapping])), 1)
  })

  it('F46: whatever comes, a change is agreed on by enough of the last samples', () => {
    const step = fc.record({ state: fc.constantFrom(...FLEET_STATES), counts: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const standings = live(steps)
        for (const [index, { state, window, steady }] of standings.entries()) {
          assert.ok(window.length <= WINDOW)
          const before = standings[index - 1]
          if (before === undefined || before.steady.state === steady.state) continue
          assert.equal(steady.state, state)
          assert.ok(window.filter((each) => each === steady.state).length >= AGREED)
        }
      }),
    )
  })

  it('samples that somebody asked for do not count', () => {
    const asked = times(20, { ...AWAY, counts: false })
    const last = live([...times(WINDOW, GREEN), ...asked]).at(-1)
    assert.equal(last?.state, 'unreachable')
    assert.equal(last.steady.state, 'green')
  })

  it('F02: another key is red at once', () => {
    const red: Step = { state: 'red', identityChanged: true, counts: false }
    const last = live([...times(WINDOW, GREEN), red]).at(-1)
    assert.equal(last?.steady.state, 'red')
    assert.equal(last.identityChanged, true)
  })

  it('says since when it is so, and when it was green last', () => {
    const last = live([GREEN, GREEN, AWAY, AWAY]).at(-1)
    assert.equal(last?.since, 3 * MINUTE_MS)
    assert.equal(last.lastOkAt, 2 * MINUTE_MS)
    assert.equal(last.status?.software, 'kith/1')
  })
})

describe('the last good version', () => {
  const day = 24 * 60

  it('F09: is one that was green for the soak time', () => {
    const last = live(times(day + 1, GREEN)).at(-1)
    assert.deepEqual(last?.lastGood, { software: 'kith/1', at: (day + 1) * MINUTE_MS })
  })

  it('F09: is not one that was green for a minute only', () => {
    const last = live([GREEN, GREEN]).at(-1)
    assert.equal(last?.lastGood, undefined)
    assert.deepEqual(last?.soaking, { software: 'kith/1', at: MINUTE_MS })
  })

  it('F09: stays while a newer one soaks', () => {
    const newer = times(60, { state: 'green', software: 'kith/2' })
    const last = live([...times(day + 1, GREEN), ...newer]).at(-1)
    assert.equal(last?.lastGood?.software, 'kith/1')
    assert.equal(last.soaking?.software, 'kith/2')
  })

  for (const [title, step] of [
    ['yellow for a moment', { state: 'yellow', software: 'kith/1' }],
    ['away for a moment', AWAY],
    ['not looked at for a while', { ...GREEN, afterMs: 6 * MINUTE_MS }],
  ] satisfies [string, Step][]) {
    it(`F09: is not one that was ${title} within the soak time`, () => {
      const half = times(day / 2 + 1, GREEN)
      assert.equal(live([...half, step, ...half]).at(-1)?.lastGood, undefined)
    })
  }
})
