import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import type { Surroundings } from '../../../src/node/surroundings.ts'
import { checkedNodes } from '../../helpers/checked-node.ts'
import type { CheckedNode } from '../../helpers/checked-node.ts'
import { eventually } from '../../helpers/eventually.ts'
import { freePort } from '../../helpers/free-port.ts'

const DAY_MS = 86_400_000

/*
 * Each check of how a node stands with others: a real fault makes it fail, and the remedy that it names clears it.
 */
describe('checks of the mesh', function () {
  this.timeout(30_000)
  const make = checkedNodes()
  let anna: CheckedNode
  let bert: CheckedNode
  const squatters: Server[] = []

  beforeEach(() => {
    anna = make('anna')
    bert = make('bert')
  })
  afterEach(() => {
    for (const server of squatters.splice(0)) server.close()
  })

  /** Pins both to each other, bert where he listens. */
  async function pair(): Promise<void> {
    const { mesh, self } = bert.node
    const addresses = mesh.addresses()
    await letIn({ allow: ['ping'] })
    await anna.nodes.pin({ name: 'bert', id: self.id, addresses, allow: ['ping'] }, 'anna')
  }

  /** Pins anna at bert, who knows of it: one that is turned away dials again seconds later. */
  async function letIn(row: { allow?: ['ping'] } = {}): Promise<void> {
    await bert.nodes.pin({ name: 'anna', id: anna.node.self.id, addresses: [], ...row }, 'bert')
    await eventually(() => {
      assert.ok(bert.node.pins.byName('anna'))
    })
  }

  async function linked(): Promise<void> {
    await eventually(() => {
      assert.ok(anna.node.links.get(bert.node.self.id))
      assert.ok(bert.node.links.get(anna.node.self.id))
    })
  }

  it('F58: listener fails when another program took the port while the key changed', async () => {
    const port = await freePort()
    const listen = [`/ip4/127.0.0.1/tcp/${port}`]
    let transports = 0
    await anna.start({
      flags: { listen },
      around: (same) => ({
        ...same,
        createTransport: async (init) => {
          if (++transports === 2) {
            const squatter = createServer().listen(port, '127.0.0.1')
            squatters.push(squatter)
            await once(squatter, 'listening')
          }
          return await same.createTransport(init)
        },
      }),
    })
    await anna.says('listener', 'ok')
    await anna.kith('key', 'rotate', '--yes')
    const hint = await anna.says('listener', 'fail', /does not listen on/)
    assert.match(hint, /^see who has the port, then: kith stop; kith start$/)
    for (const server of squatters.splice(0)) server.close()
    await anna.restart({ flags: { listen } })
    await anna.says('listener', 'ok')
  })

  it('F58: lobby warns while it is off and a peer waits to show its key log', async () => {
    await bert.start()
    const flags = { 'lobby.mode': 'off' }
    await anna.start({ flags })
    await anna.says('lobby', 'ok')
    await anna.nodes.pin({ name: 'bert', id: bert.node.self.id, addresses: [] }, 'anna')
    await eventually(() => anna.says('lobby', 'warn', /: bert$/))
    await anna.restart()
    await anna.says('lobby', 'ok')
  })

  it('F58: peers tells one that is offline, and is well when it is back', async () => {
    const listen = [`/ip4/127.0.0.1/tcp/${await freePort()}`]
    await bert.start({ flags: { listen } })
    await anna.start()
    await pair()
    await linked()
    await bert.stop()
    assert.notEqual((await anna.kith('ping', 'bert', '-c', '1')).code, 0)
    await anna.says('peers', 'warn', /^bert is offline, or not where/)
    await bert.start({ flags: { listen } })
    // Which dials him now, and not when it is due.
    assert.equal((await anna.kith('ping', 'bert', '-c', '1')).code, 0)
    await eventually(() => anna.says('peers', 'ok', /bert is connected$/))
    await bert.kith('key', 'rotate', '--yes')
    await eventually(() => anna.says('peers', 'ok', /bert is connected; its key has changed/))
  })

  it('F58: peers tells one that has taken its pin away without a word, and one that is blocked', async () => {
    const listen = [`/ip4/127.0.0.1/tcp/${await freePort()}`]
    await bert.start({ flags: { listen } })
    await anna.start()
    await pair()
    await linked()
    await anna.stop()
    await bert.kith('peers', 'remove', 'anna')
    await anna.start()
    await eventually(() => anna.says('peers', 'warn', /bert does not let this node in/))
    await letIn()
    await linked()
    await eventually(() => anna.says('peers', 'ok'))
    await anna.kith('peers', 'remove', 'bert')
    await anna.kith('peers', 'block', bert.node.self.id)
    await anna.nodes.pin({ name: 'bert', id: bert.node.self.id, addresses: listen }, 'anna')
    await eventually(() => anna.says('peers', 'warn'))
    await anna.type(await anna.says('peers', 'warn', /bert is pinned and blocked/))
    await linked()
    await eventually(() => anna.says('peers', 'ok'))
  })

  it('F58: keys warns of a rotation that waits, until another node has signed it', async () => {
    const { rotationWords = [] } = await anna.nodes.make('anna', { rotationKeyOffHost: true })
    await anna.start()
    await bert.start()
    await pair()
    await linked()
    await anna.says('keys', 'ok')
    const annaAtBert = bert.node.pins.byName('anna')
    assert.ok(annaAtBert)
    await bert.node.keys.keep(annaAtBert, rotationWords.join(' '), undefined)
    await anna.kith('key', 'rotate', '--yes')
    const hint = await anna.says('keys', 'warn', /waits for its rotation key/)
    const { request } = JSON.parse((await anna.type(`${hint} --json`)).out) as { request: string }
    const signed = await bert.node.keys.sign(request, undefined)
    assert.equal((await anna.kith('key', 'rotate', '--signed', signed)).code, 0)
    await eventually(() => anna.says('keys', 'ok'))
  })

  it('F58: keys warns of a peer that has not seen a key which is a day old', async () => {
    await bert.start()
    await anna.start()
    await pair()
    await linked()
    await bert.stop()
    await anna.kith('key', 'rotate', '--yes')
    await anna.says('keys', 'ok')
    await anna.restart({
      around: (same) => ({ ...same, clock: { ...same.clock, now: () => Date.now() + 2 * DAY_MS } }),
    })
    const hint = await anna.says('keys', 'warn', /bert has not seen the key of this node/)
    assert.equal(hint, 'kith ping bert')
    await bert.start()
    await anna.kith('peers', 'set-address', 'bert', ...bert.node.mesh.addresses())
    await eventually(() => anna.type(hint))
    await eventually(() => anna.says('keys', 'ok'))
  })

  it('F58: clock warns of a peer whose clock is an hour ahead, and is well once it is set', async () => {
    const around = (same: Surroundings): Surroundings => ({
      ...same,
      clock: { ...same.clock, now: () => Date.now() + 3_600_000 },
    })
    await anna.start()
    await bert.start({ around })
    await pair()
    await linked()
    await anna.says('clock', 'warn', /the clock of bert is 60 min ahead of ours/)
    await bert.restart()
    await anna.kith('peers', 'set-address', 'bert', ...bert.node.mesh.addresses())
    await linked()
    await anna.says('clock', 'ok')
  })
})
