import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { mkdir, rm } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { Link } from '../../src/node/link.ts'
import type { KnownPeer } from '../../src/node/pins.ts'
import { isFailure } from '../../src/protocol/errors.ts'
import { ping, testMeshes } from '../helpers/mesh.ts'
import type { TestMesh } from '../helpers/mesh.ts'
import { peerOf, seedOf } from '../helpers/stub-pins.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const NEW_SEED = seedOf('node, new')

/** The node as those see it who know its new key. */
const REKEYED: KnownPeer = { ...peerOf('node'), key: peerOf('node, new').key }

const hasIp6 = Object.values(networkInterfaces()).some((infos) =>
  infos?.some(({ address }) => address === '::1'),
)

describe('a mesh that goes on under another key', () => {
  const folder = tempFolder()
  const start = testMeshes()

  /** A node, and a friend who has pinned it. */
  async function pair(listen?: string[]): Promise<{ node: TestMesh; friend: TestMesh }> {
    const node = await start('node', {
      peers: ['friend'],
      ...(listen === undefined ? {} : { listen }),
    })
    return { node, friend: await start('friend', { peers: ['node'] }) }
  }

  async function dial(from: TestMesh, peer: KnownPeer, address: string): Promise<Link> {
    return await from.mesh.dial(peer, address, AbortSignal.timeout(10_000))
  }

  const places: [name: string, listen: () => string[]][] = [
    ['a port that the system gave', () => ['/ip4/127.0.0.1/tcp/0']],
    ['two of them', () => ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.2/tcp/0']],
    ['all addresses of the machine', () => ['/ip4/0.0.0.0/tcp/0']],
    ['a unix socket', () => [`/unix/${encodeURIComponent(join(folder(), 'kith.sock'))}`]],
    [
      'a port beside a unix socket',
      () => [`/unix/${encodeURIComponent(join(folder(), 'kith.sock'))}`, '/ip4/127.0.0.1/tcp/0'],
    ],
    ...(hasIp6
      ? [
          ['both families', () => ['/ip6/::1/tcp/0', '/ip4/127.0.0.1/tcp/0']] as [
            string,
            () => string[],
          ],
        ]
      : []),
  ]
  for (const [name, listen] of places) {
    it(`listens where it did: ${name}`, async () => {
      const { friend, node } = await pair(listen())
      const before = node.mesh.addresses()
      assert.ok(before.length >= listen().length)
      for (const seed of [NEW_SEED, seedOf('node'), NEW_SEED]) await node.mesh.rekey(seed)
      assert.deepEqual(node.mesh.addresses(), before)
      friend.pins.set([REKEYED])
      for (const address of before) await ping(await dial(friend, REKEYED, address))
    })
  }

  it('ends its links, and is linked again by a peer that knows the new key', async () => {
    const { friend, node } = await pair()
    const old = await friend.dial('node', node.address)
    const theirs = await node.linkTo('friend')
    await node.mesh.rekey(NEW_SEED)
    await Promise.all([old.closed, theirs.closed])
    assert.equal(node.links.size, 0)
    friend.pins.set([REKEYED])
    await ping(await dial(friend, REKEYED, node.address))
    await ping(await node.linkTo('friend'))
  })

  it('links again with a peer that it dials itself', async () => {
    const { friend, node } = await pair()
    await node.dial('friend', friend.address)
    await node.mesh.rekey(NEW_SEED)
    friend.pins.set([REKEYED])
    await ping(await node.dial('friend', friend.address))
    assert.equal((await friend.linkTo('node')).peer.key, REKEYED.key)
  })

  it('is another one to who dials the key before', async () => {
    const { friend, node } = await pair()
    await node.mesh.rekey(NEW_SEED)
    await assert.rejects(friend.dial('node', node.address), (err) => {
      assert.ok(isFailure(err, 'connection-lost'))
      assert.match(err.message, /another key/)
      return true
    })
    assert.equal(friend.links.size, 0)
  })

  it('knocks in vain at a peer that knows the key before alone', async () => {
    const { friend, node } = await pair()
    await node.mesh.rekey(NEW_SEED)
    await assert.rejects(node.dial('friend', friend.address), { code: 'connection-lost' })
    assert.equal(friend.links.size, 0)
  })

  it('takes a dial that comes meanwhile when it listens again', async () => {
    const { friend, node } = await pair()
    friend.pins.set([REKEYED])
    const rekeyed = node.mesh.rekey(NEW_SEED)
    const link = await node.dial('friend', friend.address)
    await rekeyed
    await ping(link)
    assert.equal((await friend.linkTo('node')).peer.key, REKEYED.key)
  })

  describe('while it dials', () => {
    let server: Server | undefined
    afterEach(() => {
      server?.close()
    })

    it('makes no connection under the key before', async () => {
      const { friend, node } = await pair()
      friend.pins.set([peerOf('node'), REKEYED])
      const { promise: released, resolve: release } = Promise.withResolvers<undefined>()
      const arrived = Promise.withResolvers<undefined>()
      // The first connection waits in the middle of its way.
      server = createServer({ pauseOnConnect: true }, (near) => {
        arrived.resolve(undefined)
        void released.then(() => {
          const far = connect(friend.port, '127.0.0.1')
          near.pipe(far).pipe(near)
          for (const socket of [near, far]) socket.on('error', () => undefined)
        })
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const dialled = node.dial('friend', `/ip4/127.0.0.1/tcp/${port}`)
      await arrived.promise
      await node.mesh.rekey(NEW_SEED)
      release(undefined)
      await ping(await dialled)
      assert.equal((await friend.linkTo('node')).peer.key, REKEYED.key)
    })
  })

  it('says so when it cannot listen there any more, and stops all the same', async () => {
    const place = join(folder(), 'place')
    await mkdir(place)
    const { friend, node } = await pair([`/unix/${encodeURIComponent(join(place, 'kith.sock'))}`])
    await rm(place, { recursive: true })
    await assert.rejects(node.mesh.rekey(NEW_SEED), { code: 'cannot-listen' })
    await assert.rejects(node.dial('friend', friend.address), { code: 'cannot-listen' })
    await node.stop()
  })
})
