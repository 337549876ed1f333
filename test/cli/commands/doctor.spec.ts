import assert from 'node:assert/strict'
import type { DoctorReport } from '../../../src/node/control/api.ts'
import { countsOf } from '../../../src/node/checks/finding.ts'
import { FakeCli } from '../fake-cli.ts'

const well = { check: 'store', state: 'ok', what: 'takes writes' } as const
const warning = {
  check: 'peers',
  state: 'warn',
  what: 'bob: ECONNREFUSED',
  hint: 'kith peers show bob',
} as const
const failure = { check: 'key-files', state: 'fail', what: 'open', hint: 'chmod 600 x' } as const

describe('kith doctor', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  function answer(report: Omit<DoctorReport, 'counts'>): void {
    cli.answers = { doctor: () => ({ ...report, counts: countsOf(report.findings) }) }
  }

  it('exits with 0 and says so when all is well', async () => {
    answer({ state: 'ok', findings: [well] })
    assert.equal(await cli.kith('doctor'), 0)
    assert.equal(cli.stdout.text, 'ok    store  takes writes\n\nall is well\n')
  })

  it('exits with 7 when something needs a look', async () => {
    answer({ state: 'warn', findings: [well, warning] })
    assert.equal(await cli.kith('doctor'), 7)
    assert.match(cli.stdout.text, /\n\n1 warning\n$/)
  })

  it('exits with 1 when something fails, and shows each remedy for this very home', async () => {
    answer({ state: 'fail', findings: [well, warning, warning, failure] })
    assert.equal(await cli.kith('-p', 'work', 'doctor'), 1)
    assert.equal(
      cli.stdout.text,
      [
        'ok    store      takes writes',
        'warn  peers      bob: ECONNREFUSED',
        '      try: kith -p work peers show bob',
        'warn  peers      bob: ECONNREFUSED',
        '      try: kith -p work peers show bob',
        'fail  key-files  open',
        '      try: chmod 600 x',
        '',
        '1 failure, 2 warnings',
        '',
      ].join('\n'),
    )
  })

  for (const [state, code] of [
    ['ok', 0],
    ['warn', 7],
    ['fail', 1],
  ] as const) {
    it(`has all of it as JSON, and exits with ${code} for ${state}`, async () => {
      const report = { state, findings: [well, warning, failure] }
      answer(report)
      assert.equal(await cli.kith('doctor', '--json'), code)
      const counts = { ok: 1, warn: 1, fail: 1 }
      assert.deepEqual(cli.stdout.json, [{ ...report, counts, running: true, unchecked: [] }])
    })
  }

  describe('without a node that runs', () => {
    beforeEach(() => {
      const findings = [warning]
      const report = { state: 'warn', counts: countsOf(findings), findings, unchecked: ['jobs'] }
      cli.doctorModule = { checkOffline: () => Promise.resolve({ ...report, state: 'warn' }) }
    })

    it('shows what the files say, says that none runs, and exits with 6', async () => {
      assert.equal(await cli.kith('doctor'), 6)
      assert.match(cli.stdout.text, /^warn +peers/)
      assert.match(cli.stdout.text, /unchecked +the rest +wants a running node: jobs\n/)
      assert.equal(
        cli.stderr.text,
        'kith: no node runs in /nowhere/.kith: this is what its files say\n',
      )
    })

    it('exits with the verdict where --offline wants it so', async () => {
      assert.equal(await cli.kith('doctor', '--offline', '--json'), 7)
      assert.equal(cli.stderr.text, '')
    })
  })

  describe('--fix-safe', () => {
    const fix = {
      check: 'file-modes',
      action: 'chmod',
      path: '/x',
      what: 'chmod 600 /x',
      undo: 'chmod 644 /x',
    } as const
    let applied: number

    beforeEach(() => {
      applied = 0
      answer({ state: 'ok', findings: [well] })
      cli.doctorModule = {
        planFixes: () => Promise.resolve([fix]),
        applyFixes: (_home, _now, plan) => {
          applied++
          return Promise.resolve([...plan])
        },
      }
    })

    it('F59: does what is in its plan, says how to take it back, and looks again', async () => {
      assert.equal(await cli.kith('doctor', '--fix-safe'), 0)
      assert.match(cli.stdout.text, /^fixed  chmod 600 \/x\n       undo: chmod 644 \/x\n\nok/)
      assert.deepEqual(
        cli.calls.map(([route]) => route),
        ['doctor', 'doctor'],
      )
    })

    it('F59: does nothing with --dry-run, which goes with nothing else', async () => {
      assert.equal(await cli.kith('doctor', '--fix-safe', '--dry-run'), 0)
      assert.match(cli.stdout.text, /^would  chmod 600/)
      assert.equal(applied, 0)
      assert.equal(await cli.kith('doctor', '--dry-run'), 2)
    })
  })

  it('lets no peer write to the terminal', async () => {
    const nasty = '\u001B[2J\nok    all  fine'
    answer({ state: 'warn', findings: [{ ...warning, what: nasty, hint: nasty }] })
    await cli.kith('doctor')
    assert.ok(!cli.stdout.text.includes('\u001B'))
    assert.equal(cli.stdout.text.split('\n').length, 5)
  })
})
