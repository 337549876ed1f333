import assert from 'node:assert/strict'
import type {
  AuditVerdictReport,
  DependencyReport,
  HeldReport,
  WitnessReport,
} from '../../../src/node/control/api.ts'
import { FakeCli } from '../fake-cli.ts'

const HASH = 'ab'.repeat(32)
const AT = Date.UTC(2026, 10, 21, 9)

const INTACT: AuditVerdictReport = {
  ...{ intact: true, first: 3, entries: 10, head: { seq: 12, hash: HASH } },
  signed: { seq: 11, at: AT },
}

const CONTRADICTS: WitnessReport = {
  ...{ peer: 'nas', state: 'contradicts', held: 4, newest: { seq: 9, at: AT } },
  contradiction: { seq: 7, at: AT, held: HASH, here: 'cd'.repeat(32) },
}

describe('kith audit', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  it('F34: verify says up to where the log is intact and signed', async () => {
    cli.answers = { verifyAudit: () => INTACT }
    assert.equal(await cli.kith('audit', 'verify'), 0)
    assert.match(
      cli.stdout.text,
      /^intact: 10 entries, 3 to 12\nhead: 12 (ab){32}\nsigned: up to 11, /,
    )
  })

  for (const problem of [
    'edited',
    'missing',
    'reordered',
    'rewritten',
    'forged',
    'pruned',
  ] as const) {
    it(`F34: verify exits 1 and names the entry: ${problem}`, async () => {
      cli.recordsModule = {
        verifyAuditOffline: () => Promise.resolve({ intact: false, seq: 5, problem }),
      }
      assert.equal(await cli.kith('audit', 'verify'), 1)
      assert.match(cli.stdout.text, /^broken: entry 5 (is|was) /)
      cli.stdout.text = ''
      assert.equal(await cli.kith('audit', 'verify', '--json'), 1)
      assert.deepEqual(cli.stdout.json, [{ intact: false, seq: 5, problem }])
    })
  }

  const WITNESSES: [code: number, states: WitnessReport['state'][]][] = [
    [0, ['agrees', 'unreachable']],
    [0, ['holds-none']],
    [3, []],
    [1, ['agrees', 'contradicts']],
    [3, ['unreachable']],
  ]
  for (const [code, states] of WITNESSES) {
    it(`N12: verify --peers exits ${code} where peers say: ${states.join(', ') || 'nothing'}`, async () => {
      const peers = states.map((state, at): WitnessReport =>
        state === 'contradicts' ? CONTRADICTS : { peer: `p${at}`, state, held: 0 },
      )
      cli.answers = { verifyAudit: () => INTACT, auditWitnesses: () => peers }
      assert.equal(await cli.kith('audit', 'verify', '--peers'), code)
    })
  }

  it('N12: verify --peers shows both hashes of what does not go together', async () => {
    cli.answers = { verifyAudit: () => INTACT, auditWitnesses: () => [CONTRADICTS] }
    await cli.kith('audit', 'verify', '--peers')
    assert.match(
      cli.stdout.text,
      /^nas {2}contradicts {2}entry 7 was abababababababab at .*, here is cdcdcdcdcdcdcdcd$/m,
    )
  })

  it('N12: peers shows what is held of each, and exits 1 when one has contradicted itself', async () => {
    const report: HeldReport = {
      ...{ peer: 'nas', kept: 3, newest: { seq: 9, hash: HASH, receivedAt: AT } },
      contradictions: [],
    }
    cli.answers = { auditHeld: () => [report] }
    assert.equal(await cli.kith('audit', 'peers'), 0)
    assert.match(cli.stdout.text, /^nas {2}3 heads, the newest of .*\n {4}entry 9 (ab){32}$/m)
    const kept = { seq: 7, hash: HASH, receivedAt: AT, signed: 'aa' }
    const shown = { seq: 7, hash: 'cd'.repeat(32), signed: 'bb' }
    cli.answers = {
      auditHeld: () => [{ ...report, contradictions: [{ at: AT, problem: 'other', kept, shown }] }],
    }
    assert.equal(await cli.kith('audit', 'peers', 'nas'), 1)
    assert.equal(await cli.kith('audit', 'peers', 'ada'), 1)
    assert.match(cli.stderr.text, /nothing is held of the audit log of ada/)
  })

  it('show marks what is alarming, and takes what stands in an entry for text alone', async () => {
    const entry = {
      ...{
        seq: 7,
        at: AT,
        hash: HASH,
        kind: 'denied',
        who: 'eve\u001b[31m',
        what: '3 calls\nwere',
      },
      details: { 'ask denied': 3, subject: 'x' },
    }
    cli.answers = {
      audit: (input) => (assert.deepEqual(input, { limit: 5, kinds: 'denied,key' }), [entry]),
    }
    cli.stdout.isTTY = true
    assert.equal(await cli.kith('audit', 'show', '-n', '5', '--kind', 'denied,key'), 0)
    assert.ok(cli.stdout.text.includes('\u001b[31mdenied\u001b[39m'))
    assert.match(cli.stdout.text, /eve {2}3 calls were \(ask denied=3\)$/m)
  })

  it('show refuses a kind that there is none of', async () => {
    assert.equal(await cli.kith('audit', 'show', '--kind', 'denied,grant'), 2)
    assert.match(cli.stderr.text, /"grant" is none of start, /)
  })

  const DEPS: [state: DependencyReport['state'], code: number, text: RegExp][] = [
    ['clean', 0, /^no known vulnerability in 9 packages, by a list that is /],
    [
      'vulnerable',
      1,
      /^high {2}x 1\.0\.0 {2}GHSA-1\n {4}bad\n {4}fixed in 1\.0\.1\n1 known vulnerability in 9/,
    ],
    ['not-checked', 75, /^not checked: 9 packages/],
  ]
  for (const [state, code, text] of DEPS) {
    it(`G10: deps exits ${code} when it is ${state}`, async () => {
      const finding = {
        package: 'x',
        version: '1.0.0',
        id: 'GHSA-1',
        severity: 'high',
        summary: 'bad',
        fixed: '1.0.1',
      }
      const list = state === 'not-checked' ? { why: 'no list' } : { listAt: Date.now() - 5_000 }
      const findings = state === 'vulnerable' ? [finding] : []
      cli.recordsModule = {
        checkDependencies: (init) =>
          Promise.resolve({ state, packages: init.offline ? 9 : 8, ...list, findings }),
      }
      assert.equal(await cli.kith('audit', 'deps', '--offline'), code)
      assert.match(cli.stdout.text, text)
      cli.stdout.text = ''
      assert.equal(await cli.kith('audit', 'deps', '--json'), code)
      assert.equal((cli.stdout.json[0] as DependencyReport).state, state)
    })
  }
})
