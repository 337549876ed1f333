import assert from 'node:assert/strict'
import type { JobReport } from '../../../../src/node/control/api.ts'
import { FakeCli } from '../../fake-cli.ts'
import { morning, tidy } from './reports.ts'

const paused: JobReport = {
  ...tidy,
  standing: 'paused',
  paused: { who: 'self', why: 'holidays', at: 0 },
}

describe('kith jobs', () => {
  let cli: FakeCli
  let edits: unknown[]

  beforeEach(() => {
    cli = new FakeCli()
    edits = []
  })

  /** A running node that has this job after an edit. */
  function running(job: JobReport): void {
    cli.answers = {
      editJobs: (edit) => {
        edits.push(edit)
        return [job]
      },
      pauseJob: () => job,
      resumeJob: () => job,
    }
  }

  it('enable turns a job on, and says when it runs', async () => {
    running(tidy)
    assert.equal(await cli.kith('jobs', 'enable', 'tidy'), 0)
    assert.deepEqual(edits, [{ op: 'change', name: 'tidy', changes: { enabled: true } }])
    assert.match(cli.stdout.text, /^tidy is on, next at 2026-/)
    assert.equal(cli.stderr.text, '')
  })

  it('enable says of a paused job that it is', async () => {
    running(paused)
    await cli.kith('jobs', 'enable', 'tidy')
    assert.equal(cli.stderr.text, 'kith: it is paused, too: kith jobs resume tidy\n')
  })

  it('disable turns a job off', async () => {
    running({ ...morning, nextAt: 1 })
    await cli.kith('jobs', 'disable', 'morning')
    assert.deepEqual(edits, [{ op: 'change', name: 'morning', changes: { enabled: false } }])
    assert.equal(cli.stdout.text, 'morning is off\n')
  })

  it('pause says why, and what ends it', async () => {
    running(paused)
    await cli.kith('jobs', 'pause', 'tidy', '--why', 'holidays')
    assert.deepEqual(cli.calls, [['pauseJob', { job: 'tidy', why: 'holidays' }]])
    assert.equal(cli.stdout.text, 'tidy is paused\n')
    assert.equal(cli.stderr.text, 'kith: until: kith jobs resume tidy\n')
  })

  it('pause takes no reason too', async () => {
    running(paused)
    await cli.kith('jobs', 'pause', 'tidy', '--json')
    assert.deepEqual(cli.calls, [['pauseJob', { job: 'tidy', why: 'no reason given' }]])
    assert.deepEqual(cli.stdout.json, [paused])
  })

  it('resume says when it runs', async () => {
    running(tidy)
    await cli.kith('jobs', 'resume', 'tidy')
    assert.match(cli.stdout.text, /^tidy goes on, next at 2026-/)
    assert.equal(cli.stderr.text, '')
  })

  it('resume says of a job that is off that it is', async () => {
    running(morning)
    await cli.kith('jobs', 'resume', 'morning')
    assert.equal(cli.stdout.text, 'morning goes on\n')
    assert.equal(cli.stderr.text, 'kith: it is off, too: kith jobs enable morning\n')
  })

  it('rm takes a job out', async () => {
    running(tidy)
    await cli.kith('jobs', 'rm', 'morning')
    assert.deepEqual(edits, [{ op: 'remove', name: 'morning' }])
    assert.equal(cli.stdout.text, 'morning is no longer a job\n')
    await cli.kith('jobs', 'rm', 'morning', '--json')
    assert.equal(cli.stdout.text.split('\n')[1], '{"removed":"morning"}')
  })

  for (const verb of ['pause tidy', 'resume tidy', 'runs', 'run tidy', 'retry x', 'cancel x']) {
    it(`${verb.split(' ')[0] ?? ''} needs a node, and says what starts it`, async () => {
      assert.equal(await cli.kith('jobs', ...verb.split(' ')), 6)
      assert.match(cli.stderr.text, /^try: kith start$/m)
    })
  }

  for (const verb of ['enable', 'disable', 'rm']) {
    it(`${verb} works on the file when no node runs`, async () => {
      cli.offlineNode = {
        editJobs: async (_home, _env, edit) => {
          edits.push(edit)
          return [tidy]
        },
      }
      assert.equal(await cli.kith('jobs', verb, 'tidy'), 0)
      assert.equal(edits.length, 1)
    })
  }
})
