import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Dialer } from '../../src/node/dialer.ts'
import type { DialerComponents } from '../../src/node/dialer.ts'
import { createLog } from '../../src/node/log.ts'
import { freePort } from '../helpers/free-port.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { ping, testMeshes } from '../helpers/mesh.ts'
import type { TestMesh } from '../helpers/mesh.ts'
import { peerOf } from '../helpers/stub-pins.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

/** libp2p gives a peer up after five failed redials. */
const LIBP2P_RETRIES = 5

describe('dialling a peer', () => {
  const start = testMeshes()
  let clock: ManualClock
  let dialer: Dialer | undefined

  beforeEach(() => {
    clock = new ManualClock()
    dialer = undefined
  })
  afterEach(async () => {
    await dialer?.stop()
  })

  /** Keeps `node` linked to the node called bert at this address. */
  function keep(
    node: TestMesh,
    address: string,
    mesh: DialerComponents['mesh'] = node.mesh,
  ): Dialer {
    node.pins.set([peerOf('bert', { addresses: [address] })])
    const { links, pins } = node
    const log = createLog('debug', node.log)
    const knowsUs = (): boolean => true
    dialer = new Dialer({ pins, links, mesh, knowsUs, clock, random: () => 0.5, log })
    return dialer
  }

  it('goes on after more failures than libp2p would count, and links when it is up', async () => {
    const anna = await start('anna', { clock, listen: [] })
    const port = await freePort()
    const keeper = keep(anna, `/ip4/127.0.0.1/tcp/${port}`)
    const seconds: number[] = []
    let asleep = clock.nextSleep
    keeper.start()
    for (let failures = 1; failures <= 2 * LIBP2P_RETRIES; failures++) {
      const waitMs = await asleep
      assert.equal(keeper.state('bert')?.failures, failures)
      seconds.push(waitMs / 1_000)
      asleep = clock.nextSleep
      clock.advance(waitMs)
    }
    assert.deepEqual(seconds, [5, 10, 20, 40, 80, 160, 320, 600, 600, 600])
    const lastMs = await asleep
    await start('bert', { peers: ['anna'], listen: [`/ip4/127.0.0.1/tcp/${port}`] })
    clock.advance(lastMs)
    await ping(await anna.linkTo('bert'))
    assert.deepEqual(keeper.state('bert'), { failures: 0 })
  })

  it('links again to one that restarts', async () => {
    const anna = await start('anna', { clock, listen: [] })
    const bert = await start('bert', { peers: ['anna'] })
    const { address } = bert
    keep(anna, address).start()
    const first = await anna.linkTo('bert')
    clock.advance(60_000)
    const asleep = clock.nextSleep
    await bert.stop()
    await first.closed
    await start('bert', { peers: ['anna'], listen: [address] })
    clock.advance(await asleep)
    const second = await anna.linkTo('bert')
    await ping(second)
    assert.notEqual(second, first)
  })

  it('does not wait out its pause when a peer that called has gone', async () => {
    const anna = await start('anna', { clock })
    const bert = await start('bert', { peers: ['anna'], listen: [] })
    const keeper = keep(anna, `/ip4/127.0.0.1/tcp/${await freePort()}`)
    const pause = clock.nextSleep
    keeper.start()
    await pause
    await bert.dial('anna', anna.address)
    const link = await anna.linkTo('bert')
    const next = clock.nextSleep
    await bert.stop()
    await link.closed
    assert.equal(await next, 10_000)
    assert.equal(keeper.state('bert')?.failures, 2)
  })

  it('waits before it links again to one that hangs up at once', async () => {
    const anna = await start('anna', { clock, listen: [] })
    const bert = await start('bert', { peers: ['anna'] })
    const keeper = keep(anna, bert.address)
    keeper.start()
    const link = await bert.linkTo('anna')
    await anna.linkTo('bert')
    const asleep = clock.nextSleep
    link.abort(new Error('not now'))
    assert.equal(await asleep, 5_000)
    assert.deepEqual(keeper.state('bert')?.failures, 1)
  })

  it('says in words why it failed, whatever libp2p rejects with', async () => {
    const anna = await start('anna', { clock, listen: [] })
    const connection = new EventTarget()
    const dial = async (): Promise<never> =>
      new Promise((_resolve, reject) => {
        connection.addEventListener('close', reject)
        connection.dispatchEvent(new Event('close'))
      })
    const keeper = keep(anna, '/ip4/127.0.0.1/tcp/1', { dial, visitLobby: dial })
    const asleep = clock.nextSleep
    keeper.start()
    await asleep
    assert.equal(keeper.state('bert')?.lastError, 'the connection ended')
  })

  it('fails where another node listens, which sees no link', async () => {
    const anna = await start('anna', { peers: ['bert'], listen: [] })
    const carol = await start('carol', { peers: ['anna'] })
    await assert.rejects(anna.dial('bert', carol.address), {
      code: 'connection-lost',
      message: /another key/,
    })
    assert.equal(anna.links.size + carol.links.size, 0)
  })

  describe('over a unix socket', () => {
    const folder = tempFolder()

    it('links two nodes of one machine', async () => {
      const path = `/unix/${encodeURIComponent(join(folder(), 'bert.sock'))}`
      const bert = await start('bert', { peers: ['anna'], listen: [path] })
      const anna = await start('anna', { peers: ['bert'], listen: [] })
      assert.equal(bert.address, path)
      const link = await anna.dial('bert', path)
      await ping(link)
      await ping(await bert.linkTo('anna'))
    })
  })
})
