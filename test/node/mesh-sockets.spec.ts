import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, Socket } from 'node:net'
import { mock } from 'node:test'
import type { Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { isFailure } from '../../src/protocol/errors.ts'
import {
  DRAIN_TIMEOUT_MS,
  LINK_PROTOCOL,
  MAX_LINK_BACKLOG_BYTES,
} from '../../src/protocol/limits.ts'
import { MAX_PING_BYTES } from '../../src/protocol/verbs.ts'
import { createTransport } from '../../src/node/transport.ts'
import { eventually } from '../helpers/eventually.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { ping, testMeshes } from '../helpers/mesh.ts'
import type { TestMesh } from '../helpers/mesh.ts'
import { outsiders } from '../helpers/outsider.ts'
import { seedOf } from '../helpers/stub-pins.ts'
import { framesOf, openLink, sendOn } from '../helpers/talk.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'

/** How many timers keep this process. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
}

/** What a dialling libp2p says first: multistream-select, and that it wants Noise. */
const HEAD = Buffer.from('\x13/multistream/1.0.0\n\x07/noise\n')

describe('sockets of a node', () => {
  const start = testMeshes()
  const outsider = outsiders()
  let clock: ManualClock
  let anna: TestMesh
  let bert: TestMesh

  beforeEach(async () => {
    clock = new ManualClock()
    anna = await start('anna', { peers: ['bert'], listen: [] })
    bert = await start('bert', { peers: ['anna', 'slow'], clock })
  })

  describe('that are reset', () => {
    const said: [when: string, bytes: Uint8Array][] = [
      ['before a byte', Buffer.of()],
      ['in the first word', HEAD.subarray(0, 5)],
      ['before the handshake', HEAD],
      ['inside the handshake', Buffer.concat([HEAD, Buffer.of(0, 32, 1, 2, 3)])],
      [
        'after a handshake message of noise',
        Buffer.concat([HEAD, Buffer.of(0, 32), Buffer.alloc(32, 9)]),
      ],
    ]
    for (const [when, bytes] of said) {
      it(`${when} harm nobody`, async () => {
        const socket = connect(bert.port, '127.0.0.1')
        await once(socket, 'connect')
        await new Promise((resolve) => socket.write(bytes, resolve))
        socket.resetAndDestroy()
        await ping(await anna.dial('bert', bert.address))
      })
    }

    it('under a link end its calls, and nothing else', async () => {
      const proxy = await TcpProxy.to(bert.port)
      const link = await anna.dial('bert', proxy.address)
      const calls = Array.from({ length: 100 }, () => ping(link))
      proxy.reset()
      for (const result of await Promise.allSettled(calls)) {
        if (result.status === 'rejected') assert.ok(isFailure(result.reason, 'connection-lost'))
      }
      await link.closed
      await ping(await anna.dial('bert', bert.address))
      await proxy.stop()
    })
  })

  it('have no time after which silence ends them', async () => {
    const setTimeout = mock.method(Socket.prototype, 'setTimeout')
    await ping(await anna.dial('bert', bert.address))
    const timeouts = setTimeout.mock.calls.map((call) => call.arguments[0])
    setTimeout.mock.restore()
    assert.deepEqual(timeouts, [0, 0])
  })

  it('are not remembered by libp2p', async () => {
    const transport = await createTransport({ secret: seedOf('anna'), listen: [], gater: {} })
    const { libp2p } = transport
    await libp2p.handle('/a/protocol', () => undefined)
    await libp2p.start()
    const connection = await transport.dial(multiaddr(bert.address), AbortSignal.timeout(5_000))
    await connection.newStream(LINK_PROTOCOL)
    assert.deepEqual(await libp2p.peerStore.all(), [])
    await libp2p.stop()
  })

  it('leave no timer once they are closed, which would keep the process', async () => {
    const listen = ['/ip4/127.0.0.1/tcp/0']
    const { libp2p } = await createTransport({ secret: seedOf('node'), listen, gater: {} })
    const before = timers()
    await libp2p.start()
    await libp2p.stop()
    assert.equal(timers(), before)
  })

  it('have no monitor that ends a connection at its first late ping', async () => {
    const { libp2p } = await createTransport({ secret: seedOf('node'), listen: [], gater: {} })
    // libp2p hands its parts to each other in there; an absent one throws when it is asked for.
    const { components } = libp2p as unknown as { components: Record<string, unknown> }
    assert.throws(() => components['connectionMonitor'], { name: 'MissingServiceError' })
    assert.ok(components['connectionManager'] !== undefined)
  })

  for (const protocol of [
    '/ipfs/ping/1.0.0',
    '/ipfs/id/1.0.0',
    '/libp2p/circuit/relay/0.2.0/hop',
  ]) {
    it(`speak no ${protocol}, also to a pinned peer`, async () => {
      const connection = await (await outsider('slow')).dial(bert.address)
      await assert.rejects(connection.newStream(protocol), { name: 'UnsupportedProtocolError' })
    })
  }

  describe('whose peer does not read', () => {
    /** Lets the pinned peer called slow open a link, read nothing, and send so many pings. */
    async function floodPings(count: number): Promise<Stream> {
      const connection = await (await outsider('slow')).dial(bert.address)
      const stream = await openLink(connection)
      stream.pause()
      await bert.linkTo('slow')
      const body = { nonce: new Uint8Array(0), size: MAX_PING_BYTES }
      for (let id = 1; id <= count && stream.status === 'open'; id++) {
        const call = { t: 'call', id, body, verb: 'ping', deadlineMs: 600_000 } as const
        await sendOn(stream, framesOf(call))
      }
      return stream
    }

    it('are given up with what waits for them, before it is much', async () => {
      await floodPings(50_000)
      const line = await bert.log.line(({ msg }) => msg === 'peer disconnected')
      assert.match(String(line['reason']), /the peer does not read/)
      // What the windows of Yamux and the kernel's buffers hold comes on top.
      const most = (2 * MAX_LINK_BACKLOG_BYTES) / MAX_PING_BYTES
      assert.ok(bert.calls < most, `${bert.calls} answers were made`)
    })

    it('are given up after a while with little that waits', async () => {
      const calls = 600
      await floodPings(calls)
      await eventually(() => {
        assert.equal(bert.calls, calls)
      })
      const link = await bert.linkTo('slow')
      // The first sweep sees that it is stuck.
      clock.advance(1_000)
      clock.advance(DRAIN_TIMEOUT_MS - 1_000)
      assert.equal(link.over, false)
      clock.advance(1_000)
      assert.match((await link.closed).message, /the peer does not read/)
    })

    it('stay when it reads again in time', async () => {
      const calls = 600
      const stream = await floodPings(calls)
      await eventually(() => {
        assert.equal(bert.calls, calls)
      })
      clock.advance(DRAIN_TIMEOUT_MS / 2)
      let bytes = 0
      stream.addEventListener('message', ({ data }) => {
        bytes += data.byteLength
      })
      stream.resume()
      await eventually(() => {
        assert.ok(bytes > calls * MAX_PING_BYTES)
      })
      clock.advance(DRAIN_TIMEOUT_MS)
      assert.equal((await bert.linkTo('slow')).over, false)
    })
  })
})
