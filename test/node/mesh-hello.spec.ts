import assert from 'node:assert/strict'
import type { Connection } from '@libp2p/interface'
import { encodeFrame } from '../../src/protocol/frame.ts'
import { HELLO_TIMEOUT_MS, LINK_PROTOCOL, MAX_FRAME_BYTES } from '../../src/protocol/limits.ts'
import { eventually } from '../helpers/eventually.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { ping, testMeshes } from '../helpers/mesh.ts'
import type { TestMesh } from '../helpers/mesh.ts'
import { closed, outsiders } from '../helpers/outsider.ts'
import { helloOf } from '../helpers/raw-peer.ts'
import { framesOf, openLink } from '../helpers/talk.ts'

/** A length prefix of four bytes: more than a frame may have. */
const TOO_LARGE = Buffer.of(0x81, 0x80, 0x80, 0x01)

describe('a connection of a pinned peer', () => {
  const start = testMeshes()
  const outsider = outsiders()
  let clock: ManualClock
  let node: TestMesh
  let connection: Connection

  beforeEach(async () => {
    clock = new ManualClock()
    node = await start('node', { peers: ['friend', 'other'], clock })
    connection = await (await outsider('friend')).dial(node.address)
  })

  /** What was sent before is read by the node when this resolves. */
  async function settled(): Promise<void> {
    const other = await start('other', { peers: ['node'], listen: [] })
    const link = await other.dial('node', node.address)
    await ping(link)
    link.abort(new Error('done'))
  }

  it('is closed when it opens no stream in time', async () => {
    await settled()
    clock.advance(2 * HELLO_TIMEOUT_MS - 1)
    await settled()
    assert.equal(connection.status, 'open')
    clock.advance(1)
    await closed(connection)
  })

  it('is closed when it says no hello in time', async () => {
    await connection.newStream(LINK_PROTOCOL)
    await settled()
    clock.advance(HELLO_TIMEOUT_MS - 1)
    await settled()
    assert.equal(connection.status, 'open')
    clock.advance(1)
    await closed(connection)
    assert.equal(node.links.size, 0)
  })

  it('stays when it has said hello', async () => {
    await openLink(connection)
    await node.linkTo('friend')
    clock.advance(2 * HELLO_TIMEOUT_MS)
    await settled()
    assert.equal(connection.status, 'open')
  })

  const firsts: [what: string, bytes: Uint8Array][] = [
    ['bytes without a sense', Buffer.alloc(64, 0xa5)],
    ['a frame without an end', Buffer.alloc(8, 0xff)],
    ['a frame above the limit', TOO_LARGE],
    ['a frame that is no message', encodeFrame(Buffer.of(0xf6))],
    ['a call before hello', framesOf({ t: 'call', id: 1, body: {}, verb: 'ping', deadlineMs: 1 })],
    ['hello twice', framesOf(helloOf(), helloOf())],
    ['no version of ours', framesOf(helloOf({ versions: [2, 3] }))],
  ]
  for (const [what, bytes] of firsts) {
    it(`is closed when the first it says is ${what}`, async () => {
      const stream = await connection.newStream(LINK_PROTOCOL)
      stream.send(bytes)
      await closed(connection)
      assert.equal(node.links.size, 0)
      assert.equal(node.calls, 0)
    })
  }

  it('is closed when a frame above the limit begins, before any of it is kept', async () => {
    const stream = await openLink(connection)
    await node.linkTo('friend')
    stream.send(TOO_LARGE)
    await closed(connection)
  })

  it('may send a frame as large as the limit', async () => {
    const stream = await openLink(connection)
    await node.linkTo('friend')
    const text = new Uint8Array(MAX_FRAME_BYTES - 1_024)
    stream.send(framesOf({ t: 'call', id: 1, body: text, verb: 'ping', deadlineMs: 60_000 }))
    await eventually(() => {
      assert.equal(node.calls, 1)
    })
    assert.equal(connection.status, 'open')
  })

  it('carries one link, and no second beside it', async () => {
    await openLink(connection)
    const link = await node.linkTo('friend')
    const second = await connection.newStream(LINK_PROTOCOL).catch(() => undefined)
    if (second !== undefined) {
      await eventually(() => {
        assert.notEqual(second.status, 'open')
      })
    }
    assert.equal(link.over, false)
    assert.equal(await node.linkTo('friend'), link)
  })
})
