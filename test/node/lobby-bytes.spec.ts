import assert from 'node:assert/strict'
import type { MultiaddrConnection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { encode } from '../../src/protocol/cbor.ts'
import {
  LOBBY_MAX_BYTES,
  MAX_ADDRESS_CHARS,
  MAX_KEY_LOG_EVENTS,
  MAX_PAIRING_ADDRESSES,
  MAX_RECOVERY_WINDOW_HOURS,
  MAX_ROTATION_GRACE_SECONDS,
  MAX_ROTATION_SN,
  MAX_TIME_MS,
} from '../../src/protocol/limits.ts'
import { INVITE_ID_BYTES } from '../../src/protocol/invite.ts'
import { PAIRING_NONCE_BYTES, proposeMessage } from '../../src/protocol/pairing-messages.ts'
import { begin, recover, rotate } from '../helpers/key-branch.ts'
import type { Branch } from '../helpers/key-branch.ts'
import { testMeshes } from '../helpers/mesh.ts'
import type { TestMesh } from '../helpers/mesh.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { idOfBranch, keyOf, pinOf, TestPins } from '../helpers/test-pins.ts'

/**
 * A log as long as any that is valid: as many events as it may have, each with the most signatures and the greatest
 * numbers. Its key in force is that of `name 63`.
 */
function longest(name: string): Branch {
  const most = { graceSeconds: MAX_ROTATION_GRACE_SECONDS, at: MAX_TIME_MS }
  let branch = begin(name, MAX_RECOVERY_WINDOW_HOURS)
  for (let sn = 1; sn < MAX_KEY_LOG_EVENTS; sn++) {
    const keys = `${name} ${sn}`
    branch = sn <= MAX_ROTATION_SN ? rotate(branch, keys, most) : recover(branch, keys)
  }
  return branch
}

/** Noise, Yamux and the choice of a protocol: what a visit takes on the socket beside what is said there, and some more. */
const LIBP2P_BYTES = 1_024

/** An address as long as one may be. */
function addressOf(index: number): string {
  const [before, after] = [`/dns4/${index}.`, '/tcp/65535']
  const label = `${'a'.repeat(63)}.`
  const name = label.repeat(8).slice(0, MAX_ADDRESS_CHARS - before.length - after.length)
  return before + name + after
}

/** A connection as the gate gets it, whose bytes a test counts out. */
class StubConnection extends EventTarget {
  readonly status = 'open'
  readonly remoteAddr = multiaddr('/ip4/127.0.3.1/tcp/1')
  aborted: string | undefined

  abort(err: Error): void {
    this.aborted ??= err.message
  }

  receive(bytes: number): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data: new Uint8Array(bytes) }))
  }
}

describe('the bytes of a visit to the lobby', () => {
  const start = testMeshes()
  const stores: TestPins[] = []

  afterEach(async () => {
    for (const store of stores.splice(0)) await store.stop()
  })

  describe('counted one by one', () => {
    let visitor: StubConnection

    beforeEach(async () => {
      const node = await start('node', { listen: [] })
      node.pins.waiting = true
      visitor = new StubConnection()
      assert.ok(node.lobby.admit(visitor as unknown as MultiaddrConnection, 'a key'))
    })
    afterEach(() => {
      visitor.dispatchEvent(new Event('close'))
    })

    it('are enough for the largest proposal to pair, its commit, and all that libp2p adds', () => {
      const [invite, nonce] = [new Uint8Array(INVITE_ID_BYTES), new Uint8Array(PAIRING_NONCE_BYTES)]
      const proposal = proposeMessage.parse({
        t: 'propose',
        invite,
        commitment: new Uint8Array(32),
        log: longest('ann').events,
        addresses: Array.from({ length: MAX_PAIRING_ADDRESSES }, (_, at) => addressOf(at)),
        grants: Array.from('abcdefghijklmnop', (letter) => letter.repeat(32)),
        mac: new Uint8Array(32),
      })
      const commit = { t: 'commit', invite, nonce, sig: new Uint8Array(64) }
      for (const message of [proposal, commit]) visitor.receive(encode(message).byteLength)
      visitor.receive(LIBP2P_BYTES)
      assert.equal(visitor.aborted, undefined)
    })

    const ways: [name: string, parts: number[]][] = [
      ['all at once', []],
      ['in many parts', Array.from({ length: 64 }, () => 100)],
    ]
    for (const [name, parts] of ways) {
      it(`are as many as it may send, and not one more: ${name}`, () => {
        for (const bytes of parts) visitor.receive(bytes)
        visitor.receive(LOBBY_MAX_BYTES - parts.reduce((sum, bytes) => sum + bytes, 0))
        assert.equal(visitor.aborted, undefined)
        visitor.receive(1)
        assert.equal(visitor.aborted, 'lobby bytes used up')
      })
    }
  })

  describe('of two nodes whose logs are as long as can be', () => {
    let ann: Branch
    let bob: Branch
    let proxy: TcpProxy

    before(() => {
      ann = longest('ann')
      bob = longest('bob')
    })
    afterEach(() => proxy.stop())

    /** The node with this log, which has pinned the other and never heard of it. Its key is that of the last event. */
    async function node(own: Branch, other: Branch, name: string): Promise<TestMesh> {
      const store = new TestPins([pinOf('other', other)])
      stores.push(store)
      await store.start()
      return await start(name, {
        lobbyPins: store.pins,
        ownLog: own.events,
        lobby: { open: () => true },
      })
    }

    it('are enough in both directions, with all that libp2p adds', async () => {
      const shown = encode({ t: 'show', log: ann.events }).byteLength
      const host = await node(ann, bob, 'ann 63')
      const visitor = await node(bob, ann, 'bob 63')
      proxy = await TcpProxy.to(host.port)
      const met = await visitor.mesh.visitLobby(proxy.address, AbortSignal.timeout(10_000))
      assert.deepEqual([met.id, met.key], [idOfBranch(ann), keyOf(ann)])
      const [atHost, atVisitor] = stores.map(({ pins }) => pins.byName('other')?.key)
      assert.deepEqual([atHost, atVisitor], [keyOf(bob), keyOf(ann)])
      for (const bytes of [proxy.bytes.there, proxy.bytes.back]) {
        assert.ok(shown < bytes && bytes < LOBBY_MAX_BYTES, `${shown} became ${bytes}`)
      }
    })
  })
})
