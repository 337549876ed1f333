import assert from 'node:assert/strict'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readConfig } from '../../src/node/config.ts'
import { homeOf } from '../../src/node/home.ts'
import type { Home } from '../../src/node/home.ts'
import { createIdentity, openIdentity } from '../../src/node/identity.ts'
import { createLog } from '../../src/node/log.ts'
import { KithNode } from '../../src/node/node.ts'
import { surroundingsOf } from '../../src/node/surroundings.ts'
import type { PeerRow } from '../../src/protocol/pin.ts'
import { pingEnd } from '../../src/protocol/verbs.ts'
import { editPeers } from '../../src/store/peers-file.ts'
import { NOW } from '../helpers/ask-calls.ts'
import { eventually } from '../helpers/eventually.ts'
import { freePort } from '../helpers/free-port.ts'
import { CLEAR, ROUTINE, rotateHere } from '../helpers/key-homes.ts'
import { LogTap } from '../helpers/log-tap.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

/** A node that is started and stopped, and whose keys change while it is off. Its clock stands still unless turned. */
class Host {
  readonly name: string
  readonly id: string
  readonly address: string
  readonly home: Home
  readonly clock = new ManualClock(NOW + 2)
  log = new LogTap()
  #node: KithNode | undefined

  private constructor(name: string, home: Home, init: { id: string; address: string }) {
    this.name = name
    this.home = home
    this.id = init.id
    this.address = init.address
  }

  static async make(folder: string, name: string): Promise<Host> {
    const home = homeOf({ KITH_HOME: join(folder, name) }, undefined)
    const { identity } = await createIdentity(home.path, CLEAR, NOW)
    const address = `/ip4/127.0.0.1/tcp/${await freePort()}`
    return new Host(name, home, { id: identity.id, address })
  }

  get node(): KithNode {
    assert.ok(this.#node !== undefined)
    return this.#node
  }

  async start(): Promise<void> {
    const { clock, home, name } = this
    const config = await readConfig(home.config, {}, { name, listen: [this.address] })
    const identity = await openIdentity(home.path, undefined)
    const surroundings = { ...(await surroundingsOf(home, config)), clock }
    this.log = new LogTap()
    const log = createLog('debug', this.log)
    this.#node = await KithNode.openIn(surroundings, { home, config, identity, log })
    await this.#node.start()
  }

  async stop(): Promise<void> {
    const node = this.#node
    this.#node = undefined
    await node?.stop(0)
  }

  async pin(other: Host, addresses: string[]): Promise<void> {
    const peer: PeerRow = { name: other.name, id: other.id, addresses, allow: ['ping'] }
    await editPeers(this.home.peers, { op: 'add', peer })
  }

  /** Rotates while the node is off. */
  async rotate(graceSeconds = 0): Promise<void> {
    await rotateHere(this.home.path, { ...ROUTINE, graceSeconds })
  }

  /** Resolves when it is linked with the other, and a ping has come back over that. */
  async meets(other: Host): Promise<void> {
    await this.log.line(({ msg, peer }) => msg === 'peer connected' && peer === other.id)
    const peer = this.node.pins.byName(other.name)
    assert.ok(peer !== undefined)
    const body = { nonce: new Uint8Array(4) }
    await this.node.caller.call(peer, 'ping', body, pingEnd, { deadlineMs: 10_000 })
    assert.equal(peer.key, other.node.self.key)
  }
}

describe('a peer that was away when a key changed', () => {
  const folder = tempFolder()
  let hosts: Host[]
  let ann: Host
  let bob: Host

  beforeEach(async () => {
    hosts = []
    ann = await make('ann')
    bob = await make('bob')
  })
  afterEach(async () => {
    for (const host of hosts) await host.stop()
  })

  async function make(name: string): Promise<Host> {
    const host = await Host.make(folder(), name)
    hosts.push(host)
    return host
  }

  /** They have met, by a dial of the first one, and both are off again. Only the first knows where the other is. */
  async function acquaint(dialler: Host, other: Host): Promise<void> {
    await dialler.pin(other, [other.address])
    await other.pin(dialler, [])
    for (const host of [other, dialler]) await host.start()
    await Promise.all([dialler.meets(other), other.meets(dialler)])
    for (const host of [dialler, other]) await host.stop()
  }

  const cases: [name: string, rotate: ('dialler' | 'other')[]][] = [
    ['of the one that it dials', ['other']],
    ['of the one that dials it', ['dialler']],
    ['of the one that dials it, three times', ['dialler', 'dialler', 'dialler']],
    ['of both', ['dialler', 'other']],
  ]
  for (const [name, rotate] of cases) {
    it(`catches up in one attempt: ${name}`, async () => {
      await acquaint(ann, bob)
      for (const which of rotate) await (which === 'dialler' ? ann : bob).rotate()
      for (const host of [bob, ann]) await host.start()
      await Promise.all([ann.meets(bob), bob.meets(ann)])
      assert.equal(ann.node.dialer.state('bob')?.failures, 0)
      assert.deepEqual(
        [ann.node.self.state.sn, bob.node.self.state.sn],
        [
          rotate.filter((which) => which === 'dialler').length,
          rotate.filter((which) => which === 'other').length,
        ],
      )
    })
  }

  describe('and is a home of before that, put back', () => {
    for (const [name, graceSeconds] of [
      ['has no grace', 0],
      ['has grace', 86_400],
    ] as const) {
      it(`is told that its keys are old, and links with nobody: the old key ${name}`, async () => {
        await acquaint(ann, bob)
        const copy = `${ann.home.path} of before`
        await cp(ann.home.path, copy, { recursive: true })
        await ann.rotate(graceSeconds)
        for (const host of [bob, ann]) await host.start()
        await bob.meets(ann)
        await ann.stop()
        await rm(ann.home.path, { recursive: true })
        await cp(copy, ann.home.path, { recursive: true })
        await ann.start()
        await eventually(() => {
          for (const { clock } of [ann, bob]) clock.advance(500)
          const alerts = ann.node.alerts.list().map(({ kind }) => kind)
          assert.deepEqual(alerts, ['own-key-log-ahead'])
        })
        assert.equal(bob.node.links.size, 0)
        assert.equal(bob.node.pins.byName('ann')?.frozen, false)
      })
    }
  })
})
