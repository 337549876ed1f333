import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROUTES } from '../../../src/node/control/api.ts'
import type { CallName, Output, PeerReport } from '../../../src/node/control/api.ts'
import { createHandlers } from '../../../src/node/control/handlers.ts'
import type { Handlers } from '../../../src/node/control/handlers.ts'
import type { KithNode } from '../../../src/node/node.ts'
import { eventually } from '../../helpers/eventually.ts'
import { askId } from '../../helpers/ask-calls.ts'
import { keyLogOf } from '../../helpers/key-logs.ts'
import { openNodes } from '../../helpers/open-node.ts'
import type { OpenNodes } from '../../helpers/open-node.ts'
import { peerOf } from '../../helpers/stub-pins.ts'

const { signal } = new AbortController()

describe('control handlers', () => {
  const all = openNodes()
  let nodes: OpenNodes
  let node: KithNode
  let stops: number
  let handlers: Handlers

  beforeEach(async () => {
    nodes = all()
    node = await nodes.open()
    stops = 0
    handlers = createHandlers(node, {
      readyAfterMs: () => 7,
      stop: () => {
        stops++
      },
    })
  })

  /** What a route gives, which must be what its schema says: the server does not look. */
  async function call<N extends CallName>(
    name: N,
    input: Parameters<Handlers[N]>[0],
  ): Promise<Output<N>> {
    const handle = handlers[name] as (
      input: Parameters<Handlers[N]>[0],
      signal: AbortSignal,
    ) => Promise<Output<N>>
    const output = await handle(input, signal)
    const overWire: unknown = JSON.parse(JSON.stringify(output))
    assert.deepEqual(ROUTES[name].output.parse(overWire), overWire)
    return output
  }

  async function peer(name: string): Promise<PeerReport | undefined> {
    return (await call('peers', {})).find((report) => report.name === name)
  }

  it('status tells what the node is and what is wrong, with what to type', async () => {
    await node.start()
    const status = await call('status', {})
    const { health, home, id, lobby, name, pid, problems, readyAfterMs } = status
    assert.deepEqual(
      { health, home, id, lobby, name, pid, problems, readyAfterMs },
      {
        health: 'healthy',
        home: node.home.path,
        id: node.self.id,
        lobby: 'shut',
        name: 'node',
        pid: process.pid,
        problems: [],
        readyAfterMs: 7,
      },
    )
    assert.deepEqual(status.asks, { running: 0, queued: 0, out: 0 })
    await writeFile(node.home.peers, 'peers: nobody\n', { mode: 0o600 })
    await eventually(async () => {
      const { health: now, problems: all } = await call('status', {})
      assert.equal(now, 'degraded')
      assert.match(all[0]?.what ?? '', /peers\.yaml:1:/)
      assert.match(all[0]?.hint ?? '', /edit line/)
    })
  })

  it('peers tell how each pin stands: waiting, by its key, absent with the reason', async () => {
    const [bert, carol] = [await keyLogOf('bert'), peerOf('carol').key]
    await nodes.pin({ name: 'bert', id: bert.id })
    await nodes.pin({ name: 'carol', key: carol, addresses: ['/ip4/127.0.0.1/tcp/1'] })
    await node.start()
    const waiting = await peer('bert')
    assert.equal(waiting?.state, 'waiting')
    assert.equal(waiting.words?.length, 4)
    assert.deepEqual((await peer('carol'))?.key, carol)
    await eventually(async () => {
      assert.match((await peer('carol'))?.lastError ?? '', /ECONNREFUSED|nobody/)
    })
    const { problems } = await call('status', {})
    assert.ok(problems.some(({ hint }) => hint?.includes('set-address bert')))
    assert.ok(problems.some(({ hint }) => hint?.includes('peers show carol')))
  })

  it('edits change pins at once', async () => {
    await node.start()
    const { id } = await keyLogOf('bert')
    const added = await call('editPeers', { op: 'add', peer: { name: 'bert', id } })
    assert.deepEqual(
      added.map(({ allow, name }) => [name, allow]),
      [['bert', []]],
    )
    await call('editPeers', { op: 'allow', name: 'bert', grants: ['ping'] })
    assert.equal((await call('explain', { name: 'bert', verb: 'ping' })).allowed, true)
    const denied = await call('explain', { name: 'bert', verb: 'ask' })
    assert.deepEqual([denied.allowed, denied.rule], [false, 'allow'])
    await assert.rejects(call('explain', { name: 'nas', verb: 'ask' }), { code: 'unknown-peer' })
    await assert.rejects(call('editPeers', { op: 'remove', name: 'nas' }), {
      code: 'unknown-peer',
    })
  })

  it('an ask is started, listed, shown, streamed and cancelled', async () => {
    await node.start()
    const { ask } = await call('ask', { peer: 'self', text: 'help' })
    const items = await Array.fromAsync(await handlers.askEvents({ ask, after: 0 }, signal))
    for (const item of items) assert.deepEqual(ROUTES.askEvents.output.parse(item), item)
    const final = items.at(-1)
    assert.ok(final?.type === 'final' && final.final.outcome === 'done')
    const rest = await Array.fromAsync(await handlers.askEvents({ ask, after: 1 }, signal))
    assert.deepEqual(rest, items.slice(1))
    const shown = await call('showAsk', { ask })
    assert.deepEqual(
      [shown.text, shown.state, shown.peer, shown.direction],
      ['help', 'done', 'self', 'in'],
    )
    assert.ok(shown.answer.length > 0)
    assert.deepEqual(
      (await call('asks', { limit: 5 })).map((report) => report.ask),
      [ask],
    )
    assert.equal((await call('cancelAsk', { ask })).state, 'done')
    await assert.rejects(call('showAsk', { ask: askId(9) }), { code: 'unknown-ask' })
  })

  it('the doctor has every check, and the problems of status are what is not well', async () => {
    await node.start()
    const { findings, state } = await call('doctor', {})
    assert.equal(state, 'ok')
    assert.ok(findings.length > 1)
    assert.equal(
      findings.find(({ check }) => check === 'backup')?.hint,
      'kith backup create --to DIR',
    )
    const keys = join(node.home.path, 'keys')
    await chmod(keys, 0o755)
    assert.equal((await call('doctor', {})).state, 'fail')
    const fault = { what: `${keys} is open to other users`, hint: `chmod 700 ${keys}` }
    assert.deepEqual((await call('status', {})).problems, [fault])
    await chmod(keys, 0o700)
    assert.deepEqual((await call('status', {})).problems, [])
  })

  it('alerts are listed until they are acknowledged, and after that, and after a restart', async () => {
    await node.start()
    assert.deepEqual(await call('alerts', {}), [])
    for (const what of ['1', '2']) {
      node.alerts.raise({ kind: 'peer-frozen', peer: 'bob', what, hint: 'ask' })
    }
    const [first, second] = await call('alerts', {})
    assert.ok(first && second)
    const open = async (): Promise<number> => {
      const { findings } = await call('doctor', {})
      return findings.filter(({ check, state }) => check === 'alerts' && state === 'warn').length
    }
    assert.ok((await open()) > 0)
    const [seen] = await call('ackAlerts', { alert: first.id })
    assert.deepEqual(await call('alerts', {}), [seen, second])
    assert.equal((await call('ackAlerts', { alert: 'all' })).length, 1)
    assert.equal(await open(), 0)
    await assert.rejects(call('ackAlerts', { alert: askId(9) }), { code: 'unknown-alert' })
    const before = await call('alerts', {})
    await nodes.stop(node)
    node = await nodes.open()
    await node.start()
    assert.deepEqual(node.alerts.list(), before)
  })

  it('stop answers, and the node begins to stop', async () => {
    assert.deepEqual(await call('stop', {}), {})
    assert.equal(stops, 1)
  })

  it('a ping measures a peer that is there, and says why one is not', async () => {
    const other = await nodes.open('other')
    await nodes.pin({ name: 'me', id: node.self.id, allow: ['ping'] }, 'other')
    await other.start()
    await nodes.pin({ name: 'bert', id: other.self.id, addresses: other.mesh.addresses() })
    await node.start()
    const { clockOffsetMs, peer: pinged, rttMs, software } = await call('ping', { name: 'bert' })
    assert.equal(pinged, 'bert')
    assert.ok(rttMs > 0 && rttMs < 5_000 && Math.abs(clockOffsetMs) < 5_000)
    assert.match(software, /^kith\//)
    const connected = await peer('bert')
    assert.deepEqual([connected?.state, connected?.outbound], ['connected', true])
    await nodes.stop(other)
    await eventually(async () => {
      await assert.rejects(call('ping', { name: 'bert', timeoutMs: 3_000 }), {
        code: 'unreachable',
      })
    })
    await assert.rejects(call('ping', { name: 'nas' }), { code: 'unknown-peer' })
  })
})
