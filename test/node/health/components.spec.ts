/*
 * Each component of a node in each state that it can have, by a real fault and its remedy.
 */
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Component, ComponentState } from '../../../src/node/health/health-report.ts'
import { ALONE_MS } from '../../../src/node/health/mesh-components.ts'
import { openThings } from '../../../src/node/health/open-things.ts'
import { STALE_MS } from '../../../src/node/health/work-components.ts'
import type { KithNode } from '../../../src/node/node.ts'
import type { Surroundings } from '../../../src/node/surroundings.ts'
import { BERTS_LOGS } from '../../helpers/berts-pin.ts'
import { eventually } from '../../helpers/eventually.ts'
import { MODEL, modelAt } from '../../helpers/live-agent.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { ModelServer } from '../../helpers/model-server.ts'
import { openNodes } from '../../helpers/open-node.ts'
import type { OpenInit, OpenNodes } from '../../helpers/open-node.ts'
import { idOfBranch } from '../../helpers/test-pins.ts'

const DAY_MS = 86_400_000

describe('health components', function () {
  this.timeout(20_000)
  const all = openNodes()
  let nodes: OpenNodes
  let node: KithNode
  let clock: ManualClock

  beforeEach(() => {
    nodes = all()
    clock = new ManualClock(Date.now())
  })

  async function open({ around, flags = {} }: OpenInit = {}): Promise<KithNode> {
    node = await nodes.open('node', {
      flags,
      around: (surroundings): Surroundings => {
        const timed = { ...surroundings, clock }
        return around === undefined ? timed : around(timed)
      },
    })
    return node
  }

  function component(name: string): Component {
    const found = node.health.components().find((each) => each.name === name)
    assert.ok(found !== undefined, `no component ${name}`)
    return found
  }

  function stands(name: string, state: ComponentState, reason?: RegExp): void {
    const found = component(name)
    assert.equal(found.state, state, `${name}: ${found.reason ?? ''}`)
    if (reason !== undefined) assert.match(found.reason ?? '', reason)
  }

  async function writeJobs(...jobs: object[]): Promise<void> {
    await writeFile(node.home.jobs, JSON.stringify({ version: 1, jobs }), { mode: 0o600 })
  }

  const job = (name: string, script: string, more: object = {}): object => ({
    ...{ name, enabled: true, zone: 'UTC', schedule: { kind: 'manual' } },
    target: { kind: 'command', argv: ['/bin/sh', '-c', script], cwd: '/' },
    ...more,
  })

  it('F41: identity is ready, not ready with a second copy of it about, and in error when its key was taken', async () => {
    await open()
    await node.start()
    stands('identity', 'ready')
    assert.equal(component('identity').required, true)
    const copy = node.alerts
    copy.raise({ kind: 'second-copy', what: 'a copy runs', hint: 'stop it' })
    stands('identity', 'not-ready', /a copy runs/)
    copy.raise({
      kind: 'own-key-log-ahead',
      what: 'another key is known',
      hint: 'kith key recover',
    })
    stands('identity', 'error', /another key/)
    assert.equal(node.health.overall(), 'unhealthy')
    await copy.acknowledge('all')
    stands('identity', 'ready')
  })

  it('F41: store is ready, in error while the disk finishes nothing, and in error once it refuses a write', async () => {
    await open()
    stands('store', 'ready')
    const { storeWrites } = node
    let hangs = true
    Object.defineProperty(node, 'storeWrites', {
      get: () => (hangs ? { begun: 2, done: 1 } : storeWrites),
    })
    stands('store', 'ready')
    clock.advance(20_001)
    stands('store', 'error', /has not finished a write for 20 s/)
    hangs = false
    stands('store', 'ready')
  })

  it('F41: control is not checked where nothing serves it', async () => {
    await open()
    stands('control', 'not-checked')
    assert.equal(component('control').required, true)
  })

  it('F41: pins are not ready before the start, ready after it, and in error with a peers.yaml that says nothing', async () => {
    await open()
    stands('pins', 'not-ready')
    await node.start()
    stands('pins', 'ready')
    await writeFile(node.home.peers, 'peers: 3\n', { mode: 0o600 })
    await eventually(() => {
      stands('pins', 'error', /peers\.yaml:1:1/)
    })
    assert.equal(node.health.overall(), 'degraded')
    await writeFile(node.home.peers, 'version: 1\npeers: []\n', { mode: 0o600 })
    await eventually(() => {
      stands('pins', 'ready')
    })
  })

  it('F41: listener is disabled without an address, ready with one, and in error when it has lost it', async () => {
    await open({ flags: { listen: [] } })
    await node.start()
    stands('listener', 'disabled')
    await nodes.stop(node)
    await open()
    stands('listener', 'not-ready')
    await node.start()
    stands('listener', 'ready')
    await node.mesh.stop()
    stands('listener', 'error', /does not listen on/)
  })

  it('F41: peers are disabled with nobody pinned, ready at first, not ready when nobody comes, in error with one frozen', async () => {
    await open()
    await node.start()
    stands('peers', 'disabled')
    const { first, second, stolen } = BERTS_LOGS
    await nodes.pin({ name: 'bert', id: idOfBranch(first), addresses: ['/ip4/127.0.0.1/tcp/1'] })
    await eventually(() => {
      stands('peers', 'ready', /0 of 1 linked/)
    })
    clock.advance(ALONE_MS + 1)
    stands('peers', 'not-ready', /no peer was linked for 5 minutes/)
    for (const { events } of [second, stolen]) await node.pins.take(events)
    stands('peers', 'error', /bert is frozen/)
  })

  it('F41: agent is not ready before the start, ready after it, and in error when it cannot start', async () => {
    await open()
    stands('agent', 'not-ready')
    await node.start()
    stands('agent', 'ready', /builtin/)
    await nodes.stop(node)
    await open({
      around: (surroundings) => ({
        ...surroundings,
        engine: async () => {
          throw new Error('no engine today')
        },
      }),
    })
    await node.start()
    stands('agent', 'error', /no engine today/)
    assert.equal(node.health.overall(), 'degraded')
  })

  it('F41: a provider is not checked before its first call, then ready, not ready, in error, and stale a day later', async () => {
    const server = await ModelServer.start()
    process.env['LAB_KEY'] = 'sk-lab-0123456789abcdef'
    await open({ flags: { agent: modelAt(server) } })
    await node.start()
    stands('provider lab', 'not-checked')
    server.reply({ kind: 'text', text: 'hi' })
    const ask = async (): Promise<void> => {
      const handle = await node.desk.ask({ peer: 'self', text: 'hello', timeoutMs: 60_000 })
      for await (const _ of handle.read(0)) assert.ok(_)
    }
    await ask()
    stands('provider lab', 'ready')
    assert.equal(component('provider lab').lastOkAt, clock.now())
    clock.advance(STALE_MS + 1)
    stands('provider lab', 'not-checked', /more than a day/)
    const { breakers } = node.agent
    breakers.enter('provider lab').failed()
    stands('provider lab', 'not-ready', /its last 1 calls failed/)
    for (let i = 0; i < 9 && component('provider lab').state !== 'error'; i++) {
      breakers.enter('provider lab').failed()
    }
    stands('provider lab', 'error', /left alone until/)
    assert.equal(node.health.overall(), 'degraded')
    breakers.makeDue('provider lab')
    const probe = breakers.enter('provider lab')
    stands('provider lab', 'not-ready', /being tried again/)
    probe.succeeded()
    await breakers.reset('provider lab')
    stands('provider lab', 'ready')
    await server.stop()
    delete process.env['LAB_KEY']
    assert.ok(MODEL.startsWith('lab/'))
  })

  it('F41: providers are disabled for an engine without any', async () => {
    await open()
    stands('providers', 'disabled')
  })

  it('F41: breakers are ready, and not ready while one is open', async () => {
    await open()
    stands('breakers', 'ready')
    for (let i = 0; i < 9 && component('breakers').state === 'ready'; i++) {
      node.agent.breakers.enter('peer bob').failed()
    }
    stands('breakers', 'not-ready', /open: peer bob/)
    await node.agent.breakers.reset('peer bob')
    stands('breakers', 'ready')
  })

  it('F41: scheduler is disabled without a job, ready, not ready with one that fails, in error with a file that says nothing', async () => {
    await open()
    stands('scheduler', 'not-ready')
    await node.start()
    stands('scheduler', 'disabled')
    await writeJobs(job('good', 'true'), job('bad', 'exit 3'))
    await eventually(() => {
      stands('scheduler', 'ready')
    })
    const { signal } = new AbortController()
    const run = async (name: string): Promise<void> => {
      await node.jobs.ended((await node.jobs.scheduler.runNow(name)).run, signal)
    }
    await run('good')
    assert.equal(component('scheduler').lastOkAt, clock.now())
    await run('bad')
    stands('scheduler', 'not-ready', /bad is failing/)
    await writeFile(node.home.jobs, 'jobs: 3\n', { mode: 0o600 })
    await eventually(() => {
      stands('scheduler', 'error', /jobs\.yaml/)
    })
  })

  it('F41: feeds are disabled without one, ready, and not ready once an item was set aside', async () => {
    await open()
    await node.start()
    await node.health.refresh()
    stands('feeds', 'disabled')
    const inbox = join(node.home.path, 'inbox')
    await mkdir(inbox, { mode: 0o700 })
    await writeJobs(
      job('inbox', 'exit 3', { feed: { folder: inbox, accept: ['*.txt'], quarantine_after: 1 } }),
    )
    await eventually(() => {
      assert.equal(node.jobs.list().length, 1)
    })
    await node.health.refresh()
    stands('feeds', 'ready')
    await writeFile(join(inbox, 'poison.txt'), 'x')
    const { signal } = new AbortController()
    await eventually(async () => {
      clock.advance(60_000)
      await node.jobs.ended((await node.jobs.scheduler.runNow('inbox')).run, signal)
      await node.health.refresh()
      stands('feeds', 'not-ready', /1 item of job inbox was set aside/)
    })
  })

  it('F41: backup is disabled where none is wanted, ready, not ready when it is old, in error when it is damaged', async () => {
    await open()
    stands('backup', 'disabled')
    const file = join(node.home.path, 'a.age')
    await writeFile(file, 'cut')
    const sha256 = '0'.repeat(64)
    const made = { bytes: 9, sha256, lock: 'passphrase', by: 'self' } as const
    const { records } = node.backups
    await records.add({ what: 'made', file, backupAt: clock.now(), ...made })
    stands('backup', 'ready')
    assert.equal(component('backup').lastOkAt, clock.now())
    clock.advance(8 * DAY_MS)
    stands('backup', 'not-ready', /no backup was made for 8 days/)
    await records.add({ what: 'checked', file, how: 'hash', ok: false, why: 'cut', by: 'self' })
    stands('backup', 'error', /is damaged/)
  })

  it('F41: http is disabled, ready and in error as its listener is', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const address = other.address()
    assert.ok(address !== null && typeof address === 'object')
    await open({ flags: { 'http.listen': `127.0.0.1:${address.port}` } })
    stands('http', 'disabled')
    await node.http.start(async () => (_request, response) => response.end())
    stands('http', 'error', /cannot listen/)
    await new Promise((resolve) => other.close(resolve))
    clock.advance(10_000)
    await eventually(() => {
      stands('http', 'ready', /listens on 127\.0\.0\.1/)
    })
    await node.http.stop()
  })

  it('F41: resources are ready, and not ready with more timers than anything here needs', async () => {
    await open()
    stands('resources', 'ready')
    const timers = Array.from({ length: 2_100 }, () => setTimeout(() => undefined, 60_000))
    stands('resources', 'not-ready', /timers, of 2000/)
    for (const timer of timers) clearTimeout(timer)
    stands('resources', 'ready')
    assert.ok((openThings()['timers']?.open ?? 0) < 2_000)
  })

  it('F41: says since when each is so, and when each was last well', async () => {
    await open()
    await node.start()
    const before = component('breakers')
    clock.advance(60_000)
    for (let i = 0; i < 9; i++) {
      if (component('breakers').state === 'ready') node.agent.breakers.enter('peer bob').failed()
    }
    const after = component('breakers')
    assert.equal(before.since, clock.now() - 60_000)
    assert.deepEqual([after.since, after.lastOkAt], [clock.now(), clock.now()])
    clock.advance(5_000)
    assert.deepEqual(component('breakers').since, after.since)
    assert.equal(component('breakers').lastOkAt, after.lastOkAt)
  })
})
