import assert from 'node:assert/strict'
import type { Connection } from '@libp2p/interface'
import {
  LINK_PROTOCOL,
  LOBBY_MAX_BYTES,
  LOBBY_PARALLEL,
  LOBBY_PER_MINUTE,
  LOBBY_PER_PEER_PER_MINUTE,
  LOBBY_TIMEOUT_MS,
} from '../../src/protocol/limits.ts'
import { eventually } from '../helpers/eventually.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { ping, testMeshes } from '../helpers/mesh.ts'
import type { TestMesh } from '../helpers/mesh.ts'
import { closed, outsiders } from '../helpers/outsider.ts'
import { peerOf } from '../helpers/stub-pins.ts'
import { openLobby, showLog, showOf } from '../helpers/talk.ts'

const LOG = [new Uint8Array([1, 2, 3])]

describe('the lobby', () => {
  const start = testMeshes()
  const outsider = outsiders()
  let clock: ManualClock
  let node: TestMesh
  let visitors: number

  beforeEach(async () => {
    clock = new ManualClock()
    node = await start('node', { peers: ['friend'], clock })
    node.pins.waiting = true
    visitors = 0
  })

  /** A visitor's connection from 127.0.3.`host`. */
  async function visit(host: number): Promise<Connection> {
    const visitor = await outsider(`visitor ${++visitors}`, { from: `127.0.3.${host}` })
    return await visitor.dial(node.address)
  }

  /** Shows a log, and resolves when the node has looked at it: only those who were let in come so far. */
  async function enter(connection: Connection): Promise<void> {
    const key = connection.remotePeer.toString()
    assert.notEqual(key, '')
    const before = node.pins.shown.length
    await showLog(connection, LOG)
    await eventually(() => {
      assert.equal(node.pins.shown.length, before + 1)
    })
  }

  async function enterFrom(host: number): Promise<Connection> {
    const connection = await visit(host)
    await enter(connection)
    return connection
  }

  /** Lets the node notice that these have gone. */
  async function leave(...connections: Connection[]): Promise<void> {
    for (const connection of connections) connection.abort(new Error('gone'))
    await Promise.all(connections.map(closed))
  }

  it('lets one address in once a minute', async () => {
    await leave(await enterFrom(1))
    await closed(await visit(1))
    await enterFrom(2)
    clock.advance(60_000)
    await enterFrom(1)
  })

  it(`lets ${LOBBY_PER_MINUTE} in a minute, from wherever they come`, async () => {
    for (let host = 1; host <= LOBBY_PER_MINUTE; host++) await leave(await enterFrom(host))
    await closed(await visit(LOBBY_PER_MINUTE + 1))
    clock.advance(60_000 / LOBBY_PER_MINUTE)
    await enterFrom(LOBBY_PER_MINUTE + 2)
  })

  it(`holds ${LOBBY_PARALLEL} at once, and who did not fit has used up nothing`, async () => {
    const inside: Connection[] = []
    for (let host = 1; host <= LOBBY_PARALLEL; host++) inside.push(await enterFrom(host))
    await closed(await visit(9))
    await leave(...inside.splice(0, 1))
    await eventually(() => enterFrom(9))
    for (const connection of inside) assert.equal(connection.status, 'open')
  })

  it('lets a key in that a pin names when all is used up, and no other', async () => {
    const rest = LOBBY_PER_MINUTE - LOBBY_PARALLEL
    for (let host = 1; host <= rest; host++) await leave(await enterFrom(host))
    const inside: Connection[] = []
    for (let host = rest + 1; host <= LOBBY_PER_MINUTE; host++) inside.push(await enterFrom(host))
    await closed(await visit(1))
    const awaited = await outsider('awaited', { from: '127.0.3.1' })
    node.pins.awaited.add(awaited.key)
    await enter(await awaited.dial(node.address))
    await closed(await visit(1))
    for (const connection of inside) assert.equal(connection.status, 'open')
  })

  describe('of which strangers have all places', () => {
    beforeEach(async () => {
      for (let host = 1; host <= LOBBY_PARALLEL; host++) await enterFrom(host)
      for (let host = 5; host <= LOBBY_PER_MINUTE; host++) await closed(await visit(host))
    })

    it('lets in from where a pin says that its node is, at its own rate', async () => {
      node.pins.set([peerOf('friend', { addresses: ['/ip4/127.0.3.77/tcp/7423'] })])
      await closed(await visit(78))
      for (let n = 0; n < LOBBY_PER_MINUTE; n++) await enterFrom(77)
      await closed(await visit(77))
    })

    it('lets in from where a pinned node has called', async () => {
      await closed(await visit(77))
      const friend = await outsider('friend', { from: '127.0.3.77' })
      await friend.dial(node.address)
      await enterFrom(77)
    })
  })

  it('ends a visit when its time is up', async () => {
    const connection = await enterFrom(1)
    clock.advance(LOBBY_TIMEOUT_MS - 1)
    const friend = await start('friend', { peers: ['node'], listen: [] })
    await ping(await friend.dial('node', node.address))
    assert.equal(connection.status, 'open')
    clock.advance(1)
    await closed(connection)
  })

  it('ends a visit that sends too much', async () => {
    const connection = await visit(1)
    const stream = await openLobby(connection)
    stream.send(new Uint8Array(LOBBY_MAX_BYTES + 1))
    await closed(connection)
    assert.equal(node.pins.shown.length, 0)
  })

  it('takes a visit that sends all it may', async () => {
    const connection = await visit(1)
    const stream = await openLobby(connection)
    // What Noise, Yamux and the choice of the protocol add counts too.
    stream.send(showOf([new Uint8Array(LOBBY_MAX_BYTES - 512)]))
    await eventually(() => {
      assert.equal(node.pins.shown.length, 1)
    })
    assert.equal(connection.status, 'open')
  })

  it('takes one stream of a visit, and refuses the next', async () => {
    const connection = await visit(1)
    const first = await openLobby(connection)
    const second = await openLobby(connection).catch(() => undefined)
    if (second !== undefined) {
      await eventually(() => {
        assert.notEqual(second.status, 'open')
      })
    }
    first.send(showOf(LOG))
    await eventually(() => {
      assert.equal(node.pins.shown.length, 1)
    })
  })

  it('takes one talk of a connection, also of a key that is pinned', async () => {
    const friend = await outsider('friend')
    const connection = await friend.dial(node.address)
    await enter(connection)
    for (const stream of connection.streams) stream.abort(new Error('done'))
    // What the node answers after that shows that it has seen it: libp2p would take another stream now.
    await connection.newStream(LINK_PROTOCOL)
    const second = await openLobby(connection)
    await eventually(() => {
      assert.equal(second.status, 'reset')
    })
    assert.equal(node.pins.shown.length, 1)
    assert.equal(connection.status, 'open')
    connection.abort(new Error('done'))
    await enter(await friend.dial(node.address))
  })

  it(`takes ${LOBBY_PER_PEER_PER_MINUTE} visits a minute of a pinned node, and is silent then`, async () => {
    const friend = await outsider('friend')
    for (let n = 0; n < LOBBY_PER_PEER_PER_MINUTE; n++) {
      const connection = await friend.dial(node.address)
      await enter(connection)
      connection.abort(new Error('done'))
    }
    const late = await friend.dial(node.address)
    const stream = await showLog(late, LOG)
    // Of whoever comes after it, the node has heard: it has heard this one too.
    await enterFrom(1)
    assert.equal(node.pins.shown.length, LOBBY_PER_PEER_PER_MINUTE + 1)
    assert.equal(stream.status, 'open')
    late.abort(new Error('done'))
    clock.advance(60_000 / LOBBY_PER_PEER_PER_MINUTE)
    await enter(await friend.dial(node.address))
  })

  it('has no other protocol for a visitor', async () => {
    const connection = await enterFrom(1)
    await assert.rejects(connection.newStream('/ipfs/ping/1.0.0'), {
      name: 'UnsupportedProtocolError',
    })
    let bytes = 0
    const stream = await connection.newStream(LINK_PROTOCOL)
    stream.addEventListener('message', ({ data }) => {
      bytes += data.byteLength
    })
    clock.advance(LOBBY_TIMEOUT_MS)
    await closed(connection)
    assert.equal(bytes, 0)
    assert.equal(node.links.size, 0)
  })
})
