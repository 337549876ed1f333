import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { Alert, AlertInit } from '../../../src/node/alerts.ts'
import { ControlClient } from '../../../src/node/control/client.ts'
import { createHandlers } from '../../../src/node/control/handlers.ts'
import { ControlServer } from '../../../src/node/control/server.ts'
import type { KithNode } from '../../../src/node/node.ts'
import { openNodes } from '../../helpers/open-node.ts'
import type { OpenNodes } from '../../helpers/open-node.ts'
import { inception, rotated } from '../../vectors/key-log-events.ts'
import { fromHex } from '../../vectors/seeds.ts'

const frozen: AlertInit = { kind: 'peer-frozen', peer: 'bob', what: 'two logs', hint: 'ask' }

describe('alert events', () => {
  const all = openNodes()
  let nodes: OpenNodes
  let node: KithNode
  let server: ControlServer
  let client: ControlClient
  let stop: AbortController

  beforeEach(async () => {
    nodes = all()
    node = await nodes.open()
    const { path: home, socket } = node.home
    const handlers = createHandlers(node, { readyAfterMs: () => 0, stop: () => undefined })
    server = new ControlServer({ handlers, log: pino({ level: 'silent' }) }, { socket })
    client = new ControlClient({ socket, home })
    stop = new AbortController()
    await server.start()
  })
  afterEach(async () => {
    stop.abort()
    await server.stop()
  })

  function events(after?: string): AsyncGenerator<Alert> {
    return client.alertEvents(after === undefined ? {} : { after }, stop.signal)
  }

  async function next(reader: AsyncGenerator<Alert>): Promise<Alert> {
    const { value } = (await reader.next()) as IteratorResult<Alert, undefined>
    assert.ok(value)
    return value
  }

  it('tell of a peer whose key has changed, as it happens', async () => {
    await node.start()
    const log = await inception()
    await nodes.pin({ name: 'bob', id: log.id })
    await node.pins.edit({ op: 'allow', name: 'bob', grants: ['ping'] })
    await node.pins.take(log.events.map(fromHex))
    const reader = events()
    const coming = next(reader)
    await node.pins.take((await rotated(log)).events.map(fromHex))
    const { kind, peer, what } = await coming
    assert.deepEqual([kind, peer], ['peer-rotated', 'bob'])
    assert.match(what, /another key/)
    const { findings, state } = await client.call('doctor', {})
    assert.equal(state, 'warn')
    assert.ok(findings.some((finding) => finding.check === 'alerts' && finding.what === what))
    const { problems } = await client.call('status', {})
    assert.ok(problems.some((problem) => problem.what === what))
  })

  it('begin with what is open, in order, and go on from any of them', async () => {
    for (const what of ['1', '2', '3']) node.alerts.raise({ ...frozen, what })
    const [first, second] = node.alerts.list()
    await client.call('ackAlerts', { alert: second?.id ?? '' })
    const reader = events()
    assert.equal((await next(reader)).what, '1')
    assert.equal((await next(reader)).what, '3')
    node.alerts.raise({ ...frozen, what: '4' })
    assert.equal((await next(reader)).what, '4')
    assert.equal((await next(events(first?.id))).what, '3')
  })

  it('do not come again when an alert is only counted', async () => {
    const reader = events()
    for (const what of ['1', '1', '2']) node.alerts.raise({ ...frozen, what })
    assert.equal((await next(reader)).what, '1')
    assert.equal((await next(reader)).what, '2')
  })

  it('go to every reader, and end when the node stops', async () => {
    const readers = [events(), events()]
    const coming = readers.map(next)
    node.alerts.raise(frozen)
    for (const alert of await Promise.all(coming)) assert.equal(alert.what, 'two logs')
    const ends = readers.map((reader) => reader.next())
    await server.stop()
    for (const { done } of await Promise.all(ends)) assert.equal(done, true)
  })
})
