import assert from 'node:assert/strict'
import type { PeerReport } from '../../src/node/control/api.ts'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'

describe('a peer that unpins this node', () => {
  const make = liveNodes()
  let alice: LiveNode
  let bob: LiveNode

  before(async () => {
    alice = await make('alice')
    bob = await make('bob')
    await alice.pin(bob, { allow: ['ping'] })
    await bob.pin(alice, { allow: ['ping'] })
    await bob.start()
    await alice.start()
    await Promise.all([alice.linkedTo(bob), bob.linkedTo(alice)])
  })

  async function bobAtAlice(): Promise<PeerReport> {
    const [peer] = await alice.client.call('peers', {})
    assert.ok(peer)
    return peer
  }

  async function unpin(): Promise<number> {
    const mark = alice.log.mark
    await bob.client.call('editPeers', { op: 'remove', name: 'alice' })
    await alice.logLine(({ msg }) => msg === 'peer disconnected', mark)
    return alice.log.mark
  }

  async function pinAgain(mark: number): Promise<void> {
    const peer = { name: 'alice', id: alice.id, addresses: [alice.address] }
    await bob.client.call('editPeers', { op: 'add', peer: { ...peer, allow: ['ping'] } })
    await Promise.all([alice.linkedTo(bob, mark), bob.linkedTo(alice, bob.log.mark - 1)])
  }

  it('is shown as such, in status, by the doctor and as an alert', async () => {
    await unpin()
    const { state, unpinnedUsAt } = await bobAtAlice()
    assert.equal(state, 'unpinned-you')
    assert.ok(Math.abs((unpinnedUsAt ?? 0) - Date.now()) < 60_000)
    const { problems } = await alice.status()
    assert.ok(
      problems.some(({ what }) => what === 'bob has unpinned this node, and is not dialled'),
    )
    const [alert] = await alice.client.call('alerts', {})
    assert.deepEqual([alert?.kind, alert?.peer], ['unpinned-by-peer', 'bob'])
  })

  it('is dialled no more, and a call says why', async () => {
    const { lastError, nextDialAt } = await bobAtAlice()
    assert.deepEqual([lastError, nextDialAt], [undefined, undefined])
    const pending = await bob.client.call('strangers', {})
    assert.deepEqual(pending.pending, [])
    await assert.rejects(alice.client.call('ping', { name: 'bob' }), {
      code: 'unreachable',
      details: { peer: 'bob', reason: 'it has unpinned this node' },
    })
  })

  it('stays so over a restart of this node', async () => {
    const mark = alice.log.mark
    await alice.stop()
    await alice.start()
    assert.equal((await bobAtAlice()).state, 'unpinned-you')
    const dials = alice.log.lines.slice(mark).filter(({ msg }) => msg === 'dial failed')
    assert.deepEqual(dials, [])
  })

  it('links again once it has pinned this node again, with no edit here', async () => {
    await pinAgain(alice.log.mark)
    await eventually(async () => {
      const { state, unpinnedUsAt } = await bobAtAlice()
      assert.deepEqual([state, unpinnedUsAt], ['connected', undefined])
    })
    await alice.client.call('ping', { name: 'bob' })
    const { problems } = await alice.status()
    assert.ok(!problems.some(({ what }) => what.endsWith('is not dialled')))
  })

  it('is dialled again when the owner gives its address again, and is a stranger there', async () => {
    await unpin()
    assert.equal((await bobAtAlice()).state, 'unpinned-you')
    const addresses = [bob.address]
    await alice.client.call('editPeers', { op: 'set-addresses', name: 'bob', addresses })
    await eventually(async () => {
      const { lastError, state } = await bobAtAlice()
      assert.equal(state, 'disconnected')
      assert.ok(lastError !== undefined)
      const { pending } = await bob.client.call('strangers', {})
      assert.deepEqual(
        pending.map(({ key }) => key),
        [alice.key],
      )
    })
  })

  it('removes a peer that is away all the same, and at once', async () => {
    await pinAgain(alice.log.mark)
    await alice.kill()
    const begun = performance.now()
    await bob.client.call('editPeers', { op: 'remove', name: 'alice' })
    assert.ok(performance.now() - begun < 5_000)
    assert.deepEqual(await bob.client.call('peers', {}), [])
  })
})
