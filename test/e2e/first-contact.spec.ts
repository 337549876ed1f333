import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { openLevel } from '../../src/store/level.ts'
import { withStoreCopy } from '../../src/store/store-copy.ts'

/** All rows of a store, in a copy of it, but for what a node notes of its peers at intervals. */
async function rowsOf(store: string): Promise<Map<string, string>> {
  return await withStoreCopy(store, async (copy) => {
    const level = await openLevel(copy)
    try {
      const rows = await Array.fromAsync(level.iterator())
      const others = rows.filter(([key]) => !key.startsWith('!fleet-'))
      return new Map(others.map(([key, value]) => [key, Buffer.from(value).toString('hex')]))
    } finally {
      await level.close()
    }
  })
}

describe('first contact between processes', () => {
  const make = liveNodes()
  let alice: LiveNode
  let bob: LiveNode

  it('needs no more than the ids, and one address', async () => {
    ;[alice, bob] = [await make('alice'), await make('bob')]
    await alice.pin(bob, { allow: ['ping'] })
    await bob.pin(alice, { allow: ['ping'], addresses: [] })
    await bob.start()
    assert.equal((await bob.status()).lobby, 'open')
    await alice.start()
    await Promise.all([alice.linkedTo(bob), bob.linkedTo(alice)])
    for (const [one, other] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      const { rttMs, software } = await one.client.call('ping', { name: other.name })
      assert.ok(rttMs > 0)
      assert.match(software, /^kith\//)
      const { lobby, peers } = await one.status()
      // As long as anybody is pinned: a rotation of a stolen key has to reach us.
      assert.equal(lobby, 'open')
      assert.deepEqual(
        peers.map(({ key, state }) => [key, state]),
        [[other.key, 'connected']],
      )
    }
  })

  it('is refused to a stranger, who is told nothing and leaves nothing', async () => {
    const stranger = await make('stranger')
    // What bob notes of alice it has noted by now: the second time there is nothing new in it.
    await bob.stop()
    const again = bob.log.mark
    await bob.start()
    await bob.linkedTo(alice, again)
    const [before, mark] = [await rowsOf(bob.home.store), bob.log.mark]
    await stranger.pin(bob)
    await stranger.start()
    await assert.rejects(stranger.client.call('ping', { name: 'bob' }), { code: 'unreachable' })
    assert.deepEqual(await rowsOf(bob.home.store), before)
    // Alice asks bob how it is, now and then.
    const others = bob.log.lines.slice(mark).filter(({ peer }) => peer !== alice.id)
    assert.deepEqual(others, [])
    assert.equal((await stranger.status()).peers[0]?.state, 'waiting')
    await Promise.all([bob.stop(), alice.stop(), stranger.stop()])
  })

  it('works when both know an address and begin at once', async () => {
    const [anna, bert] = [await make('anna'), await make('bert')]
    await Promise.all([anna.start(), bert.start()])
    await Promise.all([anna.pin(bert, { allow: ['ping'] }), bert.pin(anna, { allow: ['ping'] })])
    await Promise.all([anna.linkedTo(bert), bert.linkedTo(anna)])
    await Promise.all([anna.stop(), bert.stop()])
  })

  it('turns a pin by bare key into one by id, and keeps the comments', async () => {
    const [ada, ben] = [await make('ada'), await make('ben')]
    await ada.pin(ben)
    const text = [
      '# Who may call.',
      'version: 1',
      'peers:',
      '  # Met at the fair.',
      '  - name: ada # the first',
      '    key: KEY # read out on the phone',
      '    allow: [ ping ]',
      '',
    ].join('\n')
    await writeFile(ben.home.peers, text.replace('KEY', ada.key), { mode: 0o600 })
    await ben.start()
    await ada.start()
    await ben.linkedTo(ada)
    const changed = text.replace('key: KEY', `id: ${ada.id}`).replace('[ ping ]', '[ping]')
    assert.equal(await readFile(ben.home.peers, 'utf8'), changed)
    await Promise.all([ada.stop(), ben.stop()])
  })
})
