import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import type { JoinReport } from '../../src/node/control/api.ts'
import { MAX_STRANGERS } from '../../src/node/strangers.ts'
import { readOwnLog } from '../../src/node/keys/own-log.ts'
import { encode } from '../../src/protocol/cbor.ts'
import { encodeFrame } from '../../src/protocol/frame.ts'
import { readInvite } from '../../src/protocol/invite.ts'
import { joinerOpening, joinerRecordOf } from '../../src/protocol/pairing-joiner.ts'
import { eventually } from '../helpers/eventually.ts'
import { Flood } from '../helpers/flood.ts'
import type { Kind } from '../helpers/flood.ts'
import { ROUTINE, contentOf, rotateHere } from '../helpers/key-homes.ts'
import { liveNodes } from '../helpers/live-node.ts'
import type { LiveNode } from '../helpers/live-node.ts'
import { PairingNode } from '../helpers/pairing.ts'
import { showOf } from '../helpers/talk.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'

/** What the home of the node may grow by: a list of 20 strangers, and what the honest ones did meanwhile. */
const MAX_DISK_BYTES = 64 * 1_024

/** The same for its memory: garbage that is not collected yet. It levels off at some 40 MB, however many come. */
const MAX_MEMORY_BYTES = 64 * 1_048_576

/** Pings over each link that is up, one after the other. */
const PINGS = 20

interface Nodes {
  /** The one whose lobby is flooded. */
  amy: LiveNode
  /** Whom it dials. Their links stay up. */
  ben: LiveNode
  cat: LiveNode
  /** Who dial it. They are off when the flood begins. */
  dan: LiveNode
  eve: LiveNode
}

describe('a node whose lobby is flooded', function () {
  this.timeout(60_000)
  const make = liveNodes()
  let nodes: Nodes
  let proxy: TcpProxy
  let flood: Flood
  let calm: { disk: number; memory: number }
  /** Invites for nell, who comes from where the peers are, and for otto, who comes from elsewhere. */
  let links: { nell: string; otto: string }

  before(async () => {
    const [amy, ben, cat] = [await make('amy'), await make('ben'), await make('cat')]
    const [dan, eve] = [await make('dan'), await make('eve')]
    nodes = { amy, ben, cat, dan, eve }
    for (const peer of [ben, cat]) await amy.pin(peer, { allow: ['ping'] })
    for (const peer of [dan, eve]) await amy.pin(peer, { allow: ['ping'], addresses: [] })
    for (const peer of [ben, cat]) await peer.pin(amy, { allow: ['ping'], addresses: [] })
    for (const peer of [dan, eve]) await peer.pin(amy, { allow: ['ping'] })
    // Whoever is dialled is there before the one that dials it.
    for (const starting of [[ben, cat], [amy], [dan, eve]]) {
      await Promise.all(starting.map((node) => node.start()))
    }
    await Promise.all([ben, cat, dan, eve].map((peer) => amy.linkedTo(peer)))

    await Promise.all([dan.stop(), eve.stop()])
    await rotateHere(eve.home.path, { ...ROUTINE, graceSeconds: 0, at: Date.now() })
    await amy.client.call('rotate', { why: 'routine', graceSeconds: 0 })
    proxy = await TcpProxy.to(portOf(amy), '127.0.9.1')
    links = {
      nell: await invite(amy, 'nell'),
      otto: await invite(amy, 'otto', { addresses: [proxy.address] }),
    }
    flood = new Flood(amy.address, await kinds(amy, eve))
    calm = { disk: await diskOf(amy), memory: await memoryOf(amy) }
    await flood.start()
  })
  after(async () => {
    await flood.stop()
    await proxy.stop()
  })

  it('answers over the links that are up', async () => {
    const { amy, ben, cat } = nodes
    for (const peer of [ben, cat]) {
      for (let count = 0; count < PINGS; count++) {
        await amy.client.call('ping', { name: peer.name })
        await peer.client.call('ping', { name: amy.name })
      }
    }
    assert.ok(flood.running)
  })

  it('is found by peers that were away when its key changed and theirs, with no human', async () => {
    const { amy, dan, eve } = nodes
    const mark = amy.log.mark
    await Promise.all([dan.start(), eve.start()])
    await Promise.all([amy.linkedTo(dan, mark), amy.linkedTo(eve, mark)])
    const { key } = await amy.status()
    for (const peer of [dan, eve]) {
      await eventually(() => peer.client.call('ping', { name: amy.name }))
      await eventually(() => amy.client.call('ping', { name: peer.name }))
      assert.equal((await peer.status()).peers[0]?.key, key)
    }
    const { peers } = await amy.status()
    assert.equal(peers.find(({ id }) => id === eve.id)?.key, (await eve.status()).key)
    assert.notEqual((await eve.status()).key, eve.key)
    assert.ok(flood.running)
  })

  it('is joined by a newcomer from where its peers are', async () => {
    const nell = await make('nell')
    await nell.start()
    await join(nell, links.nell)
    await paired(nell, nodes.amy)
    assert.ok(flood.running)
  })

  it('is silent to all of them, for as long as to any', async () => {
    await flood.heard()
    assert.ok(flood.running)
    assert.deepEqual(new Set(flood.visits.map(({ bytes }) => bytes)), new Set([0]))
  })

  it('is joined by a newcomer from elsewhere once there is room, with no human', async () => {
    const otto = await make('otto')
    await otto.start()
    await join(otto, links.otto)
    await eventually(async () => {
      assert.ok(((await otto.client.call('invites', {})).joins[0]?.attempts ?? 0) > 0)
    })
    await flood.stop()
    await paired(otto, nodes.amy)
  })

  it('has paid little for it, in memory and on disk', async () => {
    const { amy } = nodes
    const { pending } = await amy.client.call('strangers', {})
    assert.ok(pending.length <= MAX_STRANGERS)
    const memory = (await memoryOf(amy)) - calm.memory
    await amy.stop()
    const disk = (await diskOf(amy)) - calm.disk
    assert.ok(memory < MAX_MEMORY_BYTES, `${memory} bytes of memory`)
    assert.ok(disk < MAX_DISK_BYTES, `${disk} bytes on disk`)
  })
})

