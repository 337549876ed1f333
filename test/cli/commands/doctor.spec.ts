import assert from 'node:assert/strict'
import type { DoctorReport } from '../../../src/node/control/api.ts'
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

  function answer(report: DoctorReport): void {
    cli.answers = { doctor: () => report }
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
      assert.deepEqual(cli.stdout.json, [report])
    })
  }

  it('exits with 6 when no node runs', async () => {
    assert.equal(await cli.kith('doctor'), 6)
  })

  it('lets no peer write to the terminal', async () => {
    const nasty = '\u001B[2J\nok    all  fine'
    answer({ state: 'warn', findings: [{ ...warning, what: nasty, hint: nasty }] })
    await cli.kith('doctor')
    assert.ok(!cli.stdout.text.includes('\u001B'))
    assert.equal(cli.stdout.text.split('\n').length, 5)
  })
})
