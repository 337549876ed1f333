import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import type { KithNode } from '../../../src/node/node.ts'
import { pingEnd } from '../../../src/protocol/verbs.ts'
import { eventually } from '../../helpers/eventually.ts'
import { attempted, invite, join, pairingNodes } from '../../helpers/pairing-nodes.ts'
import type { PairingNodes } from '../../helpers/pairing-nodes.ts'

describe('pairing between two nodes', () => {
  const all = pairingNodes()
  let nodes: PairingNodes
  let alice: KithNode
  let bob: KithNode

  beforeEach(async () => {
    nodes = all().nodes
    ;[alice, bob] = await Promise.all([nodes.start('alice'), nodes.start('bob')])
  })

  async function restart(node: KithNode, name: string): Promise<KithNode> {
    await nodes.stop(node)
    return await nodes.start(name)
  }

  it('pins each at the other, with what was agreed on, and they are linked', async () => {
    assert.equal(alice.lobby.open, false)
    const link = await invite(alice, 'bert')
    assert.equal(alice.lobby.open, true)
    const joined = await join(bob, link, { allow: ['ping'], wants: ['ask'] })
    assert.deepEqual([joined.state, joined.name, joined.id], ['paired', 'alice', alice.self.id])
    const [used] = alice.pairing.inviter.list()
    assert.deepEqual([used?.state, used?.used?.by], ['used', bob.self.id])
    const words = joined.paired?.words
    assert.equal(words?.length, 4)
    assert.deepEqual(alice.pairing.wordsOf(bob.self.id), words)
    assert.deepEqual(bob.pairing.wordsOf(alice.self.id), words)
    const [atAlice, atBob] = [alice.pins.byName('bert'), bob.pins.byName('alice')]
    assert.deepEqual(
      [atAlice?.pin.allow, atAlice?.pin.confirmed, atAlice?.key, atAlice?.pin.addresses],
      [['ask'], 'link', bob.self.key, bob.mesh.addresses()],
    )
    assert.deepEqual(
      [atBob?.pin.allow, atBob?.pin.confirmed, atBob?.key, atBob?.pin.addresses],
      [['ping'], 'link', alice.self.key, alice.mesh.addresses()],
    )
    await ping(bob, 'alice', 'denied')
    await ping(alice, 'bert')
  })

  it('forgets nothing over a restart, and pins nobody again whom the owner has unpinned', async () => {
    await join(bob, await invite(alice, 'bert'))
    await alice.pins.edit({ op: 'remove', name: 'bert' })
    await bob.pins.edit({ op: 'remove', name: 'alice' })
    const [before, joinedBefore] = [alice.pairing.inviter.list(), bob.pairing.joiner.list()]
    ;[alice, bob] = [await restart(alice, 'alice'), await restart(bob, 'bob')]
    assert.deepEqual(alice.pairing.inviter.list(), before)
    assert.deepEqual(
      bob.pairing.joiner.list(),
      joinedBefore.map((standing) => ({ ...standing, attempts: 0 })),
    )
    assert.deepEqual([alice.pins.peers(), bob.pins.peers()], [[], []])
  })

  it('is tried until the inviter is there, over a restart of the joiner', async () => {
    const address = alice.mesh.addresses()
    const link = await invite(alice, 'bert')
    await nodes.stop(alice)
    const tried = await join(bob, link)
    assert.equal(tried.state, 'trying')
    assert.match(tried.lastError ?? '', /nobody is there \(ECONNREFUSED\)$/)
    bob = await restart(bob, 'bob')
    alice = await nodes.start('alice', { listen: address })
    await eventually(() => {
      assert.equal(bob.pairing.joiner.list()[0]?.state, 'paired')
    })
    await ping(bob, 'alice')
  })

  it('goes over every address of the invite', async () => {
    const init = { name: 'bert', allow: [], ttlMs: 60_000 }
    const addresses = ['/ip4/127.0.0.1/tcp/1', ...alice.mesh.addresses()]
    const { link } = await alice.pairing.inviter.create({ ...init, addresses })
    assert.equal((await join(bob, link)).state, 'paired')
  })

  it('pins a node that names an address twice', async () => {
    const announce = ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/1']
    const carol = await nodes.start('carol', { announce })
    assert.equal((await join(carol, await invite(alice, 'carol'))).state, 'paired')
    assert.deepEqual(alice.pins.byName('carol')?.pin.addresses, announce.slice(0, 1))
  })

  it('works with a link from before a rotation of the inviter', async () => {
    const link = await invite(alice, 'bert')
    await alice.keys.rotation.rotate({ why: 'compromise', graceSeconds: 0, passphrase: undefined })
    assert.equal((await join(bob, link)).state, 'paired')
    assert.equal(bob.pins.byName('alice')?.key, alice.self.key)
    await ping(bob, 'alice')
  })

  it('gives a node that is pinned already its rights, and leaves it its name', async () => {
    const [id, name] = [alice.self.id, 'ally']
    await bob.pins.edit({ op: 'add', peer: { name, id, allow: ['status'] } })
    await alice.pins.edit({ op: 'add', peer: { name: 'bob', key: bob.self.key } })
    const joined = await join(bob, await invite(alice, 'bert'), { name: 'alice' })
    assert.deepEqual([joined.state, joined.name], ['paired', 'ally'])
    const [atBob, atAlice] = [bob.pins.peers(), alice.pins.peers()]
    assert.deepEqual(
      atBob.map(({ pin }) => [pin.name, pin.id, pin.allow, pin.addresses]),
      [['ally', id, ['status', 'ping', 'ask'], alice.mesh.addresses()]],
    )
    assert.deepEqual(
      atAlice.map(({ pin }) => [pin.name, pin.id, pin.allow, pin.addresses]),
      [['bob', bob.self.id, ['ping', 'ask'], bob.mesh.addresses()]],
    )
    await ping(bob, 'ally')
  })

  it('tells the owner that a peer has got rights by an invite for somebody else', async () => {
    const id = bob.self.id
    await alice.pins.edit({ op: 'add', peer: { name: 'bob', id, allow: ['ping'] } })
    await alice.pins.edit({ op: 'confirm', name: 'bob', confirmed: 'words' })
    await join(bob, await invite(alice, 'carol'))
    assert.equal(alice.pins.byName('bob')?.pin.confirmed, 'link')
    assert.deepEqual(
      alice.alerts.list().map(({ kind, peer }) => [kind, peer]),
      [['peer-may-more', 'bob']],
    )
  })

  it('takes a name with a number when somebody else has got the name meanwhile', async () => {
    const link = await invite(alice, 'bert')
    await alice.pins.edit({ op: 'add', peer: { name: 'bert', id: `kith1${'a'.repeat(52)}` } })
    assert.equal((await join(bob, link)).state, 'paired')
    assert.equal(alice.pins.byName('bert-2')?.id, bob.self.id)
  })

  for (const side of ['inviter', 'joiner'] as const) {
    it(`waits for a peers.yaml of the ${side} that takes an edit`, async () => {
      const link = await invite(alice, 'bert')
      const node = side === 'inviter' ? alice : bob
      const good = await readFile(node.home.peers, 'utf8').catch(() => 'version: 1\npeers: []\n')
      await writeFile(node.home.peers, 'version: 1\npeers: 7\n', { mode: 0o600 })
      const tried = await join(bob, link)
      assert.notEqual(tried.state, 'paired')
      await writeFile(node.home.peers, good, { mode: 0o600 })
      await eventually(async () => {
        assert.equal((await attempted(bob, tried)).state, 'paired')
      })
      await ping(bob, 'alice')
    })
  }

  it('comes to its end with a link that was given up when the inviter had paired already', async () => {
    const link = await invite(alice, 'bert')
    await writeFile(alice.home.peers, 'version: 1\npeers: 7\n', { mode: 0o600 })
    assert.equal((await join(bob, link)).state, 'half')
    assert.equal(alice.pairing.inviter.list()[0]?.state, 'used')
    await bob.pairing.revoke('alice')
    await writeFile(alice.home.peers, 'version: 1\npeers: []\n', { mode: 0o600 })
    bob = await restart(bob, 'bob')
    assert.deepEqual(bob.pairing.joiner.list(), [])
    await assert.rejects(bob.pairing.revoke('alice'), { code: 'unknown-invite' })
    const joined = await join(bob, link, { name: 'ally', allow: ['status'] })
    assert.deepEqual([joined.state, joined.name], ['paired', 'ally'])
    assert.deepEqual(joined.paired?.words, alice.pairing.wordsOf(bob.self.id))
    assert.deepEqual(bob.pins.byName('ally')?.pin.allow, ['status'])
    await ping(bob, 'ally')
  })

  it('starts again with a link that is redeemed already, and changes nothing', async () => {
    const link = await invite(alice, 'bert')
    const joined = await join(bob, link)
    const again = await bob.pairing.joiner.join(link, { allow: ['status'], name: 'other' })
    assert.deepEqual({ ...again, attempts: 1 }, { ...joined, attempts: 1 })
    assert.deepEqual(bob.pins.byName('alice')?.pin.allow, ['ping', 'ask'])
  })

  it('is forgotten 30 days after the link has expired', async () => {
    await join(bob, await invite(alice, 'bert', 60_000))
    const later = 30 * 86_400_000
    for (const [ahead, left] of [
      [later, 1],
      [later + 60_000, 0],
    ] as const) {
      nodes.aheadMs.set('alice', ahead).set('bob', ahead)
      ;[alice, bob] = [await restart(alice, 'alice'), await restart(bob, 'bob')]
      assert.equal(alice.pairing.inviter.list().length, left)
      assert.equal(bob.pairing.joiner.list().length, left)
    }
    assert.equal(alice.pins.byName('bert')?.id, bob.self.id)
  })
})

/** Calls a peer, which the dialer keeps linked. */
async function ping(node: KithNode, name: string, refusal?: string): Promise<void> {
  const peer = node.pins.byName(name)
  assert.ok(peer !== undefined)
  const call = async (): Promise<unknown> => {
    const nonce = new Uint8Array(16)
    return await node.caller.call(peer, 'ping', { nonce }, pingEnd, { deadlineMs: 10_000 })
  }
  await eventually(async () => {
    if (refusal === undefined) await call()
    else await assert.rejects(call(), { code: refusal })
  })
}