/** What strangers say in the lobby of amy, who has pinned eve. */
async function kinds(amy: LiveNode, eve: LiveNode): Promise<Kind[]> {
  const { events: eves } = await readOwnLog(eve.home.path)
  const { key } = await amy.status()
  const decoy = readInvite(await invite(amy, 'decoy'), Date.now())
  return [
    ['nothing', () => new Uint8Array()],
    ['bytes without a sense', () => Buffer.alloc(300, 0xa5)],
    ["eve's key log, under another key", () => showOf(eves)],
    ["eve's key log with a byte changed", () => showOf(eves.map(flipped))],
    ['half of a key log', (name) => showOf(new PairingNode(name).log).subarray(0, 100)],
    ['the key log of a node that is not pinned', (name) => showOf(new PairingNode(name).log)],
    [
      'a proposal with a wrong secret',
      (name) => {
        const stranger = new PairingNode(name)
        const init = { ownId: stranger.id, name: 'amy', allow: [], now: Date.now() }
        const opening = joinerOpening(joinerRecordOf(decoy, init), stranger.context(key))
        return encodeFrame(encode({ ...opening?.message, mac: new Uint8Array(32) }))
      },
    ],
  ]
}

function flipped(event: Uint8Array): Uint8Array {
  return event.map((byte, at) => (at === event.byteLength - 1 ? byte ^ 1 : byte))
}

async function invite(
  node: LiveNode,
  name: string,
  more: { addresses?: string[] } = {},
): Promise<string> {
  const init = { name, allow: ['ping' as const], ttlSeconds: 3_600, ...more }
  return (await node.client.call('invite', init)).link
}

async function join(node: LiveNode, link: string): Promise<JoinReport> {
  return await node.client.call('join', { link, allow: ['ping'] })
}

/** Calls go through in both directions. */
async function paired(joiner: LiveNode, inviter: LiveNode): Promise<void> {
  await joiner.logLine(({ msg }) => msg === 'peer connected')
  await eventually(() => joiner.client.call('ping', { name: inviter.name }))
  await eventually(() => inviter.client.call('ping', { name: joiner.name }))
}

function portOf({ address }: LiveNode): number {
  return Number(address.split('/').at(-1))
}

/** Bytes in all files of its home. */
async function diskOf({ home }: LiveNode): Promise<number> {
  const content = Object.values(await contentOf(home.path))
  return content.reduce((bytes, { length }) => bytes + length, 0)
}

/** Bytes of its process that are in memory. */
async function memoryOf({ pid }: LiveNode): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1_024
}
