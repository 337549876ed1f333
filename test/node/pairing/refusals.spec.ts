import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { once } from 'node:events'
import type { KithNode } from '../../../src/node/node.ts'
import type { LobbyMessage, LobbyWire } from '../../../src/node/lobby-talk.ts'
import { readInvite } from '../../../src/protocol/invite.ts'
import { joinerOpening, joinerRecordOf, stepJoiner } from '../../../src/protocol/pairing-joiner.ts'
import { readPairingMessage } from '../../../src/protocol/pairing-messages.ts'
import { LOBBY_PROTOCOL } from '../../../src/protocol/limits.ts'
import { eventually } from '../../helpers/eventually.ts'
import type { LogTap } from '../../helpers/log-tap.ts'
import { outsiders } from '../../helpers/outsider.ts'
import { contextOf, invite, join, pairingNodes, propose } from '../../helpers/pairing-nodes.ts'
import type { PairingNodes } from '../../helpers/pairing-nodes.ts'

describe('an invite', () => {
  const all = pairingNodes()
  const outsider = outsiders()
  let nodes: PairingNodes
  let log: LogTap
  let alice: KithNode
  let bob: KithNode
  let carol: KithNode

  beforeEach(async () => {
    ;({ log, nodes } = all())
    const started = await Promise.all(['alice', 'bob', 'carol'].map((name) => nodes.start(name)))
    ;[alice, bob, carol] = started as [KithNode, KithNode, KithNode]
  })

  function state(): string | undefined {
    return alice.pairing.inviter.list()[0]?.state
  }

  /** Resolves when a message was refused for this reason, so often. */
  async function refused(why: string, times = 1): Promise<void> {
    await eventually(() => {
      assert.equal(log.lines.filter((line) => line['why'] === why).length, times)
    })
  }

  function alerts(): [kind: string, peer: string | undefined][] {
    return alice.alerts.list().map(({ kind, peer }) => [kind, peer])
  }

  it('is of no use to a second node: it hears nothing, and the inviter is alerted', async () => {
    const link = await invite(alice, 'bert')
    assert.equal((await join(bob, link)).state, 'paired')
    const second = await join(carol, link)
    assert.equal(second.state, 'trying')
    assert.match(second.lastError ?? '', /no answer$/)
    assert.deepEqual(alerts(), [['invite-reused', carol.self.id]])
    assert.match(alice.alerts.list()[0]?.hint ?? '', /kith peers remove bert$/)
    assert.deepEqual([alice.pins.peers().length, carol.pins.peers().length], [1, 0])
  })

  it('is burned by five wrong secrets, and the owner is told', async () => {
    const link = await invite(alice, 'bert')
    for (let tries = 1; tries <= 5; tries++) {
      assert.equal(state(), 'open')
      await propose(carol, link, (message) => ({ ...message, mac: new Uint8Array(32) }))
      await refused('wrong secret', tries)
    }
    assert.equal(state(), 'burned')
    assert.deepEqual(alerts(), [['invite-burned', undefined]])
    assert.equal(alice.lobby.open, false)
    assert.notEqual((await join(bob, link)).state, 'paired')
  })

  it('is burned by no connection that fails, and by no garbage', async () => {
    const link = await invite(alice, 'bert')
    const [address = ''] = alice.mesh.addresses()
    for (let tries = 0; tries < 6; tries++) {
      const socket = connect(Number(address.split('/').at(-1)), '127.0.0.1')
      await once(socket, 'connect')
      socket.resetAndDestroy()
      const stranger = await outsider(`stranger ${tries}`)
      const stream = await (await stranger.dial(address)).newStream(LOBBY_PROTOCOL)
      stream.send(new Uint8Array([200, 1, ...Array<number>(200).fill(tries)]))
      await propose(carol, link, (message) => ({ ...message, log: [] }))
      await propose(carol, link, (message) => ({ ...message, t: 'offer' }))
      await stranger.stop()
    }
    assert.equal((await join(bob, link)).state, 'paired')
    assert.deepEqual(alerts(), [])
  })

  it('is redeemed by no message that was recorded for another', async () => {
    const [first, second] = [await invite(alice, 'bert'), await invite(alice, 'other')]
    const [, target] = alice.pairing.inviter.list()
    const id = Buffer.from(target?.invite ?? '', 'hex')
    await propose(bob, first, (message) => ({ ...message, invite: new Uint8Array(id) }))
    await refused('wrong secret')
    assert.deepEqual(
      alice.pairing.inviter.list().map(({ state }) => state),
      ['open', 'open'],
    )
    assert.equal((await join(bob, second)).state, 'paired')
  })

  it('gives its last answer again, and not to a node that its owner has unpinned since', async () => {
    await join(carol, await invite(alice, 'carol'))
    const link = await invite(alice, 'bert')
    await join(bob, link)
    await propose(bob, link)
    await alice.pins.edit({ op: 'remove', name: 'bert' })
    await propose(bob, link)
    await refused('unpinned')
  })

  it('takes from afar no address that leads into this host', async () => {
    const ownAddresses = [
      '/unix/%2Frun%2Fx.sock',
      '/ip4/127.0.0.1/tcp/22',
      '/dns4/bert.example/tcp/1',
    ]
    const context = { ...contextOf(bob, alice.self.key), ownAddresses }
    const link = readInvite(await invite(alice, 'bert'), alice.clock.now())
    const begun = joinerRecordOf(link, { ownId: bob.self.id, name: 'alice', allow: [], now: 0 })
    const opening = joinerOpening(begun, context)
    assert.ok(opening !== undefined)
    const { promise: commit, resolve } = Promise.withResolvers<LobbyMessage>()
    const wire: LobbyWire = {
      read: () => commit,
      write: async (message) => {
        const { reply } = stepJoiner(opening.record, readPairingMessage(message), context)
        if (reply !== undefined) resolve(reply)
      },
    }
    const visitor = { key: bob.self.key, ownKey: alice.self.key, address: '/ip4/203.0.113.5/tcp/4' }
    await alice.pairing.inviter.serve(opening.message, wire, visitor).catch(() => undefined)
    assert.deepEqual(alice.pins.byName('bert')?.pin.addresses, ['/dns4/bert.example/tcp/1'])
  })

  it('belongs to who proved its secret first, until it is revoked', async () => {
    const link = await invite(alice, 'bert')
    await propose(bob, link)
    await eventually(() => {
      assert.equal(state(), 'pending')
    })
    await propose(carol, link)
    await refused('taken')
    assert.deepEqual(alerts(), [['invite-reused', carol.self.id]])
    await alice.pairing.revoke('bert')
    assert.equal(state(), 'revoked')
    assert.equal(alice.lobby.open, false)
    assert.notEqual((await join(bob, link)).state, 'paired')
  })

  it('expires by the clock of the inviter', async () => {
    const link = await invite(alice, 'bert', 60_000)
    nodes.aheadMs.set('alice', 60_000)
    assert.equal(state(), 'expired')
    assert.equal(alice.lobby.open, false)
    const late = await join(bob, link)
    assert.equal(late.state, 'trying')
    nodes.aheadMs.set('bob', 60_000)
    await eventually(() => {
      assert.equal(bob.pairing.joiner.list()[0]?.state, 'over')
    })
    await assert.rejects(
      join(carol, link).then(() => join(bob, link)),
      {
        code: 'bad-invite',
        details: { why: 'expired' },
      },
    )
  })

  it('brings in nobody who is blocked, by key or by id, on either side', async () => {
    const link = await invite(alice, 'bert')
    await alice.strangers.block(bob.self.id)
    assert.notEqual((await join(bob, link)).state, 'paired')
    assert.equal(state(), 'open')
    await alice.strangers.unblock(bob.self.id)
    await alice.strangers.block(bob.self.key)
    assert.notEqual((await join(bob, link)).state, 'paired')
    for (const who of [alice.self.id, alice.self.key]) {
      await carol.strangers.block(who)
      await assert.rejects(join(carol, link), { code: 'blocked' })
      await carol.strangers.unblock(who)
    }
    assert.equal((await join(carol, link)).state, 'paired')
  })

  it('is not made where nobody could redeem it, nor for a name that is taken', async () => {
    const dave = await nodes.start('dave', { 'lobby.mode': 'off' })
    await assert.rejects(invite(dave, 'bert'), { code: 'lobby-off' })
    await alice.pins.edit({ op: 'add', peer: { name: 'bob', id: bob.self.id } })
    await assert.rejects(invite(alice, 'bob'), { code: 'exists', hint: 'kith peers list' })
    await invite(alice, 'bert')
    await assert.rejects(invite(alice, 'bert'), {
      code: 'exists',
      hint: 'kith invites revoke bert',
    })
    await alice.pairing.revoke('bert')
    await invite(alice, 'bert')
  })

  it('is not taken on when it cannot be of use', async () => {
    const link = await invite(alice, 'bert')
    await assert.rejects(join(alice, link), { code: 'usage', details: { what: 'invite' } })
    await assert.rejects(join(bob, link.slice(0, -9)), {
      code: 'bad-invite',
      details: { why: 'damaged' },
    })
    await assert.rejects(join(bob, link, { wants: ['status'] }), { code: 'usage' })
    await bob.pins.edit({ op: 'add', peer: { name: 'alice', id: carol.self.id } })
    await assert.rejects(join(bob, link), {
      code: 'exists',
      hint: 'kith join LINK --name OTHER',
    })
    assert.deepEqual(bob.pairing.joiner.list(), [])
    assert.equal((await join(bob, link, { name: 'ally' })).name, 'ally')
  })

  it('is given up by the node that redeems it, over a restart too', async () => {
    const link = await invite(alice, 'bert')
    await nodes.stop(alice)
    await join(bob, link)
    await bob.pairing.revoke('alice')
    assert.deepEqual(bob.pairing.joiner.list(), [])
    await assert.rejects(bob.pairing.revoke('alice'), { code: 'unknown-invite' })
    await nodes.stop(bob)
    bob = await nodes.start('bob')
    assert.deepEqual(bob.pairing.joiner.list(), [])
  })

  it('is not taken back once it is used', async () => {
    const link = await invite(alice, 'bert')
    const { invite: id } = await join(bob, link)
    for (const node of [alice, bob]) {
      await assert.rejects(node.pairing.revoke(id), { code: 'usage', hint: /^kith peers remove/ })
    }
    assert.equal(state(), 'used')
  })

  it('leaves neither its link nor its secret in a log', async () => {
    const link = await invite(alice, 'bert')
    await propose(carol, link, (message) => ({ ...message, mac: new Uint8Array(32) }))
    await refused('wrong secret')
    await join(bob, link)
    await propose(carol, link)
    await refused('used')
    const text = JSON.stringify(log.lines)
    assert.ok(text.includes('invite redeemed') && text.includes('joined'))
    const body = link.slice('kith://i/1/'.length)
    const { secret } = readBack(link)
    for (const form of ['hex', 'base64url', 'base64', 'latin1'] as const) {
      assert.ok(!text.includes(secret.toString(form)), form)
    }
    assert.ok(!text.includes(JSON.stringify([...secret]).slice(1, -1)))
    assert.ok(!text.includes(body.slice(0, 40)) && !text.includes(body.slice(-40)))
  })
})

function readBack(link: string): { secret: Buffer } {
  return { secret: Buffer.from(readInvite(link, 0).secret) }
}
