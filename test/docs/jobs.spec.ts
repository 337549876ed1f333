/*
 * Holds docs/jobs.md to the code: its tour is taken as a reader would, its defaults are those of a job, its flags are
 * there, and its jobs.yaml is one.
 */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { nextTimes } from '../../src/node/scheduler/schedule.ts'
import { jobsSchema } from '../../src/node/scheduler/job.ts'
import { readJobs } from '../../src/node/scheduler/jobs-file.ts'
import { FakeCli } from '../cli/fake-cli.ts'
import { freePort } from '../helpers/free-port.ts'
import { tempFolder } from '../helpers/temp-folder.ts'
import { code, page, section, tables } from './markdown.ts'
import { stepsOf, takeTour, THIS_KITH } from './tour.ts'

const PAGE = page('docs/jobs.md')

describe('docs/jobs.md', function () {
  this.timeout(120_000)
  const folder = tempFolder()

  it('has a tour that works as it stands', async () => {
    const steps = stepsOf(section(PAGE, '## A first job in two minutes'))
    assert.ok(steps.length > 10)
    const translate = new Map([
      THIS_KITH,
      ['/tmp/kith-jobs', folder()],
      ['tcp/7511', `tcp/${await freePort()}`],
    ])
    await takeTour(steps, folder(), translate)
  })

  const [schedules = [], ...others] = tables(PAGE)

  it('has schedules whose flags say what stands in jobs.yaml beside them', async () => {
    for (const [flag, row] of schedules) {
      const cli = new FakeCli()
      const sent: unknown[] = []
      cli.answers = {
        editJobs: (edit) => {
          sent.push(edit.op === 'add' ? edit.job['schedule'] : edit)
          return []
        },
      }
      const args = code(flag).match(/'[^']*'|\S+/g) ?? []
      const words = args.map((word) => word.replaceAll("'", ''))
      await cli.kith('jobs', 'add', 'x', ...words, '--backup')
      const { schedule } = parse(code(row)) as { schedule: unknown }
      assert.deepEqual(sent, [schedule], flag)
    }
  })

  it('tells the defaults of a job, and flags that there are', async () => {
    const cli = new FakeCli()
    await cli.kith('jobs', 'add', '--help')
    const [job] = jobsSchema.parse({
      version: 1,
      jobs: [{ name: 'x', zone: 'UTC', schedule: { kind: 'manual' }, target: { kind: 'backup' } }],
    })
    assert.ok(job)
    const { attempts, limits, missed } = job
    const defaults = {
      jitter_seconds: job.jitterMs / 1_000,
      'missed.policy': missed.policy,
      'missed.window_seconds': missed.windowMs / 1_000,
      overlap: job.overlap,
      'attempts.max': attempts.max,
      'attempts.base_seconds': attempts.baseMs / 1_000,
      'attempts.max_seconds': attempts.maxMs / 1_000,
      pause_after: job.pauseAfter,
      'limits.total_seconds': limits.totalMs / 1_000,
      'limits.progress_seconds': limits.progressMs / 1_000,
      'limits.claim_seconds': limits.claimMs / 1_000,
      'limits.queue_seconds': limits.queueMs / 1_000,
      'limits.heartbeat_seconds': limits.heartbeatMs / 1_000,
    }
    const keys = others.find((rows) => code(rows[0]?.[0]) === 'jitter_seconds') ?? []
    assert.deepEqual(
      Object.fromEntries(keys.map(([key, , value]) => [code(key), code(value)])),
      Object.fromEntries(Object.entries(defaults).map(([key, value]) => [key, String(value)])),
    )
    for (const flag of PAGE.match(/(?<=`)--[a-z-]+/g) ?? []) {
      const there = new RegExp(`^ +(-., )?${flag}( |$)`, 'm')
      assert.ok(there.test(cli.stdout.text) || OTHER_FLAGS.includes(flag), flag)
    }
  })

  it('has a jobs.yaml that is one', async () => {
    const [, yaml = ''] = /^```yaml\n([^]*?)^```$/m.exec(section(PAGE, '## On paper')) ?? []
    const path = join(folder(), 'jobs.yaml')
    await writeFile(path, yaml, { mode: 0o600 })
    const names = (await readJobs(path)).map(({ name }) => name)
    assert.deepEqual(names, ['roof', 'news'])
  })

  it('has a feed that is one, and tells its defaults', () => {
    const [, yaml = ''] = /^```yaml\n([^]*?)^```$/m.exec(section(PAGE, '## Feeds')) ?? []
    const [{ feed } = {}] = jobsSchema.parse(parse(yaml))
    assert.ok(feed)
    const keys = others.find((rows) => code(rows[0]?.[0]) === 'folder') ?? []
    assert.deepEqual(
      keys.map(([key, value]) => `${code(key)} ${value ?? ''}`.trim()),
      [
        'folder',
        'accept',
        `max_bytes ${feed.maxBytes}`,
        `quarantine_after ${feed.quarantineAfter}`,
        `batch ${feed.batch}`,
      ],
    )
  })

  it('has deliveries that are some, and tells their defaults', () => {
    const [, yaml = ''] = /^```yaml\n([^]*?)^```$/m.exec(section(PAGE, '## Results')) ?? []
    const [job] = jobsSchema.parse(parse(yaml))
    assert.ok(job)
    assert.deepEqual(
      job.deliver.map(({ to, when }) => `${to.kind} ${when}`),
      ['file success', 'peer accepted', 'webhook always'],
    )
    const keys = others.find((rows) => code(rows[0]?.[0]) === 'artifact.keep') ?? []
    assert.deepEqual(
      keys.map(([key, value]) => `${code(key)} ${code(value)}`.trim()),
      [
        `artifact.keep ${job.artifact.keep}`,
        `artifact.sensitivity ${job.artifact.sensitivity}`,
        ...['deliver[].file', 'deliver[].peer', 'deliver[].webhook'],
        `deliver[].when ${job.deliver[0]?.when ?? ''}`,
      ],
    )
  })

  it('is right about the days on which clocks change', () => {
    const daily = { kind: 'daily', at: '02:30' } as const
    const [spring] = nextTimes(daily, 'Europe/Berlin', Date.UTC(2027, 2, 27, 12), 1)
    assert.equal(spring, Date.UTC(2027, 2, 28, 1), 'when they go on, at 03:00')
    const autumn = nextTimes(daily, 'Europe/Berlin', Date.UTC(2027, 9, 30, 12), 2)
    assert.deepEqual(autumn, [Date.UTC(2027, 9, 31, 0, 30), Date.UTC(2027, 10, 1, 1, 30)])
  })
})

/** Those of other commands that the page speaks of without naming the command in the same breath. */
const OTHER_FLAGS = [
  '--cause',
  '--by',
  '--cursor',
  '--file',
  '--replace',
  '--json',
  '--once',
  '--passphrase-stdin',
]
