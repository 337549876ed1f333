import assert from 'node:assert/strict'
import { eventually } from '../helpers/eventually.ts'
import { ping, testMeshes } from '../helpers/mesh.ts'
import { closed, outsiders } from '../helpers/outsider.ts'
import type { Outsider } from '../helpers/outsider.ts'
import { peerOf } from '../helpers/stub-pins.ts'
import { showLog } from '../helpers/talk.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'

describe('the gate and strangers', () => {
  const start = testMeshes()
  const outsider = outsiders()
  let stranger: Outsider

  beforeEach(async () => {
    stranger = await outsider('stranger')
  })

  for (const [lobby, open] of [
    ['shut', () => false],
    ['open', () => true],
  ] as const) {
    it(`are noted each time they call while the lobby is ${lobby}`, async () => {
      const node = await start('node', { peers: ['friend'], lobby: { open } })
      await stranger.dial(node.address)
      await stranger.dial(node.address)
      await eventually(() => {
        assert.deepEqual(node.noted, [stranger.key, stranger.key])
      })
    })
  }

  it('are noted also when the lobby has no room for them', async () => {
    const node = await start('node', { lobby: { open: () => true, perMinute: 1 } })
    const connection = await stranger.dial(node.address)
    const other = await outsider('other')
    await closed(await other.dial(node.address))
    assert.equal(connection.status, 'open')
    assert.deepEqual(node.noted, [stranger.key, other.key])
  })

  it('are not those who are pinned', async () => {
    const node = await start('node', { peers: ['friend'] })
    const friend = await start('friend', { peers: ['node'], listen: [] })
    await ping(await friend.dial('node', node.address))
    assert.deepEqual(node.noted, [])
  })

  describe('who are blocked', () => {
    it('are closed after the handshake as all are for whom there is no room', async () => {
      const node = await start('node', { peers: ['friend'] })
      const proxy = await TcpProxy.to(node.port)
      const bytes: number[] = []
      for (const blocked of [false, true]) {
        if (blocked) node.blocked.add(stranger.key)
        const before = proxy.bytes.back
        await closed(await stranger.dial(proxy.address))
        bytes.push(proxy.bytes.back - before)
      }
      assert.equal(bytes[0], bytes[1])
      assert.deepEqual(node.noted, [stranger.key])
      await proxy.stop()
    })

    it('do not get into the lobby, and others do', async () => {
      const node = await start('node', { lobby: { open: () => true, perAddressPerMinute: 9 } })
      node.blocked.add(stranger.key)
      await closed(await stranger.dial(node.address))
      const other = await outsider('other')
      await showLog(await other.dial(node.address), [new Uint8Array([1])])
      await eventually(() => {
        assert.deepEqual(
          node.pins.shown.map(({ key }) => key),
          [other.key],
        )
      })
    })

    it('get in as soon as they are unblocked', async () => {
      const node = await start('node', { lobby: { open: () => true } })
      node.blocked.add(stranger.key)
      await closed(await stranger.dial(node.address))
      node.blocked.clear()
      const connection = await stranger.dial(node.address)
      await showLog(connection, [new Uint8Array([1])])
      await eventually(() => {
        assert.equal(node.pins.shown.length, 1)
      })
    })

    const { id, key } = peerOf('friend')
    for (const [what, who] of [
      ['key', key],
      ['node id', id],
    ] as const) {
      it(`by ${what} get no link though they are pinned, in either direction`, async () => {
        const node = await start('node', { peers: ['friend'] })
        const friend = await start('friend', { peers: ['node'] })
        node.blocked.add(who)
        await assert.rejects(friend.dial('node', node.address), { code: 'connection-lost' })
        await assert.rejects(node.dial('friend', friend.address))
        node.blocked.clear()
        await ping(await node.dial('friend', friend.address))
      })
    }
  })
})
