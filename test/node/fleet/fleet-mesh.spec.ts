import assert from 'node:assert/strict'
import { chmod, readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { Fleet } from '../../../src/node/fleet/fleet.ts'
import type { KithNode } from '../../../src/node/node.ts'
import type { FleetReport } from '../../../src/node/control/api.ts'
import type { GrantName } from '../../../src/protocol/pin.ts'
import { Database } from '../../../src/store/database.ts'
import { FakeCli } from '../../cli/fake-cli.ts'
import { eventually } from '../../helpers/eventually.ts'
import { ManualClock } from '../../helpers/manual-clock.ts'
import { openNodes } from '../../helpers/open-node.ts'
import type { OpenInit } from '../../helpers/open-node.ts'
import { TcpProxy } from '../../helpers/tcp-proxy.ts'
import { tempFolder } from '../../helpers/temp-folder.ts'

const PEERS = 20
const DEADLINE_MS = 5_000
const SECOND_MS = 1_000
/** Enough for an answer, and short enough to wait for none. */
const SHORT_MS = 1_000

describe('the fleet as one node sees it', () => {
  const nodes = openNodes()
  const folder = tempFolder()
  const proxies: TcpProxy[] = []
  afterEach(async () => {
    await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()))
  })

  /** A node and `count` others, all linked with it. `peer-NN` may see nothing unless `allow` says so. */
  async function star(count: number, allow: (index: number) => GrantName[], init: OpenInit = {}) {
    const viewer = await nodes().open('viewer')
    await viewer.start()
    const peers: { node: KithNode; proxy: TcpProxy }[] = []
    for (let index = 0; index < count; index++) {
      const name = nameOf(index)
      const node = await nodes().open(name, init)
      await nodes().pin({ name: 'viewer', id: viewer.self.id, allow: allow(index) }, name)
      await node.start()
      const port = Number(node.mesh.addresses()[0]?.split('/').at(-1))
      const proxy = await TcpProxy.to(port)
      proxies.push(proxy)
      await nodes().pin({ name, id: node.self.id, addresses: [proxy.address] }, 'viewer')
      peers.push({ node, proxy })
    }
    await eventually(() => {
      assert.equal(viewer.links.size, count)
    })
    return { viewer, peers }
  }

  /** What this node sees, by a clock that only the test turns. */
  async function viewOf(viewer: KithNode, clock: ManualClock): Promise<Fleet> {
    const database = await Database.open(`${folder()}/view`)
    closing.push(database)
    const { alerts, caller, dialer, links, log, pins } = viewer
    const components = { alerts, caller, clock, dialer, links, log, pins }
    const { fleet: config } = viewer.config
    return new Fleet(components, { config, database, notReady: () => [] })
  }
  const closing: Database[] = []
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((database) => database.close()))
  })

  it('F45: 20 peers of which one hangs, one refuses and one is down take one deadline in all', async () => {
    const { peers, viewer } = await star(PEERS, (index) => (index === 4 ? ['ping'] : ['status']))
    const clock = new ManualClock(Date.now())
    const view = await viewOf(viewer, clock)

    // It hangs: its connection is up, and carries nothing.
    peers[7]?.proxy.blackHole()
    const down = peers[12]
    assert.ok(down !== undefined)
    await down.proxy.stop()
    proxies.splice(proxies.indexOf(down.proxy), 1)
    await nodes().stop(down.node)
    await eventually(() => {
      assert.equal(viewer.links.size, PEERS - 1)
    })

    const begunAt = clock.now()
    const looking = view.fresh(DEADLINE_MS)
    // All have come to their end but the one that hangs.
    await eventually(() => {
      assert.equal(clock.timers, 1)
    })
    clock.advance(DEADLINE_MS)
    const report = await looking
    assert.ok(clock.now() - begunAt <= DEADLINE_MS + SECOND_MS)

    const states = Object.fromEntries(report.rows.map(({ name, state }) => [name, state]))
    const expected = Array.from({ length: PEERS }, (_, index) => [nameOf(index), 'green'])
    assert.deepEqual(states, {
      ...Object.fromEntries(expected),
      [nameOf(4)]: 'denied',
      [nameOf(7)]: 'unreachable',
      [nameOf(12)]: 'unreachable',
    })
    const reasons = new Map(report.rows.map((row) => [row.name, row.reasons[0]]))
    assert.equal(reasons.get(nameOf(4)), 'it does not let this node see its status')
    assert.equal(reasons.get(nameOf(7)), 'it did not answer within 5 s')
    assert.match(reasons.get(nameOf(12)) ?? '', /ECONNREFUSED/)
    assert.equal(report.state, 'unreachable')
    assert.deepEqual(report.hints, [])
    assert.deepEqual(await exitOf(report), 2)
  }).timeout(60_000)

  it('F48: a network of its own that is cut is one hint and exit code 4, and no alert', async () => {
    const { peers, viewer } = await star(3, () => ['status'])
    assert.equal((await viewer.fleet.view.fresh()).state, 'green')
    for (const { proxy } of peers) {
      proxy.blackHole()
      proxy.swallow(true)
    }
    const report = await viewer.fleet.view.fresh(SHORT_MS)
    assert.equal(report.state, 'offline')
    assert.deepEqual(
      report.hints.map(({ kind }) => kind),
      ['offline'],
    )
    assert.equal(await exitOf(report), 4)
    assert.deepEqual(viewer.alerts.list(), [])
  })

  it('F47: a key file that others may read is an incident, seen by whoever watches', async () => {
    const { peers, viewer } = await star(1, () => ['status'])
    const node = peers[0]?.node
    assert.ok(node !== undefined)
    assert.equal((await viewer.fleet.view.fresh()).rows[0]?.status?.audit.state, 'green')

    const keys = join(node.home.path, 'keys')
    const files = await readdir(keys, { recursive: true })
    const path = join(keys, files.find((file) => file.endsWith('.json')) ?? '')
    await chmod(path, 0o644)
    await node.fleet.own.look()
    const report = await viewer.fleet.view.fresh()
    const [row] = report.rows
    assert.deepEqual([row?.state, row?.reasons[0]], ['red', 'self-audit found key-files'])
    assert.equal(await exitOf(report), 3)
    // Names alone: no path, no mode.
    assert.ok(!JSON.stringify(report).includes(node.home.path))

    await chmod(path, 0o600)
    await node.fleet.own.look()
    assert.equal((await viewer.fleet.view.fresh()).rows[0]?.state, 'green')
  })

  it('F47: a node whose self-audit is off is flagged, and not green', async () => {
    const off = { flags: { 'fleet.self_audit': false } }
    const { viewer } = await star(1, () => ['status'], off)
    const report = await viewer.fleet.view.fresh()
    const [row] = report.rows
    assert.equal(row?.status?.audit.state, 'not-audited')
    assert.deepEqual([row.state, row.reasons], ['yellow', ['it does not audit itself']])
    assert.equal(await exitOf(report), 1)
  })

  it('F02: another key at the address of a peer is red, and gets no further', async () => {
    const { peers, viewer } = await star(1, () => ['status'])
    const [first] = peers
    assert.ok(first !== undefined)
    assert.equal((await viewer.fleet.view.fresh()).state, 'green')
    const [address = ''] = first.node.mesh.addresses()
    await nodes().stop(first.node)

    const other = await nodes().open('other', { flags: { listen: [address] } })
    await nodes().pin({ name: 'viewer', id: viewer.self.id, allow: ['status'] }, 'other')
    await other.start()
    const before = viewer.fleet.policy.counters()
    await eventually(async () => {
      const { rows } = await viewer.fleet.view.fresh(SHORT_MS)
      assert.equal(rows[0]?.identityChanged, true)
    })
    const report = viewer.fleet.view.report()
    assert.deepEqual(
      [report.rows[0]?.state, report.rows[0]?.reasons[0]],
      ['red', 'another key answers at its address'],
    )
    assert.equal(await exitOf(report), 3)
    assert.equal(viewer.links.size, 0)
    assert.deepEqual(viewer.fleet.policy.counters(), before)
    assert.deepEqual(
      viewer.alerts.list().map(({ kind, what }) => [kind, what]),
      [['peer-health', 'peer-00 is red: its identity has changed']],
    )
  })
})

function nameOf(index: number): string {
  return `peer-${String(index).padStart(2, '0')}`
}

/** What `kith fleet` ends with when that is what the node says. */
async function exitOf(report: FleetReport): Promise<number> {
  const cli = new FakeCli()
  cli.answers = { fleet: () => report }
  return await cli.kith('fleet')
}
