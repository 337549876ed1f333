import assert from 'node:assert/strict'
import { appendFile, writeFile } from 'node:fs/promises'
import { EXIT } from '../../src/cli/exit-codes.ts'
import type { Output } from '../../src/node/control/api.ts'
import { assertOncePerTime, SharedNodes } from '../crash/shared-nodes.ts'
import { eventually } from '../helpers/eventually.ts'
import { LiveNode } from '../helpers/live-node.ts'
import { NatsServer, needsNatsServer } from '../helpers/nats-server.ts'
import { kith } from '../helpers/run-kith.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

describe('three nodes with one job list', function () {
  this.timeout(120_000)
  before(function () {
    needsNatsServer(this)
  })
  const folder = tempFolder()
  let shared: SharedNodes

  beforeEach(async () => {
    shared = new SharedNodes(folder())
    await shared.start()
  })
  afterEach(() => shared.kill())

  it('run what is due once, with one of them killed in the middle of a run, and the server killed too', async () => {
    await shared.ended(4)
    const { node, run } = await shared.working()
    await node.kill()
    await shared.ended(8)
    await node.start()
    await shared.server.kill()
    await shared.server.start()
    await shared.ended(14)

    const runs = await shared.finish()
    assertOncePerTime(runs, await shared.effects())
    const cut = runs.find((one) => one.run === run)
    assert.ok(cut)
    if (cut.job === 'once') assert.equal(cut.state, 'interrupted')
    else assert.deepEqual([cut.state, cut.attempts], ['succeeded', 2])
    const workers = new Set(runs.map((one) => one.node))
    assert.ok(workers.size > 1, 'one node did all of it')
  })
})

describe('a node whose job list is on a server', function () {
  this.timeout(60_000)
  before(function () {
    needsNatsServer(this)
  })
  const folder = tempFolder()
  let server: NatsServer
  let node: LiveNode

  /** The server is down, and where it was is known. */
  beforeEach(async () => {
    server = new NatsServer(folder())
    await server.start()
    await server.kill()
    node = await LiveNode.make(folder(), 'laptop')
    const section = `scheduler: { engine: nats, nats: { servers: ['${server.url}'] } }\n`
    await appendFile(node.home.config, section)
  })
  afterEach(async () => {
    await node.kill()
    await server.kill()
  })

  async function findings(): Promise<Output<'doctor'>['findings']> {
    const { findings: all } = await node.client.call('doctor', {})
    return all.filter(({ check }) => check === 'jobs')
  }

  it('is ready without it, says what is missing and what helps, and goes on when it is there', async () => {
    await node.start()
    const [down] = await findings()
    assert.equal(down?.state, 'fail')
    assert.match(down.what, /127\.0\.0\.1.*cannot be reached: .*refused/)
    assert.match(down.hint ?? '', /nats-server/)
    const add = { op: 'import', text: 'version: 1\njobs: []\n', replace: true } as const
    await assert.rejects(node.client.call('editJobs', add), { code: 'jobs-unreachable' })
    await server.start()
    await eventually(async () => {
      assert.deepEqual(await findings(), [{ check: 'jobs', state: 'ok', what: 'there are none' }])
    })
    await node.client.call('editJobs', add)
  })

  it('says that a jobs.yaml is not used, and takes it by the command that it names', async () => {
    await server.start()
    const job = { name: 'tidy', schedule: { kind: 'manual' }, zone: 'UTC' }
    const target = { kind: 'command', argv: ['/bin/true'] }
    const text = JSON.stringify({ version: 1, jobs: [{ ...job, target }] })
    await writeFile(node.home.jobs, text, { mode: 0o600 })
    await node.start()
    const { hint, state, what } = await eventually(async () => {
      const [found] = await findings()
      assert.equal(found?.state, 'warn')
      return found
    })
    assert.deepEqual(
      [state, what],
      ['warn', 'jobs.yaml is not used: the job list is on the NATS servers'],
    )
    assert.equal(hint, `kith jobs import ${node.home.jobs}, then rm ${node.home.jobs}`)
    assert.equal((await kith(node, 'jobs', 'import', node.home.jobs)).code, 0)
    const { out } = await kith(node, 'jobs', 'export')
    assert.match(out, /tidy/)
    const { code } = await kith(node, 'jobs', 'run', 'tidy', '--wait')
    assert.equal(code, 0)
    await node.stop()
    const { code: offline, err } = await kith(node, 'jobs', 'list')
    assert.equal(offline, EXIT.notRunning)
    assert.match(err, /on the NATS servers/)
  })
})
