import assert from 'node:assert/strict'
import { diagnose } from '../../../src/node/checks/peer-diagnosis.ts'

describe('diagnosis of a peer', () => {
  for (const [lastError, cause, hint] of [
    ['connect ECONNREFUSED 127.0.0.1:7423', 'offline', 'kith peers show bob'],
    [
      'nobody answers at /dns4/bob.lan/tcp/7423: getaddrinfo ENOTFOUND bob.lan',
      'offline',
      'kith peers show bob',
    ],
    ['no connection in time', 'offline', 'kith peers show bob'],
    [
      'another key than the one of bob answers at /ip4/10.0.0.7/tcp/7423',
      'other-key',
      'kith peers set-address bob',
    ],
    ['/ip4/10.0.0.7/tcp/7423 is the address of carol', 'other-key', 'kith peers set-address bob'],
    ['bob hung up; it may not have pinned us', 'not-pinned', 'ask its owner'],
    [
      "nobody at /ip4/10.0.0.7/tcp/7423 showed a pinned node's key log",
      'not-pinned',
      'ask its owner',
    ],
    ['the link did not last', 'not-pinned', 'ask its owner'],
    ['bob speaks link versions 2 to 3, this node 1 to 1', 'version', 'update the older one'],
    ['something else', 'unknown', 'kith peers show bob'],
  ] as const) {
    it(`F58: of '${lastError}' is ${cause}, with its remedy`, () => {
      const found = diagnose('bob', { lastError })
      assert.equal(found.cause, cause)
      assert.ok(found.what.startsWith('bob'))
      assert.ok(found.hint.includes(hint), found.hint)
    })
  }

  it('F58: goes by the key that was proved at its address, whatever was said', () => {
    const dialled = { lastError: 'nobody showed anything', otherKey: '12D3KooW' }
    assert.equal(diagnose('bob', dialled).cause, 'other-key')
  })
})
