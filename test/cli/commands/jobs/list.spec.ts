import assert from 'node:assert/strict'
import type { JobReport } from '../../../../src/node/control/api.ts'
import { timesTable } from '../../../../src/cli/commands/jobs/next.ts'
import { KithError } from '../../../../src/protocol/errors.ts'
import { FakeCli } from '../../fake-cli.ts'
import { morning, RUN, tidy } from './reports.ts'

describe('kith jobs', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  describe('list', () => {
    it('shows a line each, as they come', async () => {
      cli.answers = { jobs: () => [tidy, morning] }
      assert.equal(await cli.kith('jobs', 'list'), 0)
      const [head = '', first = '', second = ''] = cli.stdout.text.split('\n')
      assert.match(head, /^NAME +STATE +NEXT +LAST SUCCESS +WHEN +WHAT$/)
      assert.match(
        first,
        /^tidy +waiting +2026-11-2\d \S+ +- +daily 04:00, Europe\/Berlin +command tidy/,
      )
      assert.match(second, /^morning +disabled +- +- +manual +ask bob: what is new\?$/)
    })

    it('keeps what a text of a job could do from the terminal', async () => {
      cli.answers = { jobs: () => [{ ...morning, target: 'ask bob: a\u001B[2J\nb' }] }
      await cli.kith('jobs', 'list')
      assert.match(cli.stdout.text, /ask bob: a b\n$/)
    })

    const colours: [JobReport['standing'], number | undefined][] = [
      ['stuck', 31],
      ['overdue', 31],
      ['failing', 33],
      ['paused', 33],
      ['busy', 32],
      ['waiting', undefined],
      ['disabled', undefined],
    ]
    for (const [standing, colour] of colours) {
      it(`shows ${standing} in its colour on a terminal, and the columns stay`, async () => {
        cli.stdout.isTTY = true
        cli.answers = { jobs: () => [{ ...tidy, standing }] }
        await cli.kith('jobs', 'list')
        const painted = `\u001B[${colour ?? 0}m${standing}\u001B[39m`
        assert.equal(cli.stdout.text.includes(painted), colour !== undefined)
        const [head = '', row = ''] = cli.stdout.text.replaceAll(/\u001B\[\d+m/g, '').split('\n')
        assert.equal(head.indexOf('NEXT'), row.indexOf('2026'))
      })
    }

    it('says what to type where there are none', async () => {
      cli.answers = { jobs: () => [] }
      await cli.kith('jobs', 'list')
      assert.equal(cli.stdout.text, 'no jobs: kith jobs add --help\n')
    })

    it('reads the file when no node runs', async () => {
      cli.offlineNode = { listJobs: async () => [morning] }
      assert.equal(await cli.kith('jobs', 'list', '--json'), 0)
      assert.deepEqual(cli.stdout.json, [[morning]])
    })

    it('does not read it when the node refuses', async () => {
      cli.answers = {
        jobs: () => {
          throw new KithError('store-failed', 'no disk', { folder: '/x' })
        },
      }
      assert.equal(await cli.kith('jobs', 'list'), 1)
    })
  })

  describe('show', () => {
    const definition = 'name: tidy\n# at night\nzone: Europe/Berlin\n'

    it('shows what is known, and the entry', async () => {
      const paused = { who: 'scheduler', why: '5 runs in a row have failed', at: 0 }
      const shown: JobReport = { ...tidy, standing: 'paused', paused, failures: 5, activeRun: RUN }
      cli.answers = { showJob: () => ({ ...shown, definition }) }
      assert.equal(await cli.kith('jobs', 'show', 'tidy'), 0)
      assert.match(cli.stdout.text, /^state +paused$/m)
      assert.match(cli.stdout.text, /^paused +by scheduler, .*: 5 runs in a row have failed$/m)
      assert.match(cli.stdout.text, /^failures +5 in a row$/m)
      assert.match(cli.stdout.text, new RegExp(`^run +${RUN}$`, 'm'))
      assert.ok(cli.stdout.text.endsWith(`\nin jobs.yaml:\n${definition}`))
    })

    it('leaves out what there is none of', async () => {
      cli.answers = { showJob: () => ({ ...morning, definition }) }
      await cli.kith('jobs', 'show', 'morning')
      assert.doesNotMatch(cli.stdout.text, /^(paused|failures|run|next) /m)
    })

    it('reads the file when no node runs', async () => {
      cli.offlineNode = { showJob: async (_home, _env, name) => ({ ...tidy, name, definition }) }
      assert.equal(await cli.kith('jobs', 'show', 'x', '--json'), 0)
      assert.deepEqual(cli.stdout.json, [{ ...tidy, name: 'x', definition }])
    })
  })

  describe('next', () => {
    it('asks for five times, or as many as are wanted', async () => {
      cli.answers = { nextTimes: () => ({ zone: 'UTC', times: [0] }) }
      await cli.kith('jobs', 'next', 'tidy')
      await cli.kith('jobs', 'next', 'tidy', '-n', '7', '--json')
      assert.deepEqual(cli.calls, [
        ['nextTimes', { job: 'tidy', count: 5 }],
        ['nextTimes', { job: 'tidy', count: 7 }],
      ])
      assert.deepEqual(JSON.parse(cli.stdout.text.trim().split('\n').at(-1) ?? ''), {
        zone: 'UTC',
        times: [0],
      })
    })

    it('says of a job that is never due what starts it', async () => {
      cli.offlineNode = { nextTimes: async () => ({ zone: 'UTC', times: [] }) }
      assert.equal(await cli.kith('jobs', 'next', 'tidy'), 0)
      assert.equal(cli.stdout.text, '')
      assert.equal(cli.stderr.text, 'kith: tidy is never due: somebody has to run it\n')
    })

    // At 02:00 the clocks of Berlin go on to 03:00, and in autumn they go back from 03:00.
    const changes: [what: string, times: number[], rows: string[]][] = [
      [
        'spring',
        [Date.UTC(2027, 2, 27, 1, 30), Date.UTC(2027, 2, 28, 1), Date.UTC(2027, 2, 29, 0, 30)],
        [
          '2027-03-27 02:30:00  +01:00',
          '2027-03-28 03:00:00  +02:00',
          '2027-03-29 02:30:00  +02:00',
        ],
      ],
      [
        'autumn',
        [Date.UTC(2027, 9, 30, 0, 30), Date.UTC(2027, 9, 31, 0, 30), Date.UTC(2027, 10, 1, 1, 30)],
        [
          '2027-10-30 02:30:00  +02:00',
          '2027-10-31 02:30:00  +02:00',
          '2027-11-01 02:30:00  +01:00',
        ],
      ],
    ]
    for (const [what, times, rows] of changes) {
      it(`shows how far the clocks are from UTC on both sides of the change in ${what}`, () => {
        const lines = timesTable({ zone: 'Europe/Berlin', times }).split('\n').slice(1)
        assert.deepEqual(
          lines.map((line) => line.slice(0, rows[0]?.length)),
          rows,
        )
      })
    }

    it('shows the clocks here beside those of the zone, where they differ', () => {
      const { timeZone: zone } = Intl.DateTimeFormat().resolvedOptions()
      assert.doesNotMatch(timesTable({ zone, times: [Date.UTC(2026, 0, 1)] }), /HERE/)
      const [head, row] = timesTable({
        zone: 'Pacific/Kiritimati',
        times: [Date.UTC(2026, 0, 1)],
      }).split('\n')
      assert.match(head ?? '', /^PACIFIC\/KIRITIMATI +FROM UTC +HERE$/)
      assert.match(row ?? '', /^2026-01-01 14:00:00 +\+14:00 +202\S+ \S+$/)
    })
  })
})
