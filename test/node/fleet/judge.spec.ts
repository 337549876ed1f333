import assert from 'node:assert/strict'
import { judge, shownStatus } from '../../../src/node/fleet/judge.ts'
import type { Outcome, PeerFacts } from '../../../src/node/fleet/judge.ts'
import type { StatusEnd } from '../../../src/protocol/status.ts'

const AT = Date.UTC(2026, 10, 21, 9)
const HOUR_MS = 3_600_000

const FACTS: PeerFacts = {
  name: 'bob',
  frozen: false,
  otherKey: false,
  retired: false,
  unpinnedUs: false,
  met: true,
}

const WELL: StatusEnd = {
  asks: { running: 0, queued: 0 },
  engine: 'builtin',
  health: 'healthy',
  software: 'kith/0.1.0',
  uptimeMs: 1,
  versions: [1, 1],
  at: AT,
  audit: { state: 'green', at: AT - 1_000 },
}

/** As the first version has it. */
const OLD: StatusEnd = {
  asks: { running: 0, queued: 0 },
  engine: 'builtin',
  health: 'healthy',
  software: 'kith/0.0.9',
  uptimeMs: 1,
}

function answered(change: Partial<StatusEnd> = {}): Outcome {
  return { kind: 'answered', status: { ...WELL, ...change }, rttMs: 2, at: AT }
}

const CASES: [
  title: string,
  facts: Partial<PeerFacts>,
  outcome: Outcome,
  state: string,
  reasons: string[],
][] = [
  ['a healthy peer is green', {}, answered(), 'green', []],
  [
    'a degraded one is yellow, with what is not ready',
    {},
    answered({ health: 'degraded', notReady: ['provider lab', 'backup'] }),
    'yellow',
    ['degraded: provider lab, backup'],
  ],
  [
    'an unhealthy one is red',
    {},
    answered({ health: 'unhealthy', notReady: ['store'] }),
    'red',
    ['unhealthy: store'],
  ],
  [
    'F47: an incident is red, whatever its health',
    {},
    answered({ audit: { state: 'incident', at: AT, findings: ['key-files'] } }),
    'red',
    ['self-audit found key-files'],
  ],
  [
    'F47: a node that does not audit itself is not green',
    {},
    answered({ audit: { state: 'not-audited' } }),
    'yellow',
    ['it does not audit itself'],
  ],
  [
    'F47: a report without a self-audit is flagged as missing, and not green',
    {},
    { kind: 'answered', status: OLD, rttMs: 2, at: AT },
    'yellow',
    ['its self-audit is missing: its kith may be older'],
  ],
  [
    'F47: a green audit of long ago is not green',
    {},
    answered({ audit: { state: 'green', at: AT - HOUR_MS - 1 } }),
    'yellow',
    ['its self-audit is more than an hour old'],
  ],
  [
    'a clock that is not quite a minute off is still green',
    {},
    answered({ at: AT + 59_999, audit: { state: 'green', at: AT } }),
    'green',
    [],
  ],
  [
    'a clock that is far off is yellow',
    {},
    answered({ at: AT - 3 * HOUR_MS, audit: { state: 'green', at: AT - 3 * HOUR_MS } }),
    'yellow',
    ['its clock is 180 min behind'],
  ],
  [
    'a refusal is denied',
    {},
    { kind: 'refused', code: 'denied' },
    'denied',
    ['it does not let this node see its status'],
  ],
  [
    'a node that has frozen us denies',
    {},
    { kind: 'refused', code: 'frozen' },
    'denied',
    ['it has frozen this node: kith key status'],
  ],
  [
    'a node without the verb is yellow',
    {},
    { kind: 'refused', code: 'unsupported-verb' },
    'yellow',
    ['its kith knows no status: it is older'],
  ],
  ['a busy one is yellow', {}, { kind: 'refused', code: 'busy' }, 'yellow', ['it answered busy']],
  [
    'silence of one that was met is unreachable',
    {},
    { kind: 'silent', why: 'ECONNREFUSED' },
    'unreachable',
    ['ECONNREFUSED'],
  ],
  [
    'silence of one that was never met is never-seen',
    { met: false },
    { kind: 'silent', why: 'ECONNREFUSED' },
    'never-seen',
    ['ECONNREFUSED'],
  ],
  [
    'F02: another key at its address is red',
    { otherKey: true },
    { kind: 'silent', why: 'no pinned node there' },
    'red',
    ['another key answers at its address'],
  ],
  [
    'F02: a key log that stands against itself is red, whatever it answers',
    { frozen: true },
    answered(),
    'red',
    ['its key log stands against itself: kith peers why bob'],
  ],
  [
    'one that has retired is yellow',
    { retired: true },
    { kind: 'silent', why: 'x' },
    'yellow',
    ['it has retired: kith peers remove bob'],
  ],
  [
    'one that has unpinned us denies',
    { unpinnedUs: true },
    { kind: 'silent', why: 'x' },
    'denied',
    ['it has unpinned this node'],
  ],
]

describe('the colour of a peer', () => {
  for (const [title, facts, outcome, state, reasons] of CASES) {
    it(title, () => {
      const verdict = judge({ ...FACTS, ...facts }, outcome)
      assert.deepEqual([verdict.state, verdict.reasons], [state, reasons])
      const changed = facts.frozen === true || facts.otherKey === true
      assert.equal(verdict.identityChanged, changed ? true : undefined)
    })
  }

  it('shows no escape sequence that a peer sends, and no long text', () => {
    const evil = `\u001B]0;x\u0007kith${'e'.repeat(100)}`
    const status = { ...WELL, software: evil, engine: evil, notReady: [evil] }
    const shown = shownStatus(status, { at: AT, rttMs: 2 })
    for (const text of [shown.software, shown.engine, ...shown.notReady]) {
      assert.match(text, /^kithe*…$/)
      assert.equal(Array.from(text).length, 64)
    }
  })

  it('takes half a round trip out of how far a clock is off', () => {
    const shown = shownStatus({ ...WELL, at: AT + 500 }, { at: AT + 2, rttMs: 4 })
    assert.equal(shown.clockOffsetMs, 500)
  })
})
