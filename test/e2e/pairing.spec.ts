import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import { readInvite } from '../../src/protocol/invite.ts'
import { eventually } from '../helpers/eventually.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { kith, kithWith } from '../helpers/run-kith.ts'
import { filesWith } from '../helpers/search-secret.ts'

const ROOMY_LOBBY = 'lobby: { per_minute: 100, per_address_per_minute: 100 }\n'

describe('pairing by the command line', () => {
  const make = liveNodes()
  let anna: LiveNode

  async function node(name: string): Promise<LiveNode> {
    const made = await make(name)
    await appendFile(made.home.config, ROOMY_LOBBY)
    await made.start()
    return made
  }

  /** The link of an invite of anna's. */
  async function inviteTo(name: string): Promise<string> {
    const init = { name, allow: ['ping' as const], ttlSeconds: 600 }
    return (await anna.client.call('invite', init)).link
  }

  it('takes one link, and both ask each other, with no file edited', async () => {
    const [alice, bob] = [await node('alice'), await node('bob')]
    const invited = await kith(alice, 'invite', 'bert', '--ttl', '10m')
    const [link = ''] = invited.out.split('\n')
    const joined = await kithWith(bob, `${link}\n`, 'join', '-')
    assert.equal(joined.code, 0, joined.err)
    const words = /^words: (\w+ \w+ \w+ \w+)$/m.exec(joined.out)?.[1] ?? ''
    assert.ok((await kith(alice, 'invites', 'list')).out.includes(words))
    assert.ok((await kith(alice, 'status')).out.includes(words))
    for (const [one, name] of [
      [alice, 'bert'],
      [bob, 'alice'],
    ] as const) {
      assert.equal((await kith(one, 'ask', name, 'echo hi')).out, 'hi\n')
      assert.equal((await kith(one, 'peers', 'confirm', name, '--words', 'a b c d')).code, 1)
      assert.equal((await kith(one, 'peers', 'confirm', name, '--words', words)).code, 0)
      assert.equal((await one.client.call('peers', {}))[0]?.confirmed, 'words')
    }

    const body = link.slice('kith://i/1/'.length)
    const { secret } = readInvite(link, 0)
    const shown = JSON.stringify([
      alice.log.lines,
      bob.log.lines,
      await alice.status(),
      await bob.status(),
      await alice.client.call('invites', {}),
      await bob.client.call('invites', {}),
    ])
    for (const part of [body.slice(0, 40), body.slice(-40), Buffer.from(secret).toString('hex')]) {
      assert.ok(!shown.includes(part))
    }
    for (const { home } of [alice, bob]) {
      const found = await filesWith(home.path, secret)
      assert.ok(found.every((path) => path.startsWith(home.store)))
    }
    await Promise.all([alice.stop(), bob.stop()])
  })

  it('goes on by itself when the inviter is away, and comes to its end with no one there', async () => {
    anna = await node('anna')
    const bert = await node('bert')
    const link = await inviteTo('bert')
    await anna.stop()
    const joined = await kith(bert, 'join', link)
    assert.equal(joined.code, 3)
    assert.match(joined.err, /goes on trying by itself until .* kith invites revoke anna/)
    await bert.kill()
    await bert.start()
    await anna.start()
    await eventually(() => anna.client.call('ping', { name: 'bert' }))
    await eventually(() => bert.client.call('ping', { name: 'anna' }))
    await bert.stop()
  })

  it('says what to type when a link is of no use', async () => {
    const link = await inviteTo('dora')
    for (const [given, exit, said] of [
      [link.slice(0, 99), 2, /damaged\ntry: copy the whole link/],
      ['https://example.org', 2, /not a kith link\ntry: /],
      [link, 2, /this node made the invite itself\ntry: give the link to the node/],
    ] as const) {
      const { code, err } = await kith(anna, 'join', given)
      assert.equal(code, exit)
      assert.match(err, said)
    }
    await anna.stop()
    const { code, err } = await kith(anna, 'join', link)
    assert.equal(code, 6)
    assert.match(err, /no node is running .*\ntry: kith start/)
  })
})
