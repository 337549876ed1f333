import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunReport } from '../../src/node/control/api.ts'
import { readJobs } from '../../src/node/scheduler/jobs-file.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { Database } from '../../src/store/database.ts'
import { eventually } from '../helpers/eventually.ts'
import { LiveNode } from '../helpers/live-node.ts'
import { runToEnd } from '../helpers/run-to-end.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

describe('jobs of a node that runs', function () {
  this.timeout(60_000)
  const folder = tempFolder()
  const nodes: LiveNode[] = []
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.kill()))
  })

  async function make(name: string): Promise<LiveNode> {
    const node = await LiveNode.make(folder(), name)
    nodes.push(node)
    return node
  }

  async function write(node: LiveNode, ...jobs: object[]): Promise<void> {
    const rows = jobs.map((job) => ({ enabled: true, zone: 'UTC', ...job }))
    // JSON is YAML.
    await writeFile(node.home.jobs, JSON.stringify({ version: 1, jobs: rows }), { mode: 0o600 })
  }

  async function runsOf(node: LiveNode, job: string): Promise<RunReport[]> {
    return (await node.client.call('runs', { job })).runs
  }

  /** A job for now, which nothing but a person or a peer starts. */
  function manual(name: string, target: object, more: object = {}): object {
    return { name, schedule: { kind: 'manual' }, target, ...more }
  }

  it('run when they are due, and go on after a process that was killed in the middle', async () => {
    const node = await make('attic')
    const [log, held] = [join(folder(), 'log'), join(folder(), 'held')]
    await writeFile(held, '')
    const script = `echo "begin $KITH_RUN $$" >> ${log}; [ ! -e ${held} ] || exec sleep 60; echo ok`
    await write(node, {
      name: 'sweep',
      schedule: { kind: 'interval', every_seconds: 1 },
      target: { kind: 'command', argv: ['/bin/sh', '-c', script] },
    })
    await node.start()
    const [, killed = '', pid = ''] = await eventually(async () => {
      const [first = ''] = (await readFile(log, 'utf8')).split('\n')
      const words = first.split(' ')
      assert.equal(words.length, 3)
      return words
    })
    assert.equal((await runsOf(node, 'sweep'))[0]?.state, 'running')
    await node.kill()
    process.kill(-Number(pid), 'SIGKILL')
    await rm(held)

    await node.start()
    const interrupted = await eventually(async () => {
      const run = await node.client.call('showRun', { run: killed })
      assert.equal(run.state, 'interrupted')
      return run
    })
    assert.deepEqual([interrupted.attempts, interrupted.failure?.code], [1, 'interrupted'])
    const next = await eventually(async () => {
      const [newest] = await runsOf(node, 'sweep')
      assert.equal(newest?.state, 'succeeded')
      return newest
    })
    assert.equal(next.summary, 'ok')
    const alerts = await node.client.call('alerts', {})
    assert.deepEqual(
      alerts.map(({ hint, kind }) => [kind, hint]),
      [['job-failed', 'kith jobs failures sweep']],
    )
    assert.equal((await node.stop()).code, 0)
  })

  it('are those of one process: another one on the same store is refused', async () => {
    const node = await make('attic')
    const log = join(folder(), 'log')
    const argv = ['/bin/sh', '-c', `echo "$KITH_RUN" >> ${log}`]
    await write(node, {
      ...{ name: 'sweep', schedule: { kind: 'interval', every_seconds: 1 } },
      target: { kind: 'command', argv },
    })
    await node.start()
    await assert.rejects(Database.open(node.home.store), (err) => isFailure(err, 'locked'))
    await eventually(async () => {
      assert.ok((await runsOf(node, 'sweep')).length > 1)
    })
    await node.stop()
    const ids = (await readFile(log, 'utf8')).trim().split('\n')
    assert.equal(new Set(ids).size, ids.length)
  })

  it('ask this node and pinned peers, and say why when a peer may not be asked or is gone', async () => {
    const [alice, bob] = [await make('alice'), await make('bob')]
    await alice.pin(bob)
    await bob.pin(alice, { allow: ['ask'] })
    const ask = (peer: string): object => ({
      ...{ kind: 'ask', peer, text: 'echo hello', egress: peer === 'self' ? 'none' : 'peers' },
    })
    await write(
      alice,
      manual('own', ask('self')),
      manual('at-bob', ask('bob')),
      manual('at-nobody', ask('carol')),
      manual('too-far', { ...ask('bob') }, { attempts: { max: 1 } }),
    )
    await Promise.all([alice.start(), bob.start()])
    const run = async (job: string): Promise<RunReport> => await runToEnd(alice.client, job)
    assert.deepEqual(
      [await run('own'), await run('at-bob')].map(({ state, summary }) => [state, summary]),
      [
        ['succeeded', 'hello'],
        ['succeeded', 'hello'],
      ],
    )
    const nobody = await run('at-nobody')
    assert.deepEqual(
      [nobody.state, nobody.failure],
      ['failed', { code: 'unknown-peer', why: 'no peer is named carol' }],
    )
    await bob.client.call('editPeers', { op: 'deny', name: 'alice', grants: ['ask'] })
    const denied = await run('at-bob')
    assert.deepEqual([denied.state, denied.failure?.code], ['failed', 'denied'])
    assert.equal(denied.failure?.why, 'the ask to bob failed: denied by its rule allow')
    await bob.stop()
    const gone = await run('at-bob')
    assert.equal(gone.state, 'failed')
    assert.match(gone.failure?.code ?? '', /^(unreachable|connection-lost)$/)
  })

  it('are started by a peer that jobs.yaml names and whose pin allows it', async () => {
    const [alice, bob] = [await make('alice'), await make('bob')]
    await alice.pin(bob, { allow: ['ping'] })
    await bob.pin(alice, { allow: ['ping'] })
    const held = join(folder(), 'held')
    await writeFile(held, '')
    const wait = `while [ -e ${held} ]; do sleep 0.05; done; echo done`
    await write(
      alice,
      manual('open', { kind: 'command', argv: ['/bin/sh', '-c', wait] }, { run_by: ['bob'] }),
      manual('own', { kind: 'command', argv: ['true'] }),
    )
    await Promise.all([alice.start(), bob.start()])
    const run = async (job: string): Promise<string> =>
      (await bob.client.call('runPeerJob', { peer: 'alice', job })).run
    const refused = (code: string, details: object) => (err: unknown) => {
      assert.ok(err instanceof Error && 'code' in err && 'details' in err)
      assert.deepEqual([err.code, err.details], [code, details])
      return true
    }
    await assert.rejects(run('open'), refused('denied', { rule: 'allow' }))
    await alice.client.call('editPeers', { op: 'allow', name: 'bob', grants: ['job.run'] })
    const first = await run('open')
    await assert.rejects(run('open'), refused('conflict', { activeId: first }))
    await assert.rejects(run('own'), refused('denied', { rule: 'run_by' }))
    await assert.rejects(run('none'), refused('denied', { rule: 'run_by' }))
    await rm(held)
    const ended = await eventually(async () => {
      const report = await alice.client.call('showRun', { run: first })
      assert.equal(report.state, 'succeeded')
      return report
    })
    assert.deepEqual([ended.cause, ended.by], ['peer', 'bob'])
    await alice.client.call('pauseJob', { job: 'open', why: 'holidays' })
    await assert.rejects(run('open'), refused('denied', { rule: 'paused' }))
  })

  it('follow jobs.yaml as it changes, and its last good state while it is broken', async () => {
    const node = await make('attic')
    await node.start()
    assert.deepEqual(await node.client.call('jobs', {}), [])
    await write(node, manual('one', { kind: 'command', argv: ['true'] }))
    await node.logLine(({ jobs, msg }) => msg === 'jobs in force' && jobs === 1)
    await writeFile(node.home.jobs, 'version: 1\njobs:\n  - name: two\n    zone: Nowhere\n')
    await node.logLine(({ msg }) => msg === 'jobs file not taken, last good one kept')
    assert.equal((await runToEnd(node.client, 'one')).state, 'succeeded')
    const { health, problems } = await node.client.call('status', {})
    assert.equal(health, 'degraded')
    const broken = problems.find(({ what }) => /jobs\.yaml:\d+:\d+: /.test(what))
    assert.equal(broken?.hint, `edit line 3 of ${node.home.jobs}`)
    await write(node, manual('two', { kind: 'command', argv: ['true'] }))
    await node.logLine(({ msg }) => msg === 'jobs in force', node.log.mark)
    await assert.rejects(node.client.call('runJob', { job: 'one' }), (err) =>
      isFailure(err, 'unknown-job'),
    )
    await node.client.call('editJobs', { op: 'change', name: 'two', changes: { enabled: false } })
    assert.equal((await readJobs(node.home.jobs))[0]?.enabled, false)
  })
})
