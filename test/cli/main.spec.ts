import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import manifest from '../../package.json' with { type: 'json' }
import { homeFor } from '../../src/cli/context.ts'
import { FakeCli } from './fake-cli.ts'
import { status } from './reports.ts'

describe('kith', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  it('prints its version', async () => {
    assert.equal(await cli.kith('--version'), 0)
    assert.equal(cli.stdout.text, `${manifest.version}\n`)
  })

  it('prints its help when asked', async () => {
    assert.equal(await cli.kith('--help'), 0)
    assert.match(cli.stdout.text, /Usage: kith/)
  })

  it('has each command in its help once, below what it is about', async () => {
    await cli.kith('--help')
    const groups = cli.stdout.text
      .split('\n\n')
      .filter((part) => /^[A-Z][a-z ]+:\n {2}[a-z]/.test(part))
    const heads = groups.map((group) => group.split('\n')[0])
    assert.deepEqual(heads.slice(0, 2), ['This node:', 'What waits for you:'])
    assert.ok(!heads.includes('Commands:'))
    const names = groups.flatMap((group) => group.match(/(?<=^ {2})[a-z-]+/gm) ?? [])
    assert.equal(new Set(names).size, names.length)
    assert.ok(names.includes('restore') && names.includes('help'))
  })

  it('prints its help as an error when nothing is said', async () => {
    assert.equal(await cli.kith(), 2)
    assert.match(cli.stderr.text, /Usage: kith/)
    assert.equal(cli.stdout.text, '')
  })

  const faults: [args: string, told: string][] = [
    ['pnig bob', "kith: unknown command 'pnig'\ntry: kith ping\n"],
    ['peers ad bob', "kith: unknown command 'ad'\ntry: kith peers add\n"],
    ['approvals gratn', "kith: unknown command 'gratn'\ntry: kith approvals grant\n"],
    [
      'approvals list now',
      "kith: too many arguments for 'list'. Expected 0 arguments but got 1.\n" +
        'try: kith approvals list --help\n',
    ],
    ['restart', "kith: unknown command 'restart'\ntry: kith daemon restart\n"],
    ['qqqq', "kith: unknown command 'qqqq'\ntry: kith --help\n"],
    ['status --jsn', "kith: unknown option '--jsn'\ntry: --json\n"],
    ['ping', "kith: missing required argument 'name'\ntry: kith ping --help\n"],
    ['ping bob -c', "kith: option '-c, --count <n>' argument missing\ntry: kith ping --help\n"],
    [
      'ping bob -c 0',
      "kith: option '-c, --count <n>' argument '0' is invalid. It is a whole number from 1 on.\n" +
        'try: kith ping --help\n',
    ],
    [
      'status now',
      "kith: too many arguments for 'status'. Expected 0 arguments but got 1.\ntry: kith status --help\n",
    ],
    [
      'init --clear --passphrase-stdin',
      "kith: option '--clear' cannot be used with option '--passphrase-stdin'\ntry: kith init --help\n",
    ],
    [
      'profile create work --clear --passphrase-stdin',
      "kith: option '--clear' cannot be used with option '--passphrase-stdin'\n" +
        'try: kith profile create --help\n',
    ],
    [
      'profile create work',
      'kith: without a terminal, say how the keys are kept: --passphrase-stdin or --clear\n' +
        'try: kith profile create work --passphrase-stdin\n',
    ],
    [
      'start --log-level loud',
      "kith: option '--log-level <level>' argument 'loud' is invalid. Allowed choices are error, warn, " +
        'info, debug, silent.\ntry: kith start --help\n',
    ],
    [
      'peers allow bob fly',
      "kith: command-argument value 'fly' is invalid for argument 'grant'. \"fly\" is none of ping, ask, " +
        'status, audit, approve, job.run, key.rotate.\ntry: kith peers allow --help\n',
    ],
  ]
  for (const [args, told] of faults) {
    it(`takes "${args}" for a misuse`, async () => {
      assert.equal(await cli.kith(...args.split(' ')), 2)
      assert.equal(cli.stderr.text, told)
      assert.equal(cli.stdout.text, '')
    })
  }

  it('tells a misuse as JSON when JSON is wanted', async () => {
    assert.equal(await cli.kith('ping', '--json'), 2)
    const message = "missing required argument 'name'"
    assert.deepEqual(cli.stderr.json, [
      {
        error: {
          code: 'usage',
          message,
          details: { what: message },
          hint: 'kith ping --help',
          fromPeer: false,
        },
      },
    ])
  })

  it('tells a failure with its hint', async () => {
    assert.equal(await cli.kith('status'), 6)
    assert.equal(cli.stderr.text, 'kith: no node is running in /nowhere/.kith\ntry: kith start\n')
  })

  it('leads on to the same home', async () => {
    await cli.kith('-p', 'work', 'status')
    assert.match(cli.stderr.text, /try: kith -p work start\n$/)
  })

  for (const [job, code, told] of [
    [undefined, 2, /^kith: "Work": a profile is 1 to 64 of a-z/],
    ['digest', 7, /^kith: .* kith stop is for a person/],
  ] as const) {
    it(`tells of a profile that cannot be with ${code}, in ${job === undefined ? 'a shell' : 'a job'}`, async () => {
      // What the client of a process is made of.
      Object.defineProperty(cli, 'client', { get: () => homeFor(cli.env, cli.globals) })
      if (job !== undefined) cli.env['KITH_JOB'] = job
      assert.equal(await cli.kith('-p', 'Work', 'stop'), code)
      assert.match(cli.stderr.text, told)
    })
  }

  it('takes global options behind the command too', async () => {
    await cli.kith('status', '--home', '/x')
    assert.match(cli.stderr.text, /try: kith --home \/x start\n$/)
  })

  it('does not take what is asked for an option', async () => {
    assert.equal(await cli.kith('ask', 'bob', '--', '--json'), 6)
    assert.deepEqual(cli.calls, [['ask', { peer: 'bob', text: '--json' }]])
    assert.match(cli.stderr.text, /^kith: /)
  })

  it('loads no schema, no network, no store and no YAML by itself', () => {
    const probe = fileURLToPath(new URL('probe.ts', import.meta.url))
    const main = fileURLToPath(new URL('../../bin/kith.js', import.meta.url))
    const { stderr, stdout } = spawnSync(process.execPath, ['--import', probe, main, '--version'], {
      encoding: 'utf8',
    })
    assert.equal(stdout, `${manifest.version}\n`)
    const loaded = stderr.trim().split('\n')
    assert.ok(loaded.includes('commander'), stderr)
    const slow = /^(zod|yaml|level|classic-level|hono|pino|multiformats|libp2p|@.*)$/
    assert.deepEqual(
      loaded.filter((name) => slow.test(name)),
      [],
    )
  })

  it('goes through the same door for each command', async () => {
    cli.answers = { status: () => status }
    assert.equal(await cli.kith('status', '--json'), 0)
    assert.deepEqual(cli.stdout.json, [status])
  })
})
