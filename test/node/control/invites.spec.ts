import assert from 'node:assert/strict'
import { ROUTES } from '../../../src/node/control/api.ts'
import type { CallName, Output } from '../../../src/node/control/api.ts'
import { createHandlers } from '../../../src/node/control/handlers.ts'
import type { Handlers } from '../../../src/node/control/handlers.ts'
import type { KithNode } from '../../../src/node/node.ts'
import { fingerprintWords } from '../../../src/protocol/node-id.ts'
import { pairingNodes } from '../../helpers/pairing-nodes.ts'
import type { PairingNodes } from '../../helpers/pairing-nodes.ts'

const { signal } = new AbortController()
const BERT = { name: 'bert', allow: ['ping' as const], ttlSeconds: 60 }

describe('control handlers of invites', () => {
  const all = pairingNodes()
  let nodes: PairingNodes
  let aliceNode: KithNode
  let alice: Handlers
  let bob: Handlers

  beforeEach(async () => {
    nodes = all().nodes
    const [first, second] = await Promise.all([nodes.start('alice'), nodes.start('bob')])
    aliceNode = first
    ;[alice, bob] = [handlersOf(first), handlersOf(second)]
  })

  it('make, redeem and report, each as its schema has it', async () => {
    const { link, ...made } = fits('invite', await alice.invite(BERT, signal))
    assert.deepEqual([made.state, made.allow], ['open', ['ping']])
    assert.deepEqual((await alice.status({}, signal)).pairings.invites, [made])
    const begun = fits('join', await bob.join({ link, allow: [] }, signal))
    const follow = { invite: begun.invite, after: begun.attempts }
    const joined = fits('followJoin', await bob.followJoin(follow, signal))
    assert.deepEqual([joined.state, joined.peer, joined.confirmed], ['paired', 'alice', 'link'])
    const { invites } = fits('invites', await alice.invites({}, signal))
    assert.deepEqual(
      invites.map(({ confirmed, peer, state }) => [state, peer, confirmed]),
      [['used', 'bert', 'link']],
    )
    fits('status', await alice.status({}, signal))
  })

  it('confirm a peer that came by a link by the words of the pairing, and by no others', async () => {
    const { link } = await alice.invite(BERT, signal)
    const { invite } = await bob.join({ link, allow: [] }, signal)
    const words = (await bob.followJoin({ invite, after: 0 }, signal)).paired?.words.join(' ') ?? ''
    const wrong = alice.confirmPeer({ name: 'bert', words: 'a b c d' }, signal)
    await assert.rejects(wrong, { code: 'wrong-words' })
    assert.equal((await alice.peers({}, signal))[0]?.confirmed, 'link')
    const typed = ` ${words.toUpperCase().replace(' ', ',  ')} `
    const done = await alice.confirmPeer({ name: 'bert', words: typed }, signal)
    fits('confirmPeer', done)
    assert.deepEqual([done.confirmed, done.compared?.join(' ')], ['words', words])
    assert.deepEqual((await alice.status({}, signal)).pairings.invites, [])
    const fingerprint = (await bob.peers({}, signal))[0]?.words?.join(' ') ?? ''
    const ofId = bob.confirmPeer({ name: 'alice', words: fingerprint }, signal)
    await assert.rejects(ofId, { code: 'wrong-words' })
    assert.equal((await bob.peers({}, signal))[0]?.confirmed, 'link')
    await assert.rejects(bob.confirmPeer({ name: 'carol' }, signal), { code: 'unknown-peer' })
  })

  it('confirm a peer that came without a link by the words of its id', async () => {
    const { id } = await bob.status({}, signal)
    await aliceNode.pins.edit({ op: 'add', peer: { name: 'bert', id } })
    const words = fingerprintWords(id)
    const wrong = alice.confirmPeer({ name: 'bert', words: 'a b c d' }, signal)
    await assert.rejects(wrong, { code: 'wrong-words' })
    const done = await alice.confirmPeer({ name: 'bert', words: words.join(' ') }, signal)
    assert.deepEqual([done.confirmed, done.compared], ['words', words])
  })

  it('take an invite back', async () => {
    await alice.invite(BERT, signal)
    const { invites } = fits('revokeInvite', await alice.revokeInvite({ which: 'bert' }, signal))
    assert.deepEqual(
      invites.map(({ state }) => state),
      ['revoked'],
    )
    await assert.rejects(alice.revokeInvite({ which: 'bert' }, signal), { code: 'unknown-invite' })
    await assert.rejects(alice.followJoin({ invite: '0f'.repeat(16), after: 0 }, signal), {
      code: 'unknown-invite',
    })
  })

  const inputs: [route: CallName, input: Record<string, unknown>, good: boolean][] = [
    ['invite', BERT, true],
    ['invite', { ...BERT, ttlSeconds: 2_592_000 }, true],
    ['invite', { ...BERT, ttlSeconds: 2_592_001 }, false],
    ['invite', { ...BERT, ttlSeconds: 0 }, false],
    ['invite', { ...BERT, name: 'self' }, false],
    ['invite', { ...BERT, addresses: [] }, false],
    ['invite', { ...BERT, addresses: ['nas.lan'] }, false],
    ['invite', { ...BERT, addresses: ['/dns4/nas.lan/tcp/7423'] }, true],
    ['join', { link: 'x'.repeat(4_097), allow: [] }, false],
    ['followJoin', { invite: 'bert', after: 0 }, false],
  ]
  for (const [route, input, good] of inputs) {
    it(`${good ? 'take' : 'refuse'} ${JSON.stringify(input).slice(0, 90)} for ${route}`, () => {
      assert.equal(ROUTES[route].input.safeParse(input).success, good)
    })
  }
})

function handlersOf(node: KithNode): Handlers {
  return createHandlers(node, { readyAfterMs: () => 0, stop: () => undefined })
}

/** What a route answers, which its own schema takes. */
function fits<N extends CallName>(name: N, output: Output<N>): Output<N> {
  const overWire: unknown = JSON.parse(JSON.stringify(output))
  assert.deepEqual(ROUTES[name].output.parse(overWire), overWire)
  return output
}
