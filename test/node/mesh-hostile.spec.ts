import assert from 'node:assert/strict'
import type { Connection } from '@libp2p/interface'
import { MAX_LINKS_PER_PEER } from '../../src/node/links.ts'
import {
  HELLO_TIMEOUT_MS,
  LINK_PROTOCOL,
  LOBBY_TIMEOUT_MS,
  MAX_FRAME_BYTES,
} from '../../src/protocol/limits.ts'
import { eventually } from '../helpers/eventually.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { ping, testMeshes } from '../helpers/mesh.ts'
import type { TestMesh } from '../helpers/mesh.ts'
import { closed, outsiders } from '../helpers/outsider.ts'
import { peerOf } from '../helpers/stub-pins.ts'
import { belowStreams, framesOf, openLink, openLobby, sendOn, showLog } from '../helpers/talk.ts'
import { helloOf } from '../helpers/raw-peer.ts'

const MIB = 1_048_576

/** What the node may have read of one frame, and what the sockets of both sides may hold of it. */
const ENOUGH_BYTES = 24 * MIB

/** Yamux: version, type, flags, stream, length. See its specification by HashiCorp. */
const WRONG_HEADERS: [what: string, header: string][] = [
  ['of another version', '090000000000000100000000'],
  ['of an unknown type', '000900000000000100000000'],
  ['with a stream of our side', '000100010000000200000000'],
]

/** Data for stream 99, which there is not: 4 GiB - 1. */
const ENDLESS_FRAME = Buffer.from('0000000000000063ffffffff', 'hex')

