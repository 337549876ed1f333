import { hash } from 'node:crypto'
import { pino } from 'pino'
import { systemClock } from '../../src/node/clock.ts'
import { Dispatcher } from '../../src/node/dispatcher.ts'
import { Guard } from '../../src/node/guard.ts'
import { KeyTrade } from '../../src/node/key-trade.ts'
import { Links } from '../../src/node/links.ts'
import { Lobby } from '../../src/node/lobby.ts'
import { Mesh } from '../../src/node/mesh.ts'
import type { KnownPeer } from '../../src/node/pins.ts'
import { createTransport } from '../../src/node/transport.ts'
import { pingVerb } from '../../src/node/verbs/ping.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { LINK_VERSION_MAX, LINK_VERSION_MIN } from '../../src/protocol/limits.ts'
import { peerIdOf } from '../../src/protocol/peer-id.ts'
import { parseBody, pingEnd } from '../../src/protocol/verbs.ts'
import { SOFTWARE } from '../../src/protocol/software.ts'
import { REPLY_BYTES, type Contender } from './contender.ts'

const DEADLINE_MS = 30_000

/** No load comes near it, so that the guard's rate rule decides each call and refuses none. */
const CALLS_PER_MINUTE = 1_000_000_000

/**
 * `ping` through the link and the whole guard, between pinned nodes: the request is the nonce, the reply the nonce
 * and padding up to the length that all contenders answer.
 */
export const kith: Contender = {
  serve: async ({ clients }) => {
    const peers = Array.from({ length: clients }, (_, index) => peerOf(clientSeed(index), index))
    const mesh = meshOf(serverSeed(), keyOf(serverSeed()), peers, ['/ip4/127.0.0.1/tcp/0'])
    await mesh.start()
    const [address = ''] = mesh.addresses()
    return { address, stop: () => mesh.stop() }
  },
  client: async ({ index }) => {
    const server = peerOf(serverSeed(), 0)
    const mesh = meshOf(clientSeed(index), keyOf(clientSeed(index)), [server], [])
    await mesh.start()
    return {
      connect: async (address) => {
        const link = await mesh.dial(server, address, AbortSignal.timeout(DEADLINE_MS))
        return {
          call: async (nonce) => {
            const size = REPLY_BYTES - nonce.byteLength
            const end = await link.call('ping', { nonce, size }, { deadlineMs: DEADLINE_MS })
            const { nonce: echo, pad = nonce } = parseBody(pingEnd, end)
            return Buffer.concat([echo, pad])
          },
          close: async () => {
            link.abort(new Error('closed'))
          },
        }
      },
      stop: () => mesh.stop(),
    }
  },
}

function meshOf(secret: Uint8Array, ownKey: string, peers: KnownPeer[], listen: string[]): Mesh {
  const clock = systemClock
  const log = pino({ level: 'silent' })
  const byKey = new Map(peers.map((peer) => [peer.key, peer]))
  const pins = {
    byKey: (key: string) => byKey.get(key),
    onChange: () => () => undefined,
    learn: async () => undefined,
    meet: async () => ({}),
    awaits: () => false,
    peers: () => peers,
  }
  const guard = new Guard([pingVerb({ software: SOFTWARE, startedAt: clock.now() })])
  const dispatcher = new Dispatcher({ pins, guard, clock, log, incidentId: () => 'bench' })
  const versions: [number, number] = [LINK_VERSION_MIN, LINK_VERSION_MAX]
  const hello = () =>
    ({ t: 'hello', at: clock.now(), sn: 0, epoch: 1, software: SOFTWARE, versions }) as const
  const links = new Links({ pins, clock, log, dispatcher }, { ownKey: () => ownKey, hello })
  const rates = { perMinute: 10, perAddressPerMinute: 1 }
  const lobby = new Lobby({ pins, clock, log, talks: {} }, { open: () => false, ...rates })
  const trade = new KeyTrade({ pins, log, own: { id: '', events: [], observe: () => undefined } })
  const strangers = { blocks: () => false, note: () => undefined }
  links.start()
  return new Mesh(
    { pins, links, lobby, strangers, trade, createTransport, clock, log },
    { secret, listen, connectsPerSecond: Infinity },
  )
}

function peerOf(seed: Uint8Array, index: number): KnownPeer {
  const ask = { preset: 'none', perMinute: 30, parallel: 2, queue: 8, depth: 0 }
  const most = { maxSeconds: 600, dailyBytes: Infinity }
  return {
    pin: {
      name: `peer-${index}`,
      addresses: [],
      allow: ['ping'],
      callsPerMinute: CALLS_PER_MINUTE,
      ask: { ...ask, ...most, approve: [] },
    },
    id: `kith1-${index}`,
    key: keyOf(seed),
    frozen: false,
    retired: false,
  }
}

function keyOf(seed: Uint8Array): string {
  return peerIdOf(publicKeyOf(seed))
}

function serverSeed(): Uint8Array {
  return seedOf('server')
}

function clientSeed(index: number): Uint8Array {
  return seedOf(`client ${index}`)
}

/** Keys that both processes can make: what is measured is not their secrecy. */
function seedOf(name: string): Uint8Array {
  return new Uint8Array(hash('sha256', `kith bench ${name}`, 'buffer'))
}
