import assert from 'node:assert/strict'
import type { ShownLine } from '../../../src/cli/records-module.ts'
import type { DiffReport } from '../../../src/node/control/api.ts'
import { FakeCli } from '../fake-cli.ts'

const AT = Date.UTC(2026, 10, 21, 9)

const DIFF: DiffReport = {
  ...{ since: AT, until: AT + 1, comparedWith: AT },
  changes: [{ kind: 'grants', subject: 'nas', what: 'nas gained ask\u001b[2J' }],
  activity: {
    ...{ asked: { in: 3, out: 1 }, sessions: 2, compactions: 1, runs: { ended: 4, failed: 1 } },
    cost: { microUsd: 1_500_000, tokens: 900, calls: 3, unpriced: 1 },
  },
}

describe('kith logs', () => {
  let cli: FakeCli
  let wanted: unknown[]
  const lines: ShownLine[] = [
    {
      source: 'service',
      at: AT,
      fields: { level: 'error', time: 'x', msg: 'it\u001b[2J broke', peer: 'a' },
      text: '',
    },
    { source: 'runs', at: AT, fields: { at: 'x', outcome: 'done', n: 3 }, text: '' },
    { source: 'runs', at: AT, fields: { level: '\u001b]52;c;QQ==\u0007hot', msg: 'x' }, text: '' },
    { source: 'service', profile: 'work', at: AT, text: '    at \u0007stack' },
  ]

  beforeEach(() => {
    cli = new FakeCli()
    wanted = []
    cli.recordsModule = {
      logPlaces: (init) => {
        wanted.push([init.sources, init.allProfiles])
        return Promise.resolve([])
      },
      readLogs: async function* (_, options, follow) {
        await Promise.resolve()
        wanted.push([options, follow !== undefined])
        yield lines
      },
    }
  })

  it('says so when there is nothing to show', async () => {
    cli.recordsModule.readLogs = async function* () {
      await Promise.resolve()
      yield []
    }
    assert.equal(await cli.kith('logs', '--source', 'runs'), 0)
    assert.deepEqual([cli.stdout.text, cli.stderr.text], ['', 'kith: no line fits\n'])
  })

  it('G01: shows a line each, with its source and level, safe for a terminal', async () => {
    cli.stdout.isTTY = true
    assert.equal(await cli.kith('logs'), 0)
    const [first = '', second = '', odd = '', third = ''] = cli.stdout.text.split('\n')
    assert.match(first, /service {5,}\S*error {2}\S*it broke peer=a$/)
    assert.ok(first.includes('\u001b[31merror'))
    assert.match(second, /runs {8,}outcome=done n=3$/)
    assert.match(odd, /runs {8,}[\]52;c;Q=hot]+ +x$/)
    assert.match(third, /work service {2}at stack$/)
    assert.deepEqual(wanted, [
      [[], false],
      [{ count: 50 }, false],
    ])
  })

  it('G01: takes a number, a time, sources and profiles', async () => {
    assert.equal(
      await cli.kith('logs', '-n', '5', '--source', 'agent,runs', '--all-profiles', '--json'),
      0,
    )
    assert.deepEqual(wanted, [
      [['agent', 'runs'], true],
      [{ count: 5 }, false],
    ])
    assert.equal(cli.stdout.json.length, 4)
    wanted = []
    assert.equal(await cli.kith('logs', '--since', '2026-11-21T09:00:00Z', '-f'), 0)
    assert.deepEqual(wanted[1], [{ count: 100_000, since: AT }, true])
    for (const bad of [
      ['-n', '0'],
      ['--since', 'once'],
      ['--since', '5x'],
    ]) {
      assert.equal(await cli.kith('logs', ...bad), 2)
    }
  })
})

describe('kith diff', () => {
  it('G09: shows what has changed and what was done, running or not', async () => {
    const cli = new FakeCli()
    cli.answers = { diff: () => DIFF }
    assert.equal(await cli.kith('diff', '--since', '7d'), 0)
    const running = cli.stdout.text
    assert.match(running, /^ {2}nas gained ask$/m)
    assert.match(running, /^ {2}asks: 3 here, 1 sent to peers; 2 sessions, 1 compactions$/m)
    assert.match(
      running,
      /^ {2}spent: \$1\.50 for 3 calls, 900 tokens, and 1 calls without a price$/m,
    )
    const off = new FakeCli()
    off.recordsModule = { diffOffline: () => Promise.resolve(DIFF) }
    assert.equal(await off.kith('diff', '--since', '2026-11-21'), 0)
    assert.equal(off.stdout.text, running)
  })

  it('G09: says so when what was before was not kept', async () => {
    const cli = new FakeCli()
    cli.answers = { diff: () => ({ ...DIFF, comparedWith: AT + 5, changes: [] }) }
    await cli.kith('diff')
    assert.match(cli.stderr.text, /what was before .* was not kept/)
    assert.match(cli.stdout.text, /nothing is set up differently/)
    const { since, until, changes, activity } = DIFF
    cli.answers = { diff: () => ({ since, until, changes, activity }) }
    await cli.kith('diff')
    assert.match(cli.stderr.text, /was not kept/)
  })
})

describe('kith digest', () => {
  it('G09: shows what needs attention with its remedy, and no more than there is', async () => {
    const cli = new FakeCli()
    const { cost } = DIFF.activity
    const empty = {
      ...{
        since: AT,
        until: AT,
        attention: [],
        alerts: [],
        gone: [],
        denials: [],
        compactions: 0,
        cost,
      },
      runs: { byOutcome: {}, slowest: [] },
    }
    cli.answers = { digest: () => empty }
    assert.equal(await cli.kith('digest'), 0)
    assert.match(cli.stdout.text, /^needs attention\n {2}nothing\nopen alerts\n {2}nothing$/m)
    cli.stdout.text = ''
    cli.answers = {
      digest: () => ({
        ...empty,
        attention: [
          { check: 'jobs', state: 'warn', what: 'x is failing', hint: 'kith jobs failures x' },
        ],
        gone: [{ peer: 'ada' }],
        runs: {
          byOutcome: { failed: 2, succeeded: 5 },
          slowest: [{ run: 'r', job: 'x', ms: 61_000 }],
        },
        denials: [{ peer: 'eve', calls: 7 }],
      }),
    }
    assert.equal(await cli.kith('digest'), 0)
    for (const line of [
      'warn  x is failing',
      '      try: kith jobs failures x',
      'gone  ada: never seen',
      '2 failed, 5 succeeded',
      '1 min 1 s  x  r',
      '7 calls of eve',
    ]) {
      assert.ok(cli.stdout.text.includes(`  ${line}\n`), line)
    }
    assert.equal(await new FakeCli().kith('digest'), 6)
  })
})
