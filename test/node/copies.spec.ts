import assert from 'node:assert/strict'
import { join } from 'node:path'
import { pino } from 'pino'
import type { AlertInit } from '../../src/node/alerts.ts'
import { Copies } from '../../src/node/copies.ts'
import type { Link } from '../../src/node/link.ts'
import { Database } from '../../src/store/database.ts'
import { eventually } from '../helpers/eventually.ts'
import { linkOver } from '../helpers/links.ts'
import { channelPair } from '../helpers/memory-channel.ts'
import { RawPeer, helloOf } from '../helpers/raw-peer.ts'
import { peerOf } from '../helpers/stub-pins.ts'
import { tempFolder } from '../helpers/temp-folder.ts'

const BOB = peerOf('bob')

describe('copies of a node', () => {
  const folder = tempFolder()
  let database: Database
  let alerts: AlertInit[]
  let opened: (link: Link) => void
  let copies: Copies

  beforeEach(async () => {
    database = await Database.open(join(folder(), 'store'))
    alerts = []
    open()
  })
  afterEach(() => database.close())

  /** As a start does: what is known is on disk. */
  function open(): void {
    copies = new Copies(
      {
        database,
        alerts: { raise: (alert) => alerts.push(alert) },
        pins: { byId: () => BOB },
        log: pino({ level: 'silent' }),
      },
      { ownEpoch: 5 },
    )
    copies.start({
      onOpen: (listener) => {
        opened = listener
        return () => undefined
      },
    })
  }

  /** Bob calls, and says how often it has started. Resolves with what it was told of another copy. */
  async function calls(epoch: number): Promise<unknown[]> {
    const [near, far] = channelPair()
    const link = linkOver(near, { peer: { id: BOB.id, key: BOB.key } })
    const peer = new RawPeer(far)
    await peer.say(helloOf({ epoch }), { t: 'call', id: 1, verb: 'x', body: 'done', deadlineMs: 1 })
    await link.opened
    opened(link)
    // Its row is written by then, and what is said is said after it.
    await eventually(async () => {
      assert.ok(await database.sublevel('peer-epochs').get(BOB.id))
      assert.ok(peer.heard.some(({ t }) => t === 'end'))
    })
    await database.write([], { durable: true })
    await new Promise(setImmediate)
    await new Promise(setImmediate)
    const told = peer.heard.flatMap((message) =>
      message.t === 'call' && message.verb === 'peer.copy' ? [message.body] : [],
    )
    link.abort(new Error('over'))
    return told
  }

  it('are none while a node starts again and again, or calls twice', async () => {
    for (const epoch of [1, 1, 2, 3, 9]) assert.deepEqual(await calls(epoch), [])
    assert.deepEqual(alerts, [])
  })

  it('are told of by the lower epoch of the two, each to the other', async () => {
    assert.deepEqual(await calls(9), [])
    assert.deepEqual(await calls(3), [{ epoch: 9 }])
    assert.deepEqual(
      alerts.map(({ kind, peer }) => [kind, peer]),
      [['peer-copied', 'bob']],
    )
    assert.deepEqual(await calls(9), [{ epoch: 3 }])
    assert.deepEqual(await calls(9), [], 'once')
    assert.equal(alerts.length, 1)
  })

  it('are told of anew each time that the older one calls', async () => {
    await calls(9)
    await calls(3)
    await calls(10)
    assert.deepEqual(await calls(3), [{ epoch: 10 }])
    assert.equal(alerts.length, 2)
  })

  it('are told of no more when the older one alone is left', async () => {
    await calls(9)
    for (const epoch of [3, 3, 4, 5]) await calls(epoch)
    assert.equal(alerts.length, 1)
    assert.deepEqual(await calls(8), [])
  })

  it('are noticed over a restart of our own', async () => {
    await calls(9)
    open()
    assert.deepEqual(await calls(3), [{ epoch: 9 }])
  })

  it('of ours are an alert where a peer has met another epoch, and none where it has met this one', () => {
    copies.told(BOB, 5)
    assert.deepEqual(alerts, [])
    for (const epoch of [4, 6]) copies.told(BOB, epoch)
    assert.deepEqual(
      alerts.map(({ kind, peer }) => [kind, peer]),
      [
        ['second-copy', 'bob'],
        ['second-copy', 'bob'],
      ],
    )
  })
})
