import assert from 'node:assert/strict'
import { multiaddr } from '@multiformats/multiaddr'
import type { PeerReport } from '../../../src/node/control/api.ts'
import { checkedNodes } from '../../helpers/checked-node.ts'
import type { CheckedNode } from '../../helpers/checked-node.ts'
import { eventually } from '../../helpers/eventually.ts'
import { begin } from '../../helpers/key-branch.ts'
import { idOfBranch, keyOf } from '../../helpers/test-pins.ts'

const BOB = idOfBranch(begin('bob'))
const CAROL = idOfBranch(begin('carol'))
const [CALLER, OTHER] = [keyOf(begin('caller')), keyOf(begin('other'))]
const ADDRESS = '/ip4/192.0.2.7/tcp/7423'

describe('kith peers, by a node that runs', () => {
  const make = checkedNodes()
  let node: CheckedNode

  beforeEach(async () => {
    node = make()
    await node.start()
  })

  async function out(...args: string[]): Promise<string> {
    const { code, err, out: text } = await node.kith('peers', ...args)
    assert.equal(code, 0, err)
    return text
  }

  async function peer(name: string): Promise<PeerReport> {
    return JSON.parse(await out('show', name, '--json')) as PeerReport
  }

  it('G07: key says what others pin', async () => {
    assert.ok((await out('key')).includes(node.node.self.id))
  })

  it('G07: add takes grants by comma or again, and list, show, allow, deny, set-address, rename and remove do as they say', async () => {
    await out('add', 'bob', BOB, '--allow', 'ping', '--allow', 'ask')
    await out('add', 'carol', CAROL, ADDRESS, '--allow', 'ping,ask')
    assert.deepEqual((await peer('bob')).allow, (await peer('carol')).allow)
    assert.match(await out('list'), /^bob [^]*^carol /m)
    await out('allow', 'bob', 'status')
    await out('deny', 'bob', 'ask')
    assert.deepEqual((await peer('bob')).allow, ['ping', 'status'])
    await out('set-address', 'bob', ADDRESS)
    await out('rename', 'bob', 'robert')
    assert.deepEqual((await peer('robert')).addresses, [ADDRESS])
    const explained = await node.kith('peers', 'explain', 'robert', 'ask')
    assert.equal(explained.code, 5)
    assert.match(explained.out, /by the rule allow: it may ping, status/)
    assert.match(await out('why', 'robert'), /robert/)
    await out('confirm', 'robert')
    await out('remove', 'robert')
    assert.deepEqual(
      (JSON.parse(await out('list', '--json')) as PeerReport[]).map(({ name }) => name),
      ['carol'],
    )
  })

  it('G07: pending, accept, deny, block and unblock decide on who has called', async () => {
    const { strangers } = node.node
    for (const key of [CALLER, OTHER]) strangers.note(key, multiaddr(ADDRESS))
    assert.match(await out('pending'), new RegExp(CALLER))
    await out('accept', CALLER, 'dora', '--allow', 'ping')
    await eventually(async () => {
      assert.deepEqual((await peer('dora')).allow, ['ping'])
    })
    await out('deny', OTHER)
    assert.equal(await out('pending'), 'nobody waits\n')
    await out('block', OTHER)
    assert.notEqual((await node.kith('peers', 'add', 'eve', OTHER)).code, 0)
    await out('unblock', OTHER)
    await out('add', 'eve', OTHER)
  })
})
