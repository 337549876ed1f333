import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import type { JobReport } from '../../../../src/node/control/api.ts'
import { FakeCli } from '../../fake-cli.ts'
import { tidy } from './reports.ts'

describe('kith jobs add', () => {
  let cli: FakeCli
  let edits: unknown[]
  let made: JobReport

  beforeEach(() => {
    cli = new FakeCli()
    edits = []
    made = { ...tidy, enabled: false, standing: 'disabled' }
    cli.answers = {
      editJobs: (edit) => {
        edits.push(edit)
        return [made]
      },
    }
  })

  /** The job that was sent. */
  function sent(): unknown {
    const [edit, ...others] = edits
    assert.deepEqual(others, [])
    assert.ok(edit !== null && typeof edit === 'object' && 'job' in edit)
    return edit.job
  }

  const manual = { schedule: { kind: 'manual' }, zone: 'UTC' }
  const backup = { kind: 'backup' }
  const when = '--manual --zone UTC'

  const jobs: [args: string, job: Record<string, unknown>][] = [
    [
      '--daily 07:30 --zone Europe/Berlin --backup',
      { schedule: { kind: 'daily', at: '07:30' }, zone: 'Europe/Berlin', target: backup },
    ],
    [
      '--daily 7:30 --zone UTC --backup',
      { schedule: { kind: 'daily', at: '07:30' }, zone: 'UTC', target: backup },
    ],
    [
      '--weekly Mon,fri@23:05 --zone UTC --backup',
      {
        schedule: { kind: 'weekly', days: ['mon', 'fri'], at: '23:05' },
        zone: 'UTC',
        target: backup,
      },
    ],
    [
      '--every 90m --zone UTC --backup',
      { schedule: { kind: 'interval', every_seconds: 5_400 }, zone: 'UTC', target: backup },
    ],
    [`${when} --backup`, { ...manual, target: backup }],
    [
      `${when} --ask bob what is new?`,
      { ...manual, target: { kind: 'ask', peer: 'bob', text: 'what is new?', egress: 'peers' } },
    ],
    [
      `${when} --ask bob hi --egress provider`,
      { ...manual, target: { kind: 'ask', peer: 'bob', text: 'hi', egress: 'provider' } },
    ],
    [
      `${when} --ask self hi --preset read-only --egress local-model --max-usd 0.25 --max-tokens 9`,
      {
        ...manual,
        target: {
          kind: 'ask',
          peer: 'self',
          text: 'hi',
          preset: 'read-only',
          egress: 'local-model',
          budget: { usd: 0.25, tokens: 9 },
        },
      },
    ],
    [
      `${when} --cwd /tmp --command -- ls -l --json`,
      { ...manual, target: { kind: 'command', argv: ['ls', '-l', '--json'], cwd: '/tmp' } },
    ],
    [
      `${when} --webhook https://a.example/x --secret env:HOOK`,
      { ...manual, target: { kind: 'webhook', url: 'https://a.example/x', secret: 'env:HOOK' } },
    ],
    [
      `${when} --backup --missed all --missed-window 2d --overlap queue --jitter 30s`,
      {
        ...manual,
        target: backup,
        missed: { policy: 'all', window_seconds: 172_800 },
        overlap: 'queue',
        jitter_seconds: 30,
      },
    ],
    [
      `${when} --backup --attempts 3 --backoff 10s --max-backoff 5m --pause-after 2`,
      {
        ...manual,
        target: backup,
        attempts: { max: 3, base_seconds: 10, max_seconds: 300 },
        pause_after: 2,
      },
    ],
    [
      `${when} --backup --timeout 2h --silence 5m --run-by bob,carol`,
      {
        ...manual,
        target: backup,
        limits: { progress_seconds: 300, total_seconds: 7_200 },
        run_by: ['bob', 'carol'],
      },
    ],
    [
      `${when} --ask self sum up --feed inbox --accept *.md,*.txt --sensitivity secret`,
      {
        ...manual,
        target: { kind: 'ask', peer: 'self', text: 'sum up' },
        feed: { folder: resolve('inbox'), accept: ['*.md', '*.txt'] },
        artifact: { sensitivity: 'secret' },
      },
    ],
    [
      `${when} --backup --deliver file:out.txt --deliver peer:bob`,
      { ...manual, target: backup, deliver: [{ file: resolve('out.txt') }, { peer: 'bob' }] },
    ],
    [`${when} --backup --enable`, { ...manual, enabled: true, target: backup }],
  ]
  for (const [args, job] of jobs) {
    it(`takes ${args}`, async () => {
      assert.equal(await cli.kith('jobs', 'add', 'tidy', ...args.split(' ')), 0, cli.stderr.text)
      assert.deepEqual(sent(), { name: 'tidy', ...job })
    })
  }

  it('takes a pattern in one word, with what blanks there are', async () => {
    const args = ['--cron', ' 0 3  * * 1-5', '--zone', 'UTC', '--backup']
    assert.equal(await cli.kith('jobs', 'add', 'tidy', ...args), 0)
    const schedule = { kind: 'cron', pattern: '0 3 * * 1-5' }
    assert.deepEqual(sent(), { name: 'tidy', schedule, zone: 'UTC', target: backup })
  })

  it('is on the clocks of this machine unless a zone is named', async () => {
    await cli.kith('jobs', 'add', 'tidy', '--manual', '--backup')
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
    assert.deepEqual(sent(), { name: 'tidy', ...manual, zone: timeZone, target: backup })
  })

  it('reads the text of an ask from the standard input', async () => {
    cli.stdin.end('what\nis new?\n')
    await cli.kith('jobs', 'add', 'tidy', ...when.split(' '), '--ask', 'self', '-')
    const target = { kind: 'ask', peer: 'self', text: 'what\nis new?' }
    assert.deepEqual(sent(), { name: 'tidy', ...manual, target })
  })

  it('says that the job is off, and what turns it on', async () => {
    await cli.kith('--home', '/x', 'jobs', 'add', 'tidy', '--manual', '--command', '--', 'true')
    assert.equal(cli.stdout.text, 'tidy is made, and off\n')
    assert.equal(
      cli.stderr.text,
      'kith: to have it run when it is due: kith --home /x jobs enable tidy\n',
    )
  })

  it('says when it runs, if it is on', async () => {
    made = tidy
    await cli.kith('jobs', 'add', 'tidy', '--daily', '04:00', '--enable', '--command', '--', 'true')
    assert.match(cli.stdout.text, /^tidy is made, and on, next at 2026-11-2\d \d\d:\d\d:\d\d\n$/)
    assert.equal(cli.stderr.text, '')
  })

  it('says what a backup wants that the config has not', async () => {
    made = tidy
    cli.env['KITH_BACKUP_TO'] = '/mnt/backups'
    await cli.kith('jobs', 'add', 'tidy', '--daily', '04:00', '--backup', '--enable')
    assert.equal(
      cli.stderr.text,
      'kith: it fails until backup.recipients is set: kith backup keygen FILE\n',
    )
  })

  it('prints the job with --json', async () => {
    await cli.kith('jobs', 'add', 'tidy', '--manual', '--backup', '--json')
    assert.deepEqual(cli.stdout.json, [made])
    assert.equal(cli.stderr.text, '')
  })

  it('works on the file when no node runs', async () => {
    cli.answers = {}
    cli.offlineNode = {
      editJobs: async (home, _env, edit) => {
        assert.equal(home, cli.home)
        edits.push(edit)
        return [made]
      },
    }
    assert.equal(await cli.kith('jobs', 'add', 'tidy', ...when.split(' '), '--backup'), 0)
    assert.deepEqual(sent(), { name: 'tidy', ...manual, target: backup })
  })

  const slips: [args: string, said: RegExp][] = [
    ['--backup', /say when: one of --daily 07:30/],
    ['--manual', /say what it does: one of --ask PEER TEXT/],
    ['--manual --preset full', /say what it does/],
    ['--manual --daily 07:30 --backup', /a job has one schedule/],
    ['--manual --backup --ask bob hi', /a job does one thing/],
    ['--manual --ask bob', /say what to ask bob/],
    ['--manual --command', /say which program/],
    ['--manual --backup ls', /"ls" belongs to no --ask PEER/],
    ['--manual --backup --preset full', /go with --ask/],
    ['--manual --command --egress none -- ls', /go with --ask/],
    ['--manual --ask bob hi --cwd /tmp', /--cwd goes with --command/],
    ['--manual --backup --secret env:X', /--secret goes with --webhook/],
    ['--daily 24:00 --backup', /It is a time of day/],
    ['--daily 7 --backup', /It is a time of day/],
    ['--weekly mon,mon@07:30 --backup', /It is days of mon,tue/],
    ['--weekly montag@07:30 --backup', /It is days of mon,tue/],
    ['--weekly mon@7h --backup', /It is a time of day/],
    ['--weekly mon --backup', /It is days of mon,tue/],
    ['--every 0 --backup', /It is a time span from 1s on/],
    ['--every 5 --backup', /It is a number and s, m, h or d/],
    ['--cron @daily --backup', /It has five fields/],
    ['--manual --zone Europe/Narnia --backup', /It is the name of a time zone/],
    ['--manual --missed never --backup', /Allowed choices are skip, once, all/],
    ['--manual --overlap kill --backup', /Allowed choices are skip, queue, replace/],
    ['--manual --attempts 0 --backup', /It is a whole number from 1 on/],
    ['--manual --deliver out.txt --backup', /It is file:PATH or peer:NAME/],
  ]
  for (const [args, said] of slips) {
    it(`does not take ${args}`, async () => {
      assert.equal(await cli.kith('jobs', 'add', 'tidy', ...args.split(' ')), 2)
      assert.match(cli.stderr.text, said)
      assert.deepEqual(edits, [])
    })
  }
})
