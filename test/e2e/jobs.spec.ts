import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../src/node/clock.ts'
import { readJobs } from '../../src/node/scheduler/jobs-file.ts'
import { exitCodeOf, runOnce } from '../../src/node/scheduler/once.ts'
import { CommandRunner } from '../../src/node/scheduler/runners/command-runner.ts'
import { TargetRunner } from '../../src/node/scheduler/runners/target-runner.ts'
import { JobHome } from '../helpers/job-home.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const JOBS = `version: 1
jobs:
  - name: good
    zone: Europe/Madrid
    schedule: { kind: manual }
    target: { kind: command, argv: [/bin/sh, -c, 'echo one; echo "$KITH_JOB"'] }
  - name: bad
    zone: Europe/Madrid
    schedule: { kind: daily, at: '07:30' }
    target: { kind: command, argv: [/bin/sh, -c, 'echo no disk >&2; exit 4'] }
  - name: refused
    zone: Europe/Madrid
    schedule: { kind: manual }
    target: { kind: ask, peer: self, text: hello }
`

describe('jobs', () => {
  const folder = tempFolder()

  it('go from jobs.yaml through a program to a row each, and to an exit code', async () => {
    const path = join(folder(), 'jobs.yaml')
    await writeFile(path, JOBS, { mode: 0o600 })
    const jobs = await readJobs(path)
    const command = new CommandRunner({
      env: process.env,
      folder: folder(),
      redacted: (text) => text,
    })
    const asked: string[] = []
    const ask = {
      run: () => {
        asked.push('self')
        return Promise.resolve('')
      },
    }
    const runner = new TargetRunner({ ask, command, reach: () => 'provider' })
    const home = new JobHome(join(folder(), 'store'))
    const { runs, scheduler } = await home.open(jobs, {}, runner)
    try {
      const { signal } = new AbortController()
      const report = await runOnce(scheduler, ['good', 'bad', 'refused'], systemClock, signal)
      assert.equal(exitCodeOf(report), 1)
      const { runs: rows } = await runs.list({}, 10)
      const byJob = new Map(rows.map((run) => [run.job, run]))
      assert.equal(rows.length, 3)
      assert.equal(byJob.get('good')?.summary, 'good')
      assert.match(byJob.get('bad')?.failure?.why ?? '', /exit code 4; it said last: no disk/)
      assert.equal(byJob.get('refused')?.failure?.code, 'denied')
      assert.deepEqual(asked, [], 'what may not go out is not even begun')
    } finally {
      await home.close()
    }
  })
})
