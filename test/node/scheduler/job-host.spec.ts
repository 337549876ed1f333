import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import type { KithNode } from '../../../src/node/node.ts'
import type { JobHost } from '../../../src/node/scheduler/job-host.ts'
import type { Run } from '../../../src/node/scheduler/run.ts'
import { isFailure } from '../../../src/protocol/errors.ts'
import type { PeerRow } from '../../../src/protocol/pin.ts'
import type { PeerEdit } from '../../../src/store/peers-edit.ts'
import { editPeers } from '../../../src/store/peers-file.ts'
import { idOf } from '../../helpers/ask-calls.ts'
import { eventually } from '../../helpers/eventually.ts'
import { LogTap } from '../../helpers/log-tap.ts'
import { openNodes } from '../../helpers/open-node.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const { signal } = new AbortController()

const NAS: PeerRow = { name: 'nas', id: idOf('nas'), allow: ['job.run'] }

/** A job that only a person starts, as jobs.yaml has it: in a folder that every machine has. */
function row(name: string, program: string, more: Record<string, unknown> = {}): object {
  return {
    ...{ name, enabled: true, zone: 'UTC', schedule: { kind: 'manual' } },
    target: { kind: 'command', argv: ['/bin/sh', '-c', program], cwd: '/' },
    ...more,
  }
}

