import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { liveNodes } from '../helpers/live-node.ts'
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

  it('needs no more than the ids, and one address', async () => {
    const [alice, bob] = [await make('alice'), await make('bob')]
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
    await Promise.all([alice.stop(), bob.stop()])
  })

  it('works when both know an address and begin at once', async () => {
    const [alice, bob] = [await make('anna'), await make('bert')]
    await Promise.all([alice.start(), bob.start()])
    await Promise.all([alice.pin(bob, { allow: ['ping'] }), bob.pin(alice, { allow: ['ping'] })])
    await Promise.all([alice.linkedTo(bob), bob.linkedTo(alice)])
    await Promise.all([alice.stop(), bob.stop()])
  })

  it('turns a pin by bare key into one by id, and keeps the comments', async () => {
    const [alice, bob] = [await make('ada'), await make('ben')]
    await alice.pin(bob)
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
    await writeFile(bob.home.peers, text.replace('KEY', alice.key), { mode: 0o600 })
    await bob.start()
    await alice.start()
    await bob.linkedTo(alice)
    const changed = text.replace('key: KEY', `id: ${alice.id}`).replace('[ ping ]', '[ping]')
    assert.equal(await readFile(bob.home.peers, 'utf8'), changed)
    await Promise.all([alice.stop(), bob.stop()])
  })

  it('is refused to a stranger, who is told nothing and leaves nothing', async () => {
    const [bob, carol, stranger] = [await make('bo'), await make('carol'), await make('stranger')]
    await carol.pin(bob)
    await bob.pin(carol, { addresses: [] })
    await bob.start()
    await carol.start()
    await bob.linkedTo(carol)
    // What bob notes of carol it has noted by now: the second time there is nothing new in it.
    await bob.stop()
    const again = bob.log.mark
    await bob.start()
    await bob.linkedTo(carol, again)
    const [before, mark] = [await rowsOf(bob.home.store), bob.log.mark]
    await stranger.pin(bob)
    await stranger.start()
    await assert.rejects(stranger.client.call('ping', { name: 'bo' }), { code: 'unreachable' })
    assert.deepEqual(await rowsOf(bob.home.store), before)
    // Carol asks bob how it is, now and then.
    const others = bob.log.lines.slice(mark).filter(({ peer }) => peer !== carol.id)
    assert.deepEqual(others, [])
    assert.equal((await stranger.status()).peers[0]?.state, 'waiting')
    await Promise.all([bob.stop(), carol.stop(), stranger.stop()])
  })
})
