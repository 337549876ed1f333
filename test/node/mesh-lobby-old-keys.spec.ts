import assert from 'node:assert/strict'
import type { Connection, Stream } from '@libp2p/interface'
import { LINK_PROTOCOL, LOBBY_TIMEOUT_MS } from '../../src/protocol/limits.ts'
import { eventually } from '../helpers/eventually.ts'
import type { Branch } from '../helpers/key-branch.ts'
import { begin, rotate } from '../helpers/key-branch.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { ping, testMeshes } from '../helpers/mesh.ts'
import type { TestMesh } from '../helpers/mesh.ts'
import { closed, outsiders } from '../helpers/outsider.ts'
import { framesOf, openLobby, showOf } from '../helpers/talk.ts'
import { helloOf } from '../helpers/raw-peer.ts'
import { seedOf } from '../helpers/stub-pins.ts'
import { keyOf, pinOf, testPins } from '../helpers/test-pins.ts'
import type { TestPins } from '../helpers/test-pins.ts'

describe('whoever has a key that its node has put out of force', () => {
  const start = testMeshes()
  const outsider = outsiders()
  const make = testPins()
  const first = begin('bert')
  /** What the owner made of it. */
  const second = rotate(first, 'second', { why: 'compromise' })
  let clock: ManualClock
  let store: TestPins
  let node: TestMesh
  let friend: TestMesh
  let connection: Connection

  beforeEach(async () => {
    clock = new ManualClock()
    store = await make(pinOf('bert', first))
    await store.pins.take(second.events)
    const lobby = { open: () => true }
    node = await start('node', {
      peers: ['friend'],
      clock,
      lobbyPins: store.pins,
      ownLog: begin('node').events,
      lobby,
    })
    friend = await start('friend', { peers: ['node'], listen: [] })
    const thief = await outsider('bert')
    assert.equal(thief.key, keyOf(first))
    connection = await thief.dial(node.address)
  })

  /** Says this, and is heard by the node. What comes back. */
  async function say(stream: Stream, bytes: Uint8Array): Promise<{ heard: Uint8Array }> {
    const back = { heard: new Uint8Array() }
    stream.addEventListener('message', ({ data }) => {
      back.heard = Buffer.concat([back.heard, data.subarray()])
    })
    stream.send(bytes)
    const link = await friend.dial('node', node.address)
    await ping(link)
    link.abort(new Error('done'))
    return back
  }

  /** Nothing has come of it, and the connection ends when its time is up. */
  async function endsInVain(): Promise<void> {
    assert.equal(connection.status, 'open')
    clock.advance(LOBBY_TIMEOUT_MS)
    await closed(connection)
    assert.equal(store.pins.byName('bert')?.key, keyOf(second))
    assert.equal(store.pins.byName('bert')?.frozen, false)
    assert.equal(node.links.size, 0)
    assert.equal(node.calls, 1, 'the ping of the friend')
  }

  it('gets no link, and no word', async () => {
    const back = await say(await connection.newStream(LINK_PROTOCOL), framesOf(helloOf()))
    assert.equal(back.heard.byteLength, 0)
    await endsInVain()
  })

  it('is shown what has become of its node, and that is all', async () => {
    const back = await say(await openLobby(connection), showOf(first.events))
    await eventually(() => {
      assert.deepEqual(Buffer.from(back.heard), Buffer.from(showOf(second.events)))
    })
    await endsInVain()
  })

  const silent: [name: string, shown: Branch][] = [
    ['the log of the owner', second],
    ['a rotation of its own, without the rotation key', forged(first)],
    ['the log of somebody else', begin('carol')],
  ]
  for (const [name, shown] of silent) {
    it(`hears nothing when it shows ${name}`, async () => {
      const back = await say(await openLobby(connection), showOf(shown.events))
      assert.equal(back.heard.byteLength, 0)
      await endsInVain()
    })
  }
})

/** What whoever has the key in force alone can make: a rotation key of its own in the place of the right one. */
function forged(branch: Branch): Branch {
  return rotate({ ...branch, rotationSeed: seedOf('a rotation key of its own') }, 'thief')
}
