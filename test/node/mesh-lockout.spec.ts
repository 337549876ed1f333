import assert from 'node:assert/strict'
import { MAX_PENDING_PER_NETWORK } from '../../src/node/gate.ts'
import { INBOUND_UPGRADE_TIMEOUT_MS, MAX_CONNECTS_PER_SECOND } from '../../src/node/transport.ts'
import { eventually } from '../helpers/eventually.ts'
import { IdleSockets } from '../helpers/idle-sockets.ts'
import { ping, testMeshes } from '../helpers/mesh.ts'
import type { TestMesh } from '../helpers/mesh.ts'
import { outsiders } from '../helpers/outsider.ts'

/** Both in one /24, which is not that of 127.0.0.1, where honest nodes dial from. */
const ATTACKERS = ['127.0.1.2', '127.0.1.3']

const HONEST_DIALS = 10

/** Fits into 3 s of an idle socket every 50 ms, and into no second of libp2p's limit for one address. */
const STANDING_SOCKETS = 25

describe('idle sockets before authentication', () => {
  const start = testMeshes()
  const outsider = outsiders()
  let idle: IdleSockets
  let node: TestMesh
  let friend: TestMesh

  beforeEach(async () => {
    node = await start('node', { peers: ['friend', 'neighbour'] })
    friend = await start('friend', { peers: ['node'], listen: [] })
    idle = new IdleSockets(node.port)
  })
  afterEach(() => {
    idle.close()
  })

  async function honestDial(): Promise<void> {
    const link = await friend.dial('node', node.address)
    await ping(link)
    link.abort(new Error('done'))
  }

  it('let every honest dial through', async () => {
    await idle.flood(ATTACKERS, STANDING_SOCKETS)
    for (let dial = 0; dial < HONEST_DIALS; dial++) {
      await idle.open('127.0.1.2')
      await honestDial()
    }
  })

  it('let none through with the defaults of libp2p', async () => {
    const naive = await outsider('naive')
    const other = await outsider('other')
    const port = Number(naive.address.split('/').at(-1))
    const sockets = new IdleSockets(port)
    await sockets.flood([...ATTACKERS], 5)
    for (let dial = 0; dial < HONEST_DIALS; dial++) {
      await assert.rejects(other.dial(naive.address))
    }
    sockets.close()
  })

  it('are closed after the time for a handshake', async () => {
    const openedAt = performance.now()
    const socket = await idle.open('127.0.1.2')
    await idle.closed(socket)
    const heldMs = performance.now() - openedAt
    assert.ok(heldMs > INBOUND_UPGRADE_TIMEOUT_MS - 100, `closed after ${heldMs} ms`)
    assert.ok(heldMs < INBOUND_UPGRADE_TIMEOUT_MS + 2_000, `closed after ${heldMs} ms`)
  })

  it('of one address are no more than so many a second', async () => {
    const sockets = await idle.flood(['127.0.4.1'], MAX_CONNECTS_PER_SECOND + 5)
    await Promise.any(sockets.map((socket) => idle.closed(socket)))
    await honestDial()
  })

  describe('of one network', () => {
    beforeEach(async () => {
      const sockets = await idle.flood(ATTACKERS, MAX_PENDING_PER_NETWORK / 2)
      assert.equal(sockets.length, MAX_PENDING_PER_NETWORK)
    })

    it('are closed at once when it has all its places', async () => {
      const socket = await idle.open('127.0.1.4')
      const openedAt = performance.now()
      await idle.closed(socket)
      assert.ok(performance.now() - openedAt < INBOUND_UPGRADE_TIMEOUT_MS / 2)
    })

    it('leave the places of other networks alone', async () => {
      await honestDial()
    })

    it('give their places back when they end', async () => {
      const neighbour = await outsider('neighbour', { from: '127.0.1.9' })
      await assert.rejects(neighbour.dial(node.address))
      idle.close()
      const connection = await eventually(() => neighbour.dial(node.address))
      assert.equal(connection.status, 'open')
    })
  })
})
