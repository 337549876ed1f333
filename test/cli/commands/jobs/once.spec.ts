import assert from 'node:assert/strict'
import type { DaemonModule } from '../../../../src/cli/context.ts'
import { KithError } from '../../../../src/protocol/errors.ts'
import { FakeCli } from '../../fake-cli.ts'
import { failed, succeeded } from './reports.ts'

type Init = Parameters<DaemonModule['runJobsOnce']>[0]

describe('kith', () => {
  let cli: FakeCli
  let inits: Init[]

  beforeEach(() => {
    cli = new FakeCli()
    inits = []
  })

  /** What a node of its own comes to. */
  function once(
    end: { exitCode: number; refused: string[] },
    runs: Parameters<Init['onRun']>[0][] = [],
  ): void {
    cli.runJobsOnce = async (init) => {
      inits.push(init)
      for (const run of runs) init.onRun(run)
      return end
    }
  }

  describe('jobs run-due', () => {
    it('has the running node do it', async () => {
      cli.answers = { runDue: () => ({ runs: [succeeded], refused: [] }) }
      assert.equal(await cli.kith('jobs', 'run-due'), 0)
      assert.equal(cli.stdout.text, 'succeeded tidy, 1.5 s: 3 files gone\n')
      assert.deepEqual(inits, [])
    })

    it('exits with 1 when a run failed, and prints a line of JSON each', async () => {
      cli.answers = { runDue: () => ({ runs: [succeeded, failed], refused: ['x'] }) }
      assert.equal(await cli.kith('jobs', 'run-due', '--json'), 1)
      assert.deepEqual(cli.stdout.json, [succeeded, failed])
    })

    it('exits with 75 when a job could not run', async () => {
      cli.answers = { runDue: () => ({ runs: [succeeded], refused: ['x'] }) }
      assert.equal(await cli.kith('jobs', 'run-due'), 75)
      assert.match(cli.stderr.text, /^kith: x cannot run now/)
    })

    it('says that nothing is due', async () => {
      cli.answers = { runDue: () => ({ runs: [], refused: [] }) }
      assert.equal(await cli.kith('jobs', 'run-due'), 0)
      assert.equal(cli.stderr.text, 'kith: nothing is due\n')
    })

    it('opens the node itself when none runs', async () => {
      once({ exitCode: 1, refused: [] }, [failed])
      assert.equal(await cli.kith('jobs', 'run-due'), 1)
      assert.equal(cli.stdout.text, 'timed-out tidy, 1.5 s: deadline: not done within 60 s\n')
      assert.deepEqual(inits[0]?.jobs, [])
    })

    it('leaves what runs in the node at Ctrl-C', async () => {
      cli.interrupt()
      cli.answers = {
        runDue: () => {
          throw new Error('aborted')
        },
      }
      assert.equal(await cli.kith('jobs', 'run-due'), 130)
      assert.equal(cli.stderr.text, 'kith: what runs goes on in the node\n')
    })
  })

  describe('start --once', () => {
    it('hands on what was said, and logs to stderr no more than warnings', async () => {
      once({ exitCode: 0, refused: [] }, [succeeded])
      assert.equal(await cli.kith('start', '--once', 'tidy', 'x', '--listen', '/a'), 0)
      const [init] = inits
      assert.deepEqual(init?.jobs, ['tidy', 'x'])
      assert.deepEqual(init.flags, { 'log.level': 'warn', listen: ['/a'] })
      assert.equal(init.stdout, cli.stderr)
      assert.equal(cli.stdout.text, 'succeeded tidy, 1.5 s: 3 files gone\n')
      assert.equal(cli.stderr.text, '')
    })

    it('logs as it is told', async () => {
      once({ exitCode: 0, refused: [] })
      await cli.kith('start', '--once', '--log-level', 'debug')
      assert.deepEqual(inits[0]?.flags, { 'log.level': 'debug' })
      assert.equal(cli.stderr.text, 'kith: nothing is due\n')
    })

    for (const exitCode of [0, 1, 75, 130]) {
      it(`exits with ${exitCode} when the node does`, async () => {
        once({ exitCode, refused: exitCode === 75 ? ['x'] : [] }, [succeeded])
        assert.equal(await cli.kith('start', '--once', '--json'), exitCode)
        assert.deepEqual(cli.stdout.json, [succeeded])
      })
    }

    it('opens sealed keys with what is piped', async () => {
      cli.runJobsOnce = async (init) => {
        inits.push(init)
        if (init.passphrase === 'geheim') return { exitCode: 0, refused: [] }
        throw new KithError('passphrase', 'sealed', { given: init.passphrase !== undefined })
      }
      cli.stdin.end('geheim\n')
      assert.equal(await cli.kith('start', '--once', '--passphrase-stdin'), 0)
      assert.equal(await cli.kith('jobs', 'run-due'), 7, 'nobody is there to be asked')
    })

    it('exits with 75 where a node runs, and says what that node can do', async () => {
      cli.runJobsOnce = async () => {
        throw new KithError('locked', 'a node is running', { home: '/x' }, { hint: 'kith stop' })
      }
      assert.equal(await cli.kith('start', '--once'), 75)
      assert.match(cli.stderr.text, /kith jobs run-due/)
    })

    it('takes no jobs without --once', async () => {
      assert.equal(await cli.kith('start', 'tidy'), 2)
      assert.match(cli.stderr.text, /jobs are named with --once/)
    })
  })
})
