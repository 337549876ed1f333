import assert from 'node:assert/strict'
import type { RunReport } from '../../../../src/node/control/api.ts'
import { KithError } from '../../../../src/protocol/errors.ts'
import { FakeCli } from '../../fake-cli.ts'
import { failed, queued, RUN, succeeded } from './reports.ts'

describe('kith jobs', () => {
  let cli: FakeCli

  beforeEach(() => {
    cli = new FakeCli()
  })

  /** A node whose run goes through these, one at each look. */
  function running(...reports: RunReport[]): void {
    cli.answers = {
      runJob: () => queued,
      retryRun: () => queued,
      showRun: () => reports.shift() ?? failed,
    }
  }

  function inTheWay(): never {
    throw new KithError('conflict', `tidy has not ended: ${RUN}`, { activeId: RUN })
  }

  for (const [verb, call] of [
    ['run tidy', ['runJob', { job: 'tidy' }]],
    [`retry ${RUN}`, ['retryRun', { run: RUN }]],
  ] as const) {
    const [name = '', ...rest] = verb.split(' ')

    describe(name, () => {
      it('tells the run, and where to look for it', async () => {
        running()
        assert.equal(await cli.kith('jobs', name, ...rest), 0)
        assert.deepEqual(cli.calls, [call])
        assert.equal(cli.stdout.text, `${RUN} of tidy is queued\n`)
        assert.equal(cli.stderr.text, `kith: what becomes of it: kith jobs runs --id ${RUN}\n`)
      })

      it('prints the run with --json', async () => {
        running()
        await cli.kith('jobs', name, ...rest, '--json')
        assert.deepEqual(cli.stdout.json, [queued])
        assert.equal(cli.stderr.text, '')
      })

      it('stays with --wait until it has ended', async () => {
        running(queued, { ...queued, state: 'running' }, succeeded)
        assert.equal(await cli.kith('jobs', name, ...rest, '--wait'), 0)
        assert.equal(cli.slept.length, 2)
        assert.match(cli.stdout.text, /^state +succeeded$/m)
      })

      it('exits with 1 when what it waited for failed', async () => {
        running(failed)
        assert.equal(await cli.kith('jobs', name, ...rest, '--wait', '--json'), 1)
        assert.deepEqual(cli.stdout.json, [failed])
      })

      it('exits with 75 when another is in the way, and says which', async () => {
        cli.answers = { runJob: inTheWay, retryRun: inTheWay }
        assert.equal(await cli.kith('jobs', name, ...rest), 75)
        assert.equal(cli.stderr.text, `kith: tidy has not ended: ${RUN}\n`)
        assert.equal(await cli.kith('jobs', name, ...rest, '--json'), 75)
        const { error } = JSON.parse(cli.stderr.text.split('\n')[1] ?? '') as {
          error: { code: string; details: unknown }
        }
        assert.equal(error.code, 'conflict')
        assert.deepEqual(error.details, { activeId: RUN })
        assert.equal(cli.stdout.text, '')
      })

      it('leaves the run going on at Ctrl-C', async () => {
        running(queued, queued)
        cli.interrupt()
        assert.equal(await cli.kith('jobs', name, ...rest, '--wait'), 130)
        assert.equal(cli.stderr.text, `kith: the run goes on; to end it: kith jobs cancel ${RUN}\n`)
        assert.equal(cli.stdout.text, '')
      })
    })
  }

  describe('run', () => {
    it('has a peer run a job of its own', async () => {
      cli.answers = { runPeerJob: (input) => ({ ...input, run: RUN }) }
      assert.equal(await cli.kith('jobs', 'run', 'tidy', '--at', 'bob'), 0)
      assert.deepEqual(cli.calls, [['runPeerJob', { job: 'tidy', peer: 'bob' }]])
      assert.equal(cli.stdout.text, `bob runs tidy: there, it is ${RUN}\n`)
    })

    it('cannot wait for that', async () => {
      assert.equal(await cli.kith('jobs', 'run', 'tidy', '--at', 'bob', '--wait'), 2)
      assert.deepEqual(cli.calls, [])
    })
  })

  describe('cancel', () => {
    it('ends a run', async () => {
      cli.answers = { cancelRun: () => ({ ...failed, state: 'cancelled' }) }
      assert.equal(await cli.kith('jobs', 'cancel', RUN), 0)
      assert.deepEqual(cli.calls, [['cancelRun', { run: RUN }]])
      assert.equal(cli.stdout.text, `${RUN} of tidy has ended: cancelled\n`)
    })

    it('exits with 1 for one that there is not', async () => {
      cli.answers = {
        cancelRun: () => {
          const hint = { hint: 'kith jobs runs' }
          throw new KithError('unknown-run', 'there is no run x', { run: 'x' }, hint)
        },
      }
      assert.equal(await cli.kith('jobs', 'cancel', 'x'), 1)
      assert.match(cli.stderr.text, /^try: kith jobs runs$/m)
    })
  })
})
