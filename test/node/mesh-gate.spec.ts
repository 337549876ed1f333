import assert from 'node:assert/strict'
import { Gate } from '../../src/node/gate.ts'
import { createTransport } from '../../src/node/transport.ts'
import type { Transport } from '../../src/node/transport.ts'
import { LINK_PROTOCOL, LOBBY_PROTOCOL } from '../../src/protocol/limits.ts'
import { eventually } from '../helpers/eventually.ts'
import { keyLogOf } from '../helpers/key-logs.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { ping, testMeshes } from '../helpers/mesh.ts'
import { closed, outsiders } from '../helpers/outsider.ts'
import type { Outsider } from '../helpers/outsider.ts'
import { digestsOf, storedPins } from '../helpers/stored-pins.ts'
import { peerOf } from '../helpers/stub-pins.ts'
import { showLog } from '../helpers/talk.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'

const noStrangers = { blocks: () => false, note: () => undefined }

describe('a stranger at the gate', () => {
  const start = testMeshes()
  const outsider = outsiders()
  const pinned = storedPins()
  let stranger: Outsider

  beforeEach(async () => {
    stranger = await outsider('stranger')
  })

  describe('of a node whose pins are all met', () => {
    it('connects, and is closed without a byte after the handshake', async () => {
      const node = await start('node', { peers: ['friend'] })
      const proxy = await TcpProxy.to(node.port)
      const connection = await stranger.dial(proxy.address)
      const handshakeBytes = proxy.bytes.back
      await closed(connection)
      assert.equal(proxy.bytes.back, handshakeBytes)
      await proxy.stop()
    })

    it('gets no stream', async () => {
      const node = await start('node', { peers: ['friend'] })
      for (const protocol of [LINK_PROTOCOL, LOBBY_PROTOCOL]) {
        const connection = await stranger.dial(node.address)
        const stream = await connection.newStream(protocol).catch(() => undefined)
        await closed(connection)
        assert.notEqual(stream?.status, 'open')
      }
      assert.equal(node.pins.shown.length, 0)
    })

    it('changes nothing on disk', async () => {
      const { id, log } = await keyLogOf('friend')
      const { folder, pins } = await pinned([{ name: 'friend', id }])
      await pins.learn(log, peerOf('friend').key)
      assert.equal(pins.waiting, false)
      const before = await digestsOf(folder)
      assert.ok(Object.keys(before).length > 3)
      const node = await start('node', { lobbyPins: pins })
      for (let visit = 0; visit < 5; visit++) await closed(await stranger.dial(node.address))
      assert.deepEqual(await digestsOf(folder), before)
    })

    it('is let in as soon as it is pinned, and no sooner', async () => {
      const node = await start('node')
      await closed(await stranger.dial(node.address))
      node.pins.set([peerOf('stranger')])
      const friend = await start('stranger', { peers: ['node'], listen: [] })
      await ping(await friend.dial('node', node.address))
    })

    describe('that counts connections', () => {
      let transport: Transport | undefined
      afterEach(() => transport?.libp2p.stop())

      it('is closed before the muxer, where a pinned node is not', async () => {
        const node = await start('node', { peers: ['friend'], listen: [] })
        const gater = new Gate({ pins: node.pins, lobby: node.lobby, strangers: noStrangers })
        transport = await createTransport({
          secret: new Uint8Array(32).fill(7),
          listen: ['/ip4/127.0.0.1/tcp/0'],
          gater,
        })
        const muxed: string[] = []
        transport.libp2p.addEventListener('connection:open', ({ detail }) => {
          muxed.push(detail.remotePeer.toString())
        })
        await transport.libp2p.start()
        const [address] = transport.libp2p.getMultiaddrs()
        const friend = await outsider('friend')
        await closed(await stranger.dial(String(address)))
        await friend.dial(String(address))
        await eventually(() => {
          assert.deepEqual(muxed, [friend.key])
        })
      })
    })
  })

  for (const letIn of [true, false]) {
    it(`${letIn ? 'gets' : 'does not get'} into the lobby while it is ${letIn ? 'open' : 'shut'}`, async () => {
      const lobby = { open: () => letIn }
      const node = await start('node', { lobby, clock: new ManualClock() })
      const connection = await stranger.dial(node.address)
      if (letIn) {
        const events = [new Uint8Array([1, 2, 3])]
        await showLog(connection, events)
        await eventually(() => {
          assert.deepEqual(node.pins.shown, [{ events, key: stranger.key }])
        })
        assert.equal(connection.status, 'open')
      } else {
        await closed(connection)
      }
    })
  }
})
