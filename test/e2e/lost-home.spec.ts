import assert from 'node:assert/strict'
import { appendFile, cp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { openIdentity } from '../../src/node/identity.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { kith, kithWith } from '../helpers/run-kith.ts'
import { digestsOf } from '../helpers/stored-pins.ts'

const LOBBY = 'lobby: { per_minute: 100, per_address_per_minute: 100 }\n'

describe('a node whose home is gone', () => {
  const make = liveNodes()
  let alice: LiveNode
  let bob: LiveNode
  let carol: LiveNode

  before(async () => {
    alice = await make('alice')
    bob = await make('bob')
    carol = await make('carol')
    for (const { home } of [alice, bob, carol]) await appendFile(home.config, LOBBY)
    for (const peer of [bob, carol]) {
      await alice.pin(peer, { allow: ['ping'] })
      await peer.pin(alice, { allow: ['ping'] })
      await peer.start()
    }
    await alice.start()
    await Promise.all([alice.linkedTo(bob), alice.linkedTo(carol)])
    assert.equal((await kith(alice, 'key', 'rotate', '--grace', '1h')).code, 0)
    await alice.kill()
  })

  it('goes on with its id, by its words and the log that one peer holds, and all follow with the pin they have', async () => {
    const folder = dirname(alice.home.path)
    const [file, saved] = [join(folder, 'alice.log'), join(folder, 'saved.yaml')]
    await cp(alice.home.config, saved)
    await rm(alice.home.path, { recursive: true })

    const exported = await kith(bob, 'key', 'log', 'alice', '--export', file)
    assert.equal(exported.code, 0)
    assert.match(exported.out, new RegExp(`key log of ${alice.id} .*, 2 events`))
    assert.equal((await kith(bob, 'key', 'log', 'alice', '--export', file)).code, 1)

    const words = `${alice.words.recovery}\n`
    const recover = ['key', 'recover', '--log', file, '--clear', '--yes']
    const wrong = await kithWith(alice, `${bob.words.recovery}\n`, ...recover)
    assert.equal(wrong.code, 1)
    const made = await kithWith(alice, words, ...recover)
    assert.equal(made.code, 0, made.err)
    assert.match(made.out, new RegExp(`its id is still ${alice.id}`))
    assert.match(made.err, /put that back, or pin them again here/)

    const pins = await Promise.all([bob, carol].map(({ home }) => digestsOf(dirname(home.peers))))
    await cp(saved, alice.home.config)
    for (const peer of [bob, carol]) await alice.pin(peer, { allow: ['ping'] })
    const marks = [bob, carol].map(({ log }) => log.mark)
    await alice.start()
    const { id, key } = await openIdentity(alice.home.path, undefined)
    assert.equal(id, alice.id)
    for (const [at, peer] of [bob, carol].entries()) {
      await peer.linkedTo(alice, marks[at])
      const [known] = await peer.client.call('peers', {})
      assert.deepEqual([known?.id, known?.key, known?.state], [id, key, 'connected'])
      const kinds = (await peer.client.call('alerts', {})).map(({ kind }) => kind)
      assert.deepEqual(kinds, ['peer-rotated', 'peer-recovered'])
      const path = peer.home.peers
      assert.equal((await digestsOf(dirname(path)))[path], pins[at]?.[path])
      assert.equal((await kith(alice, 'ping', peer.name, '-c', '1')).code, 0)
    }
    assert.equal((await kithWith(alice, words, ...recover)).code, 1, 'no home is replaced')
    assert.deepEqual(await openIdentity(alice.home.path, undefined).then((same) => same.key), key)
  })
})
