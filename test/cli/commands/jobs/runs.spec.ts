import assert from 'node:assert/strict'
import { FakeCli } from '../../fake-cli.ts'
import { failed, queued, RUN, succeeded } from './reports.ts'

describe('kith jobs', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  describe('runs', () => {
    it('shows a line each, as they come', async () => {
      cli.answers = { runs: () => ({ runs: [queued, failed, succeeded] }) }
      assert.equal(await cli.kith('jobs', 'runs'), 0)
      const [head = '', ...rows] = cli.stdout.text.trimEnd().split('\n')
      assert.match(head, /^RUN +JOB +DUE +CAUSE +STATE +TRIES +TOOK +RESULT$/)
      assert.match(
        rows[0] ?? '',
        new RegExp(`^${RUN.slice(-8)} +tidy +\\S+ \\S+ +manual +queued +0 +-$`),
      )
      assert.match(
        rows[1] ?? '',
        /peer \(bob\) +timed-out +3 +1.5 s +deadline: not done within 60 s$/,
      )
      assert.match(rows[2] ?? '', /manual +succeeded +1 +1.5 s +3 files gone$/)
      assert.ok(!cli.stdout.text.includes('\u001B'))
      assert.equal(cli.stderr.text, '')
    })

    it('says where each ran, when nodes share their jobs', async () => {
      cli.answers = { runs: () => ({ runs: [queued, { ...succeeded, node: 'home' }] }) }
      await cli.kith('jobs', 'runs')
      const [head = '', ...rows] = cli.stdout.text.trimEnd().split('\n')
      assert.match(head, / TRIES +NODE +TOOK +RESULT$/)
      assert.match(rows[0] ?? '', / queued +0 +- +-$/)
      assert.match(rows[1] ?? '', / succeeded +1 +home +1.5 s +3 files gone$/)
    })

    it('has colours on a terminal', async () => {
      cli.stdout.isTTY = true
      cli.answers = { runs: () => ({ runs: [queued, failed, succeeded] }) }
      await cli.kith('jobs', 'runs')
      const painted = cli.stdout.text.match(/\u001B\[\d+m[\w-]+/g)
      assert.deepEqual(painted, ['\u001B[31mtimed-out', '\u001B[32msucceeded'])
    })

    const queries: [args: string, query: Record<string, unknown>][] = [
      ['', {}],
      ['tidy', { job: 'tidy' }],
      ['--failed --cause catch-up --by bob', { failed: true, cause: 'catch-up', by: 'bob' }],
      [
        '--since 2026-11-21T09:00:00Z --until 2026-11-22T09:00:00Z',
        { since: Date.UTC(2026, 10, 21, 9), until: Date.UTC(2026, 10, 22, 9) },
      ],
      [`-n 5 --cursor ${RUN}`, { limit: 5, cursor: RUN }],
    ]
    for (const [args, query] of queries) {
      it(`asks for ${args || 'the latest'}`, async () => {
        cli.answers = { runs: () => ({ runs: [] }) }
        const words = args === '' ? [] : args.split(' ')
        assert.equal(await cli.kith('jobs', 'runs', ...words), 0)
        assert.deepEqual(cli.calls, [['runs', { limit: 20, ...query }]])
        assert.match(cli.stdout.text, /^no runs/)
      })
    }

    it('takes a span before now', async () => {
      let since = 0
      cli.answers = {
        runs: (query) => {
          since = Number(query.since)
          return { runs: [] }
        },
      }
      await cli.kith('jobs', 'runs', '--since', '2d')
      assert.ok(Math.abs(Date.now() - since - 172_800_000) < 60_000)
    })

    it('says how to go on', async () => {
      cli.answers = { runs: () => ({ runs: [queued], cursor: RUN }) }
      await cli.kith('jobs', 'runs')
      assert.equal(
        cli.stderr.text,
        `kith: there are older ones: the same again with --cursor ${RUN}\n`,
      )
    })

    it('prints the page with --json', async () => {
      cli.answers = { runs: () => ({ runs: [queued, failed], cursor: RUN }) }
      await cli.kith('jobs', 'runs', '--json')
      assert.deepEqual(cli.stdout.json, [{ runs: [queued, failed], cursor: RUN }])
      assert.equal(cli.stderr.text, '')
    })

    it('shows all that is known of one', async () => {
      const failure = { code: 'busy', why: 'later' }
      const deliveries = [{ to: 'peer bob', state: 'dead' as const, attempts: 2, failure }]
      const more = { node: 'home', retryOf: 'x', artifact: 'y', deliveries }
      cli.answers = { showRun: () => ({ ...failed, ...more }) }
      assert.equal(await cli.kith('jobs', 'runs', '--id', RUN), 0)
      assert.deepEqual(cli.calls, [['showRun', { run: RUN }]])
      assert.match(cli.stdout.text, /^state +timed-out$/m)
      assert.match(cli.stdout.text, /^ended +\S+ \S+, after 1.5 s$/m)
      assert.match(cli.stdout.text, /^node +home$/m)
      assert.match(cli.stdout.text, /^retry of +x$/m)
      assert.match(cli.stdout.text, /^artifact +y$/m)
      assert.match(cli.stdout.text, /^delivery +peer bob: dead after 2 \(busy: later\)$/m)
      await cli.kith('jobs', 'runs', '--id', RUN, '--json')
      assert.match(cli.stdout.text, /^\{"run":.*\}$/m)
    })

    it('says of a time that is none that a span will do too', async () => {
      await cli.kith('jobs', 'runs', '--since', '2x')
      assert.match(cli.stderr.text, /It is a span before now, a date or a time: 2d, 2026-11-21\./)
    })

    for (const args of ['--since yesterday', '--cause rain', '-n 0']) {
      it(`does not take ${args}`, async () => {
        assert.equal(await cli.kith('jobs', 'runs', ...args.split(' ')), 2)
      })
    }
  })

  describe('failures', () => {
    it('asks for those that failed, and says what does their work again', async () => {
      cli.answers = { runs: () => ({ runs: [failed] }) }
      await cli.kith('jobs', 'failures', 'tidy', '--since', '2026-11-21T09:00:00Z')
      const query = { failed: true, job: 'tidy', since: Date.UTC(2026, 10, 21, 9), limit: 20 }
      assert.deepEqual(cli.calls, [['runs', query]])
      assert.match(cli.stderr.text, /kith jobs retry RUN/)
    })

    it('says that there are none', async () => {
      cli.answers = { runs: () => ({ runs: [] }) }
      assert.equal(await cli.kith('jobs', 'failures'), 0)
      assert.equal(cli.stdout.text, 'no runs that failed\n')
      assert.equal(cli.stderr.text, '')
    })
  })
})
