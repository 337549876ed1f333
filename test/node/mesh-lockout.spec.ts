import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { MAX_PENDING, MAX_PENDING_PER_NETWORK } from '../../src/node/gate.ts'
import { INBOUND_UPGRADE_TIMEOUT_MS, MAX_CONNECTS_PER_SECOND } from '../../src/node/transport.ts'
import { IdleSockets } from '../helpers/idle-sockets.ts'
import { ping, testMeshes } from '../helpers/mesh.ts'
import type { TestMesh } from '../helpers/mesh.ts'
import { outsiders } from '../helpers/outsider.ts'
import { openLink } from '../helpers/talk.ts'

/** Both in one /24, which is not that of 127.0.0.1, where honest nodes dial from. */
const ATTACKERS = ['127.0.1.2', '127.0.1.3']

/** Two addresses in each of four /24s, none of them that of 127.0.0.1. */
const FOUR_NETWORKS = [1, 2, 3, 4].flatMap((net) => [`127.0.${net}.2`, `127.0.${net}.3`])

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

  /** Waits for the first of these to be closed, and holds that no other is. */
  async function assertOldestGone(sockets: Socket[], openedAt: number): Promise<void> {
    await Promise.any(sockets.map((socket) => idle.closed(socket)))
    assert.ok(performance.now() - openedAt < INBOUND_UPGRADE_TIMEOUT_MS / 2)
    assert.deepEqual(placesOfClosed(sockets), [0])
  }

  describe('of one network', () => {
    let sockets: Socket[]
    let openedAt: number
    beforeEach(async () => {
      openedAt = performance.now()
      sockets = await idle.flood(ATTACKERS, MAX_PENDING_PER_NETWORK / 2)
      assert.equal(sockets.length, MAX_PENDING_PER_NETWORK)
    })

    it('make room for one more when they have all its places: the oldest is closed', async () => {
      const socket = await idle.open('127.0.1.4')
      await assertOldestGone([...sockets, socket], openedAt)
    })

    it('leave the places of other networks alone, and keep theirs', async () => {
      await honestDial()
      assert.deepEqual(placesOfClosed(sockets), [])
    })

    it('let a neighbour through', async () => {
      const neighbour = await outsider('neighbour', { from: '127.0.1.9' })
      const connection = await neighbour.dial(node.address)
      await openLink(connection)
      await node.linkTo('neighbour')
      await assertOldestGone(sockets, openedAt)
    })
  })

  describe('of all networks', () => {
    it('make room for an honest dial when they have all places: the oldest is closed', async () => {
      const openedAt = performance.now()
      const sockets = await idle.flood(FOUR_NETWORKS, MAX_PENDING / FOUR_NETWORKS.length)
      assert.equal(sockets.length, MAX_PENDING)
      await honestDial()
      await assertOldestGone(sockets, openedAt)
    })

    it('are left alone while there is a place', async () => {
      const [first = '', ...others] = FOUR_NETWORKS
      const each = MAX_PENDING / FOUR_NETWORKS.length
      const sockets = [
        ...(await idle.flood([first], each - 1)),
        ...(await idle.flood(others, each)),
      ]
      await honestDial()
      assert.deepEqual(placesOfClosed(sockets), [])
    })
  })
})

function placesOfClosed(sockets: Socket[]): number[] {
  return sockets.flatMap((socket, place) => (socket.closed ? [place] : []))
}
