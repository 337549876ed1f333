import assert from 'node:assert/strict'
import type { FleetRow } from '../../../src/node/control/routes/fleet.ts'
import { hintsOf, overallOf } from '../../../src/node/fleet/hints.ts'
import type { OwnView } from '../../../src/node/fleet/hints.ts'

const OWN: OwnView = { software: 'kith/1', notReady: [] }

interface Look {
  name?: string
  software?: string
  notReady?: string[]
  lastGood?: FleetRow['lastGood']
  identityChanged?: true
}

function row(state: FleetRow['state'], look: Look = {}): FleetRow {
  const { identityChanged, lastGood, name = state, notReady = [], software = 'kith/1' } = look
  const answered = state === 'green' || state === 'yellow' || state === 'red'
  return {
    ...{ name, state, reasons: [], since: 0, sampledAt: 0, steady: { state, since: 0 } },
    ...(answered ? { status: statusOf(software, notReady) } : {}),
    ...(lastGood === undefined ? {} : { lastGood }),
    ...(identityChanged === undefined ? {} : { identityChanged }),
  }
}

function statusOf(software: string, notReady: string[]): NonNullable<FleetRow['status']> {
  return {
    ...{ software, health: 'healthy', notReady, engine: 'builtin', uptimeMs: 1 },
    asks: { running: 0, queued: 0 },
    audit: { state: 'green', findings: [] },
  }
}

function kinds(rows: FleetRow[], own = OWN): string[] {
  return hintsOf(rows, own).map(({ kind }) => kind)
}

describe('the state of a fleet', () => {
  const cases: [rows: FleetRow['state'][], state: string][] = [
    [[], 'green'],
    [['green', 'green'], 'green'],
    [['green', 'yellow'], 'yellow'],
    [['green', 'denied'], 'yellow'],
    [['denied', 'unreachable'], 'unreachable'],
    [['green', 'never-seen'], 'unreachable'],
    [['unreachable', 'red'], 'red'],
    [['unreachable', 'unreachable'], 'offline'],
    [['unreachable', 'unreachable', 'never-seen'], 'offline'],
    [['unreachable', 'unreachable', 'denied'], 'unreachable'],
    [['unreachable'], 'unreachable'],
    [['never-seen', 'never-seen'], 'unreachable'],
  ]
  for (const [states, expected] of cases) {
    it(`F45: of ${states.join(', ') || 'nobody'} is ${expected}`, () => {
      assert.equal(overallOf(states.map((state) => row(state))), expected)
    })
  }
})

describe('what rows say together', () => {
  it('F48: all gray is one hint about this node, and no other', () => {
    const rows = [row('unreachable'), row('unreachable'), row('never-seen')]
    assert.deepEqual(hintsOf(rows, { ...OWN, notReady: ['provider lab'] }), [
      {
        kind: 'offline',
        what: 'no peer answers: it is this node that seems to be off-line',
        hint: 'look at the network of this machine',
      },
    ])
  })

  it('F48: one version that is red wherever it runs is a regression, with the last good one', () => {
    const rows = [
      row('red', { name: 'a', software: 'kith/2', lastGood: { software: 'kith/1', at: 5 } }),
      row('red', { name: 'b', software: 'kith/2', lastGood: { software: 'kith/0', at: 4 } }),
      row('green', { name: 'c' }),
    ]
    const [hint] = hintsOf(rows, OWN)
    assert.equal(hint?.kind, 'regression')
    assert.equal(hint.what, 'kith/2 is red wherever it runs (a, b): a fault of that version')
    assert.equal(hint.hint, 'kith/1 was the last good version')
  })

  const noRegression: [string, FleetRow[]][] = [
    ['one peer alone', [row('red'), row('green', { software: 'kith/0' })]],
    ['a version that is green elsewhere', [row('red'), row('red'), row('green')]],
    ['two versions', [row('red'), row('red', { software: 'kith/2' })]],
    ['others at the place of peers', times(2, row('red', { identityChanged: true }))],
  ]
  for (const [title, rows] of noRegression) {
    it(`F48: red at ${title} is no regression`, () => {
      assert.ok(!kinds(rows).includes('regression'))
    })
  }

  it('F48: a provider that fails everywhere is an outage', () => {
    const rows = [
      row('yellow', { name: 'a', notReady: ['provider lab'] }),
      row('yellow', { name: 'b', notReady: ['backup', 'provider lab'] }),
    ]
    const [hint] = hintsOf(rows, OWN)
    assert.equal(hint?.kind, 'outage')
    assert.equal(hint.what, 'provider lab fails at a, b: an outage of theirs, not of these nodes')
  })

  it('F48: this node is one of those at which a provider fails', () => {
    const rows = [row('yellow', { notReady: ['provider lab'] }), row('green')]
    assert.deepEqual(kinds(rows, { ...OWN, notReady: ['provider lab'] }), ['outage'])
  })

  const noOutage: [string, FleetRow[]][] = [
    ['one node alone', [row('yellow', { notReady: ['provider lab'] })]],
    [
      'less than half of them',
      [...times(2, row('yellow', { notReady: ['provider lab'] })), ...times(2, row('green'))],
    ],
    ['what is no provider', times(3, row('yellow', { notReady: ['backup'] }))],
  ]
  for (const [title, rows] of noOutage) {
    it(`F48: a fault of ${title} is no outage`, () => {
      assert.deepEqual(kinds(rows), [])
    })
  }

  it('F09: two versions at once are shown as skew, the newest first', () => {
    const rows = [row('green', { name: 'a', software: 'kith/2' }), row('yellow', { name: 'b' })]
    assert.deepEqual(hintsOf(rows, OWN), [
      { kind: 'skew', what: 'more than one version runs: kith/2 at a; kith/1 at this node, b' },
    ])
  })

  it('says nothing of a fleet that is well', () => {
    assert.deepEqual(kinds(times(3, row('green'))), [])
  })
})

function times<T>(count: number, item: T): T[] {
  return Array.from({ length: count }, () => item)
}
