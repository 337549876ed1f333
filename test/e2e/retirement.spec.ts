import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { retire } from '../../src/node/keys/retire.ts'
import { keyNames } from '../helpers/key-homes.ts'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { kith, kithWith } from '../helpers/run-kith.ts'

describe('a node that is retired', () => {
  const make = liveNodes()

  let bob: LiveNode

  before(async () => {
    bob = await make('bob')
    await bob.start()
  })

  /** A node that has pinned bob, who runs, and is pinned by him. */
  async function pinned(name: string): Promise<LiveNode> {
    const node = await make(name)
    await node.pin(bob, { allow: ['ping'] })
    await bob.pin(node, { allow: ['ping'] })
    return node
  }

  it('tells its peers, stops, and does not start again; its files stay', async () => {
    const alice = await pinned('alice')
    await alice.start()
    await alice.linkedTo(bob)
    const { code, out } = await kith(alice, 'key', 'retire', '--yes')
    assert.equal(code, 0)
    assert.match(out, /has ended, by event 1 of its key log\n\nPEER +KNOWS\nbob +yes\n/)
    assert.equal((await alice.ended()).code, 0)
    assert.deepEqual(await keyNames(alice.home.path), [])

    const started = await kith(alice, 'start')
    assert.equal(started.code, 1)
    assert.match(started.err, /is retired: no key is in force\ntry: kith key recover/)
    for (const [command, shown] of [
      [['id'], /./],
      [['key', 'log'], /1 +retirement/],
      [['key', 'show'], /./],
      [['peers', 'list'], /./],
    ] as const) {
      const { code, out } = await kith(alice, ...command)
      assert.equal(code, 0, command.join(' '))
      assert.match(out, shown)
    }

    const why = await kith(bob, 'peers', 'why', 'alice')
    assert.match(why.out, /alice has retired: .*\n +try: kith peers remove alice/)
    assert.match((await kith(bob, 'peers', 'list')).out, /alice +retired/)
    assert.match((await kith(bob, 'alerts', 'list')).out, /alice has retired/)
    const called = await kith(bob, 'ping', 'alice', '-c', '1')
    assert.deepEqual([called.code, /has retired/.test(called.err)], [3, true])
  })

  it('has no keys left after a start, also when it was killed before they were erased', async () => {
    const erin = await make('erin')
    await retire(erin.home.path, { at: Date.now(), passphrase: undefined })
    assert.equal((await keyNames(erin.home.path)).length, 2)
    assert.equal((await kith(erin, 'start')).code, 1)
    assert.deepEqual(await keyNames(erin.home.path), [])
  })

  it('tells nobody when it does not run, and comes back by its recovery words', async () => {
    const carol = await pinned('carol')
    const { code, out } = await kith(carol, 'key', 'retire', '--yes', '--json')
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(out), {
      state: 'retired',
      running: false,
      id: carol.id,
      sn: 1,
      peers: [{ peer: 'bob', told: false }],
    })
    assert.equal((await kith(carol, 'key', 'retire', '--yes')).code, 1)
    const keys = await bob.client.call('peerKeys', { name: 'carol' }).catch(() => undefined)
    assert.notEqual(keys?.state, 'retired')

    const args = ['key', 'recover', '--clear', '--yes']
    assert.equal((await kithWith(carol, `${carol.words.recovery}\n`, ...args)).code, 0)
    await carol.start()
    await carol.linkedTo(bob)
    await eventually(async () => {
      const peers = await bob.client.call('peers', {})
      assert.equal(peers.find(({ name }) => name === 'carol')?.state, 'connected')
    })
    const log = await readFile(join(carol.home.path, 'identity.json'), 'utf8')
    assert.equal((JSON.parse(log) as { log: unknown[] }).log.length, 2)
  })
})
