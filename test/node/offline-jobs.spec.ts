import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { homeOf } from '../../src/node/home.ts'
import type { Home } from '../../src/node/home.ts'
import { editJobs, exportJobs, listJobs, nextTimes, showJob } from '../../src/node/offline-jobs.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { Database } from '../../src/store/database.ts'
import { JobHome, jobOf } from '../helpers/job-home.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const digest = {
  ...{ name: 'digest', enabled: true, zone: 'UTC' },
  schedule: { kind: 'interval', every_seconds: 3_600 },
  target: { kind: 'command', argv: ['ls', '-l'] },
}

describe('jobs of a node that does not run', () => {
  const folder = tempFolder()
  let home: Home

  beforeEach(() => {
    home = homeOf({ KITH_HOME: folder() }, undefined)
  })

  it('are none where there is no jobs.yaml', async () => {
    assert.deepEqual(await listJobs(home, {}), [])
    assert.equal(await exportJobs(home, {}), 'version: 1\njobs: []\n')
  })

  it('are edited, listed, shown and exported', async () => {
    const [added] = await editJobs(home, {}, { op: 'add', job: digest })
    assert.deepEqual(
      [added?.name, added?.schedule, added?.target, added?.standing],
      ['digest', 'every 1h', 'command ls -l', 'waiting'],
    )
    assert.equal((added?.nextAt ?? 0) % 3_600_000, 0)
    assert.deepEqual(await listJobs(home, {}), [added])
    const { definition, ...shown } = await showJob(home, {}, 'digest')
    assert.deepEqual(shown, added)
    assert.match(definition, /^name: digest\n/)
    assert.equal(await exportJobs(home, {}), await readFile(home.jobs, 'utf8'))
    const { times, zone } = await nextTimes(home, {}, 'digest', 3)
    assert.deepEqual([times.length, zone], [3, 'UTC'])
  })

  it('have no job that there is not', async () => {
    for (const wanted of [showJob(home, {}, 'none'), nextTimes(home, {}, 'none', 1)]) {
      await assert.rejects(wanted, (err) => isFailure(err, 'unknown-job'))
    }
  })

  it('are as the store has them: paused stays paused, and nothing is under way', async () => {
    await editJobs(home, {}, { op: 'add', job: digest })
    const jobs = new JobHome(home.store)
    const { scheduler } = await jobs.open([jobOf('digest')])
    await scheduler.runNow('digest')
    await scheduler.look()
    await scheduler.pause('digest', 'self', 'holidays')
    await jobs.close()
    const [report] = await listJobs(home, {})
    assert.deepEqual([report?.standing, report?.paused?.why], ['paused', 'holidays'])
    assert.equal(report?.activeRun, undefined)
  })

  it('are those of the file alone while another process has the store', async () => {
    await editJobs(home, {}, { op: 'add', job: digest })
    const database = await Database.open(home.store)
    try {
      assert.equal((await listJobs(home, {}))[0]?.standing, 'waiting')
    } finally {
      await database.close()
    }
  })
})