describe('a hostile peer', () => {
  const start = testMeshes()
  const outsider = outsiders()
  let clock: ManualClock
  let node: TestMesh

  beforeEach(async () => {
    clock = new ManualClock()
    node = await start('node', { peers: ['friend', 'mallory'], clock })
  })

  /** A connection of its own, also when there is one already. */
  async function dialAs(name: string): Promise<Connection> {
    return await (await outsider(name)).dial(node.address)
  }

  /** One of which the node knows, and has set its timer. */
  async function dialKnown(): Promise<Connection> {
    const before = clock.timers
    const connection = await dialAs('mallory')
    await eventually(() => {
      assert.ok(clock.timers > before)
    })
    return connection
  }

  /** What was sent before is read by the node when this resolves. */
  async function settled(): Promise<void> {
    const friend = await start('friend', { peers: ['node'], listen: [] })
    await ping(await friend.dial('node', node.address))
  }

  describe('that breaks the muxer', () => {
    for (const [what, header] of WRONG_HEADERS) {
      it(`by a header ${what} loses its link, and nobody else does`, async () => {
        const friend = await start('friend', { peers: ['node'], listen: [] })
        const honest = await friend.dial('node', node.address)
        const connection = await dialAs('mallory')
        await openLink(connection)
        const link = await node.linkTo('mallory')
        belowStreams(connection).send(Buffer.from(header, 'hex'))
        await Promise.all([link.closed, closed(connection)])
        await ping(honest)
        await openLink(await dialAs('mallory'))
        await node.linkTo('mallory')
      })
    }

    it('by a frame without an end is cut off after some MiB of it', async () => {
      const connection = await dialAs('mallory')
      await openLink(connection)
      const link = await node.linkTo('mallory')
      const below = belowStreams(connection)
      below.send(ENDLESS_FRAME)
      const chunk = Buffer.alloc(MIB / 4)
      for (let sent = 0; connection.status === 'open'; sent += chunk.byteLength) {
        assert.ok(sent < ENOUGH_BYTES, `${sent} bytes taken`)
        await sendOn(below, chunk)
      }
      await link.closed
    })

    it('does not, when it sends as much in frames that are allowed', async () => {
      const friend = await start('friend', { peers: ['node'], listen: [] })
      const link = await friend.dial('node', node.address)
      const body = new Uint8Array(MAX_FRAME_BYTES - 64)
      for (let sent = 0; sent < ENOUGH_BYTES; sent += 2 * body.byteLength) {
        const calls = [1, 2].map(() => link.call('ping', body, { deadlineMs: 10_000 }))
        const ends = await Promise.allSettled(calls)
        assert.deepEqual(
          ends.map((end) => end.status === 'rejected' && (end.reason as Error).name),
          ['WireFailure', 'WireFailure'],
        )
      }
      await ping(link)
    })
  })

  it('that is mute after the handshake holds no dial and no visit of ours for long', async () => {
    const mute = await outsider('mallory')
    mute.libp2p.addEventListener('connection:open', ({ detail }) => {
      Object.assign(belowStreams(detail), { send: () => true })
    })
    const { signal } = new AbortController()
    const dialledAt = performance.now()
    await Promise.all([
      assert.rejects(node.mesh.dial(peerOf('mallory'), mute.address, signal), {
        code: 'connection-lost',
      }),
      assert.rejects(node.mesh.visitLobby(mute.address, signal), { code: 'unreachable' }),
    ])
    const tookMs = performance.now() - dialledAt
    assert.ok(tookMs > Math.min(HELLO_TIMEOUT_MS, LOBBY_TIMEOUT_MS) - 100, `${tookMs} ms`)
    assert.ok(tookMs < Math.max(HELLO_TIMEOUT_MS, LOBBY_TIMEOUT_MS) + 2_000, `${tookMs} ms`)
  }).timeout(30_000)

  it(`has ${MAX_LINKS_PER_PEER} links at once: one more ends the oldest`, async () => {
    const connections: Connection[] = []
    for (let link = 0; link < MAX_LINKS_PER_PEER; link++) {
      const connection = await dialAs('mallory')
      await openLink(connection)
      connections.push(connection)
    }
    await settled()
    for (const connection of connections) assert.equal(connection.status, 'open')
    const last = await dialAs('mallory')
    await openLink(last)
    const [oldest = last, ...others] = connections
    await closed(oldest)
    await settled()
    for (const connection of [...others, last]) assert.equal(connection.status, 'open')
  })

  describe('that is pinned and opens no link', () => {
    for (const lobby of [false, true]) {
      it(`is closed in time, ${lobby ? 'also in the lobby' : 'and not before'}`, async () => {
        const connection = await dialKnown()
        if (lobby) await openLobby(connection)
        clock.advance(2 * HELLO_TIMEOUT_MS - 1)
        await settled()
        assert.equal(connection.status, 'open')
        clock.advance(1)
        await closed(connection)
      })
    }

    it('is not, when it has opened one', async () => {
      const connection = await dialKnown()
      await openLink(connection)
      await node.linkTo('mallory')
      clock.advance(2 * HELLO_TIMEOUT_MS)
      await settled()
      assert.equal(connection.status, 'open')
    })

    it('is cut when its pin goes, and no sooner', async () => {
      const connection = await dialKnown()
      await openLobby(connection)
      node.pins.set([peerOf('friend'), peerOf('mallory', { name: 'molly' })])
      await settled()
      assert.equal(connection.status, 'open')
      node.pins.set([peerOf('friend')])
      await closed(connection)
    })
  })

  describe('that is in the lobby', () => {
    let visit: Connection

    beforeEach(async () => {
      node.pins.waiting = true
      visit = await dialAs('stranger')
      await showLog(visit, [new Uint8Array(1)])
      await eventually(() => {
        assert.equal(node.pins.shown.length, 1)
      })
    })

    it('stays there when the pins of others change', async () => {
      node.pins.set([peerOf('friend')])
      await settled()
      assert.equal(visit.status, 'open')
    })

    it('gets no link on the same connection once it is known, but on another', async () => {
      node.pins.set([peerOf('friend'), peerOf('stranger')])
      const stream = await visit.newStream(LINK_PROTOCOL)
      let heardBytes = 0
      stream.addEventListener('message', ({ data }) => {
        heardBytes += data.byteLength
      })
      stream.send(framesOf(helloOf()))
      await settled()
      assert.equal(node.links.get(peerOf('stranger').id), undefined)
      await openLink(await dialAs('stranger'))
      await node.linkTo('stranger')
      assert.equal(heardBytes, 0)
    })
  })
})
