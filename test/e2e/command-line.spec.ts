import assert from 'node:assert/strict'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { kith } from '../helpers/run-kith.ts'

describe('the command line beside a running node', () => {
  const make = liveNodes()
  let alice: LiveNode
  let bob: LiveNode

  before(async () => {
    alice = await make('alice')
    bob = await make('bob')
    await alice.pin(bob)
    await bob.pin(alice, { addresses: [] })
    await bob.start()
    await alice.start()
    await alice.linkedTo(bob)
  })

  it('exits with 4 and names the rule when the peer refuses', async () => {
    for (const args of [
      ['ping', 'bob', '-c', '1'],
      ['ask', 'bob', 'echo hi'],
    ]) {
      const { code, err, out } = await kith(alice, ...args)
      assert.deepEqual([code, out], [4, ''])
      assert.match(err, /denied, rule: allow/)
    }
  })

  it('exits with 0 once the peer has granted it', async () => {
    assert.equal((await kith(bob, 'peers', 'allow', 'alice', 'ping', 'ask')).code, 0)
    assert.equal((await kith(alice, 'ping', 'bob', '-c', '1')).code, 0)
    const { code, out } = await kith(alice, 'ask', 'bob', 'count 3')
    assert.deepEqual([code, out], [0, '1\n2\n3\n'])
  })

  it('exits with 3 when the peer does not answer, and with 6 when the own node does not run', async () => {
    await bob.kill()
    assert.equal((await kith(alice, 'ping', 'bob', '-c', '1')).code, 3)
    assert.equal((await kith(alice, 'ask', 'bob', 'echo hi')).code, 3)
    assert.equal((await kith(bob, 'ask', 'alice', 'echo hi')).code, 6)
  })

  it('stops the node', async () => {
    assert.equal((await kith(alice, 'stop')).code, 0)
    assert.equal((await alice.ended()).code, 0)
  })
})
