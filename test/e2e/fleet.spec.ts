import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FleetReport, PeerReport } from '../../src/node/control/api.ts'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { compileCache, program } from '../helpers/programs.ts'
import { kith } from '../helpers/run-kith.ts'

describe('a fleet of processes', function () {
  this.timeout(60_000)
  const make = liveNodes()
  let alice: LiveNode
  let bob: LiveNode
  let cid: LiveNode

  before(async () => {
    alice = await make('alice')
    bob = await make('bob')
    cid = await make('cid')
    for (const peer of [bob, cid]) {
      await alice.pin(peer)
      await peer.pin(alice, { addresses: [], allow: ['ping', 'ask', 'status'] })
      await peer.start()
    }
    await alice.start()
    await Promise.all([alice.linkedTo(bob), alice.linkedTo(cid)])
  })

  async function fleet(): Promise<{ code: number; report: FleetReport }> {
    const { code, err, out } = await kith(alice, 'fleet', '--json', '--timeout', '5000')
    assert.equal(err, '')
    return { code, report: JSON.parse(out) as FleetReport }
  }

  function stateOf(report: FleetReport, peer: LiveNode): string | undefined {
    return report.rows.find(({ name }) => name === peer.name)?.state
  }

  it('F45: all green ends with 0, and says which version each has', async () => {
    const { code, report } = await fleet()
    assert.deepEqual(
      report.rows.map(({ reasons, state }) => [state, reasons]),
      [
        ['green', []],
        ['green', []],
      ],
    )
    assert.equal(code, 0)
    assert.match(report.rows[0]?.status?.software ?? '', /^kith\//)
    assert.deepEqual(report.rows[0]?.status?.versions, [1, 1])
    const { out } = await kith(alice, 'fleet')
    assert.match(out, /^NAME {2}/)
    assert.match(out, /\n2 peers: 2 green\n$/)
  })

  it('F45: one that is told no more is denied, and that is 1', async () => {
    await kith(cid, 'peers', 'deny', 'alice', 'status')
    await eventually(async () => {
      const { code, report } = await fleet()
      assert.deepEqual([code, stateOf(report, cid)], [1, 'denied'])
    })
    await kith(cid, 'peers', 'allow', 'alice', 'status')
    await eventually(async () => {
      assert.equal((await fleet()).code, 0)
    })
  })

  it('F45: --watch shows a change as it comes, and ends with Ctrl-C', async () => {
    const env = {
      PATH: process.env['PATH'],
      KITH_HOME: alice.home.path,
      NODE_COMPILE_CACHE: compileCache(),
    }
    const child = spawn(process.execPath, [program('kith'), 'fleet', '--watch', '--json'], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const closed = once(child, 'close') as Promise<[number]>
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    const last = (): FleetReport => {
      const line = text.slice(0, text.lastIndexOf('\n')).split('\n').at(-1) ?? ''
      return JSON.parse(line) as FleetReport
    }
    await eventually(() => {
      assert.equal(last().state, 'green')
    })
    await cid.kill()
    await eventually(() => {
      assert.equal(stateOf(last(), cid), 'unreachable')
    })
    child.kill('SIGINT')
    assert.deepEqual((await closed)[0], 130)
  })

  it('F45: one that is down is 2, and its history says since when', async () => {
    const { code, report } = await fleet()
    assert.deepEqual([code, stateOf(report, cid)], [2, 'unreachable'])
    const { out } = await kith(alice, 'fleet', 'history', 'cid')
    const [, newest = '', ...before] = out.split('\n')
    assert.match(newest, / unreachable /)
    assert.ok(before.some((line) => line.includes(' green ')))
  })

  it('F67: counts over a restart what was let in and refused, for peers show and explain', async () => {
    await kith(bob, 'peers', 'deny', 'alice', 'ask')
    const refused = await kith(alice, 'ask', 'bob', 'hello')
    assert.equal(refused.code, 4)
    const before = await shown()
    assert.equal(before?.denied, 1)
    assert.ok(before.allowed > 0)
    assert.equal(before.lastDenial?.code, 'denied')
    await bob.stop()

    // Its store has it, also while it does not run.
    const offline = await kith(bob, 'peers', 'explain', 'alice', 'ask')
    assert.equal(offline.code, 5)
    assert.match(offline.out, /^no: an ask by alice is refused \(denied\) .*\(peers\.yaml:\d+\)\n/)
    assert.match(offline.out, /\nlast refused .* \(denied\) by the rule allow: /)

    await bob.start()
    assert.equal((await shown())?.denied, 1)
    const { out } = await kith(bob, 'peers', 'show', 'alice')
    assert.match(out, /its calls +\d+ allowed, 1 denied, 0 limited since /)
    assert.match(out, /last refused +.* ask: denied /)
  })

  it('F48: a whole network that is gone is this node, and 4', async () => {
    await bob.kill()
    const { code, report } = await fleet()
    assert.deepEqual([code, report.state], [4, 'offline'])
    const { out } = await kith(alice, 'fleet')
    assert.match(out, /\nhint: no peer answers: it is this node that seems to be off-line\n/)
    const alerts = await kith(alice, 'alerts', 'list', '--json')
    const kinds = (JSON.parse(alerts.out) as { kind: string }[]).map(({ kind }) => kind)
    assert.ok(!kinds.includes('peer-health'))
  })

  async function shown(): Promise<PeerReport['policy']> {
    const { out } = await kith(bob, 'peers', 'show', 'alice', '--json')
    return (JSON.parse(out) as PeerReport).policy
  }
})

describe('a fleet whose kith does not audit itself', function () {
  this.timeout(60_000)
  const make = liveNodes()

  it('F47: is flagged, and not green', async () => {
    const [alice, bob] = [await make('alice'), await make('bob')]
    await alice.pin(bob)
    await bob.pin(alice, { addresses: [], allow: ['status'] })
    const config = join(bob.home.path, 'config.yaml')
    await writeFile(config, `listen: [${bob.address}]\nfleet: { self_audit: false }\n`, {
      mode: 0o600,
    })
    await bob.start()
    await alice.start()
    await alice.linkedTo(bob)
    const { code, out } = await kith(alice, 'fleet')
    assert.equal(code, 1)
    assert.match(out, /\nbob +yellow .* it does not audit itself\n/)
  })
})