describe('job host', () => {
  const all = openNodes()
  const folder = tempFolder()
  let node: KithNode
  let jobs: JobHost
  let log: LogTap

  async function open(...rows: object[]): Promise<void> {
    log = new LogTap()
    node = await all().open('node', { log: pino({ base: null }, log) })
    jobs = node.jobs
    if (rows.length > 0) await write(...rows)
  }

  async function write(...rows: object[]): Promise<void> {
    const text = JSON.stringify({ version: 1, jobs: rows })
    await writeFile(node.home.jobs, text, { mode: 0o600 })
  }

  async function run(name: string): Promise<Run> {
    return await jobs.ended((await jobs.scheduler.runNow(name)).run, signal)
  }

  it('runs a job that an edit has just brought, in a node that had none', async () => {
    await open()
    await node.start()
    await jobs.edit({ op: 'add', job: row('hello', 'echo hello') as Record<string, unknown> })
    assert.equal((await run('hello')).summary, 'hello')
  })

  it('runs nothing before jobs.yaml can be read, and keeps what waits for it', async () => {
    await open(row('hello', 'echo hello'))
    await node.start({ loop: false })
    const { run: id } = await jobs.scheduler.runNow('hello')
    await all().stop(node)
    await open()
    await writeFile(node.home.jobs, 'version: 1\njobs: hello\n', { mode: 0o600 })
    await node.start()
    assert.match(jobs.problem?.message ?? '', /jobs\.yaml:2:7: /)
    assert.equal(node.health.overall(), 'degraded')
    assert.deepEqual(
      jobs.open.map(({ run: open, state }) => [open, state]),
      [[id, 'queued']],
    )
    await write(row('hello', 'echo again'))
    assert.equal((await jobs.ended(id, signal)).summary, 'again')
    assert.equal(jobs.problem, undefined)
  })

  it('tells of a jobs.yaml that it cannot take once, and keeps the last good one', async () => {
    await open(row('hello', 'echo hello'))
    await node.start()
    await writeFile(node.home.jobs, 'version: 1\njobs: [\n')
    const isTold = ({ msg }: { msg?: unknown }): boolean =>
      msg === 'jobs file not taken, last good one kept'
    await log.line(isTold)
    assert.equal((await run('hello')).state, 'succeeded')
    await write(row('other', 'echo other'))
    await eventually(() => {
      assert.deepEqual(
        jobs.list().map(({ name }) => name),
        ['other'],
      )
    })
    assert.equal(log.lines.filter(isTold).length, 1)
  })

  it('alerts of a run that failed for good and of the pause after it, which a resume settles', async () => {
    await open(row('bad', 'exit 3', { pause_after: 2 }))
    await node.start()
    const alerts = (): unknown[] =>
      node.alerts
        .list()
        .map(({ count, hint, kind, seenAt }) => [kind, hint, count, seenAt !== undefined])
    await run('bad')
    assert.deepEqual(alerts(), [['job-failed', 'kith jobs failures bad', 1, false]])
    await run('bad')
    assert.deepEqual(alerts(), [
      ['job-failed', 'kith jobs failures bad', 2, false],
      ['job-paused', 'kith jobs resume bad', 1, false],
    ])
    assert.equal(jobs.state('bad').paused?.who, 'scheduler')
    await jobs.resume('bad')
    assert.deepEqual(alerts()[1], ['job-paused', 'kith jobs resume bad', 1, true])
    assert.equal(jobs.state('bad').failures, 0)
  })

  it('ends at a stop what takes too long, and alerts nobody of that', async () => {
    await open(row('slow', 'exec sleep 60'))
    await node.start()
    const { run: id } = await jobs.scheduler.runNow('slow')
    await eventually(() => {
      assert.equal(jobs.open[0]?.state, 'running')
    })
    const ended = jobs.ended(id, signal)
    await all().stop(node)
    assert.equal((await ended).failure?.code, 'stopping')
    assert.deepEqual(node.alerts.list(), [])
  })

  it('resolves with what is due now, and not with what comes due meanwhile', async () => {
    const schedule = { kind: 'interval', every_seconds: 1 }
    // It is never without a run: the next one waits when one ends.
    await open(row('tick', 'sleep 1.1', { schedule, overlap: 'queue' }))
    await node.start()
    await eventually(() => {
      assert.notEqual(jobs.open.length, 0)
    })
    const { refused, runs } = await jobs.runDue(signal)
    assert.deepEqual(refused, [])
    assert.ok(runs.length > 0 && runs.every(({ state }) => state === 'succeeded'))
    assert.ok(jobs.open.length > 0)
  })

  it('waits for the end of a run no longer than it is told to', async () => {
    await open(row('slow', `while [ ! -e ${join(folder(), 'go')} ]; do sleep 0.05; done`))
    await node.start()
    const { run: id } = await jobs.scheduler.runNow('slow')
    const stop = new AbortController()
    const waiting = jobs.ended(id, stop.signal)
    stop.abort(new Error('enough'))
    await assert.rejects(waiting, { message: 'enough' })
    await writeFile(join(folder(), 'go'), '')
    assert.equal((await jobs.ended(id, signal)).state, 'succeeded')
    // One that has ended is there at once, and an abort after that is nobody's.
    const late = new AbortController()
    assert.equal((await jobs.ended(id, late.signal)).run, id)
    late.abort()
  })

  it('starts a job for a peer that jobs.yaml names, while it is on and not paused', async () => {
    const nas = { run_by: ['nas'] }
    await open()
    await all().pin(NAS)
    await write(
      row('shared', 'echo shared', nas),
      row('off', 'true', { ...nas, enabled: false }),
      row('own', 'true'),
    )
    await node.start()
    const refused = async (peer: string, job: string): Promise<unknown> => {
      const err: unknown = await jobs.runFor(peer, job).catch((thrown: unknown) => thrown)
      return isFailure(err, 'denied') ? err.details.rule : err
    }
    assert.equal(await refused('laptop', 'shared'), 'run_by')
    assert.equal(await refused('nas', 'own'), 'run_by')
    assert.equal(await refused('nas', 'none'), 'run_by')
    assert.equal(await refused('nas', 'off'), 'enabled')
    const { by, cause, run: id } = await jobs.runFor('nas', 'shared')
    assert.deepEqual([by, cause], ['nas', 'peer'])
    await jobs.ended(id, signal)
    await jobs.pause('shared', 'self', 'holidays')
    assert.equal(await refused('nas', 'shared'), 'paused')
  })

  it('begins nothing for a peer whose right or pin has gone since', async () => {
    await open(row('shared', 'echo shared', { run_by: ['nas'] }))
    await all().pin(NAS)
    await node.start({ loop: false })
    const { run: id } = await jobs.runFor('nas', 'shared')
    const states = async (edit: PeerEdit): Promise<string[]> => {
      const changed = Promise.withResolvers<undefined>()
      const unlisten = node.pins.onChange(() => {
        changed.resolve(undefined)
      })
      await editPeers(node.home.peers, edit)
      await changed.promise
      unlisten()
      await jobs.scheduler.look()
      return jobs.open.map(({ state }) => state)
    }
    assert.deepEqual(await states({ op: 'deny', name: 'nas', grants: ['job.run'] }), [])
    assert.equal((await jobs.ended(id, signal)).failure?.why, 'nas may no longer start it')
    await states({ op: 'remove', name: 'nas' })
    assert.deepEqual(await states({ op: 'add', peer: NAS }), [])
    const again = await jobs.runFor('nas', 'shared')
    assert.deepEqual(await states({ op: 'remove', name: 'nas' }), [])
    assert.equal((await jobs.ended(again.run, signal)).state, 'cancelled')
  })

  it('is told of by the agent: to the owner', async () => {
    await open(row('hello', 'echo hello'))
    await node.start()
    const { run: id } = await run('hello')
    const answer = async (text: string): Promise<string> => {
      const handle = await node.desk.ask({ peer: 'self', text })
      for (const events = handle.read(0, signal); ;) if ((await events.next()).done === true) break
      return (await node.desk.content(handle)).answer
    }
    assert.match(
      await answer('jobs'),
      /^jobs: 1, under way: 0\nhello: waiting, manual UTC, not due, last done /,
    )
    assert.match(await answer('runs'), new RegExp(`hello succeeded: ${id}\n`))
  })
})
