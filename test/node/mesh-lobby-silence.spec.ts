import assert from 'node:assert/strict'
import type { Connection, Stream } from '@libp2p/interface'
import { encode } from '../../src/protocol/cbor.ts'
import { encodeFrame } from '../../src/protocol/frame.ts'
import { LOBBY_TIMEOUT_MS } from '../../src/protocol/limits.ts'
import { eventually } from '../helpers/eventually.ts'
import { keyLogOf } from '../helpers/key-logs.ts'
import { ManualClock } from '../helpers/manual-clock.ts'
import { ping, testMeshes } from '../helpers/mesh.ts'
import type { TestMesh } from '../helpers/mesh.ts'
import { closed, outsiders } from '../helpers/outsider.ts'
import { digestsOf, storedPins } from '../helpers/stored-pins.ts'
import type { StoredPins } from '../helpers/stored-pins.ts'
import { openLobby, showOf } from '../helpers/talk.ts'

type Logs = Record<'bert' | 'mallory', Uint8Array[]>

/** All of these from a visitor whose key is mallory's, where the pin of bert waits. */
const FAILURES: [what: string, bytes: (logs: Logs) => Uint8Array][] = [
  ['nothing', () => new Uint8Array()],
  ['bytes without a sense', () => Buffer.alloc(300, 0xa5)],
  ['a length without an end', () => Buffer.alloc(8, 0xff)],
  ['a length beyond the limit', () => Buffer.of(0x81, 0x80, 0x80, 0x01)],
  ['half of a message', ({ bert }) => showOf(bert).subarray(0, 100)],
  ['a message that is no CBOR', () => encodeFrame(Buffer.alloc(32, 0xff))],
  ['a message of another kind', () => encodeFrame(encode({ t: 'redeem', log: [] }))],
  [
    'a message with a key too many',
    ({ bert }) => encodeFrame(encode({ t: 'show', log: bert, v: 1 })),
  ],
  ['a log without an event', () => showOf([])],
  ['a log that is no log', () => showOf([new Uint8Array(64)])],
  ['a log with a byte changed', ({ bert }) => showOf(bert.map(flipped))],
  ['a log with its event twice', ({ bert }) => showOf([...bert, ...bert])],
  ['the log of a node that is not pinned', ({ mallory }) => showOf(mallory)],
  ["the pinned node's log, under another key", ({ bert }) => showOf(bert)],
]

function flipped(event: Uint8Array): Uint8Array {
  return event.map((byte, at) => (at === event.byteLength - 1 ? byte ^ 1 : byte))
}

describe('a visitor of the lobby', () => {
  const start = testMeshes()
  const outsider = outsiders()
  const pinned = storedPins()
  let clock: ManualClock
  let node: TestMesh
  let friend: TestMesh
  let stored: StoredPins
  let logs: Logs
  let ownLog: Uint8Array[]

  beforeEach(async () => {
    clock = new ManualClock()
    const bert = await keyLogOf('bert')
    logs = { bert: bert.log, mallory: (await keyLogOf('mallory')).log }
    ownLog = (await keyLogOf('node')).log
    stored = await pinned([{ name: 'bert', id: bert.id }])

    node = await start('node', {
      peers: ['friend'],
      clock,
      lobbyPins: stored.pins,
      ownLog,
      lobby: { open: () => stored.pins.waiting },
    })
    friend = await start('friend', { peers: ['node'], listen: [] })
  })

  async function visitAs(name: string): Promise<{ connection: Connection; stream: Stream }> {
    const visitor = await outsider(name)
    const connection = await visitor.dial(node.address)
    return { connection, stream: await openLobby(connection) }
  }

  /** What was sent before is read by the node when this resolves. */
  async function settled(): Promise<void> {
    const link = await friend.dial('node', node.address)
    await ping(link)
    link.abort(new Error('done'))
  }

  for (const [what, bytes] of FAILURES) {
    it(`who says ${what} hears nothing, until the time is up for all`, async () => {
      const before = await digestsOf(stored.folder)
      const { connection, stream } = await visitAs('mallory')
      let heard = 0
      stream.addEventListener('message', ({ data }) => {
        heard += data.byteLength
      })
      stream.send(bytes(logs))
      await settled()
      clock.advance(LOBBY_TIMEOUT_MS - 1)
      await settled()
      assert.equal(connection.status, 'open')
      assert.equal(stream.status, 'open')
      clock.advance(1)
      await closed(connection)
      assert.equal(heard, 0)
      assert.equal(stored.pins.waiting, true)
      assert.deepEqual(await digestsOf(stored.folder), before)
    })
  }

  it('who shows the log of its pin under its own key hears ours, and is known', async () => {
    const { stream } = await visitAs('bert')
    const heard: Uint8Array[] = []
    stream.addEventListener('message', ({ data }) => {
      heard.push(data.subarray())
    })
    stream.send(showOf(logs.bert))
    await eventually(() => {
      assert.deepEqual(Buffer.concat(heard), Buffer.from(showOf(ownLog)))
    })
    assert.equal(stored.pins.waiting, false)
  })
})
