import { noise } from '@chainsafe/libp2p-noise'
import type {
  ComponentLogger,
  Connection,
  ConnectionGater,
  ConnectionProtector,
  Libp2p,
  Logger,
  PeerStore,
  Stream,
} from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { YamuxMuxerInit } from '@libp2p/yamux'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import type { Channel } from './channel.ts'
import { blankPeerStore } from './blank-peer-store.ts'
import { noiseCrypto, noiseKey } from './noise-crypto.ts'

/*
 * libp2p's defaults are made for an open network. What a pinned mesh wants instead is set here, each with the
 * reason that was measured; `docs/libp2p.md` has the figures.
 */

/** An unauthenticated socket holds a place for so long: 10 s, the default, locks honest peers out. */
export const INBOUND_UPGRADE_TIMEOUT_MS = 3_000

/** Unauthenticated sockets at once. The default of 10 is taken up by one idle socket every 400 ms. */
export const MAX_PENDING_INBOUND = 1_024

/** The default of 5 a second refuses nine peers behind one NAT. A core makes some 300 handshakes a second. */
export const MAX_CONNECTS_PER_SECOND = 50

/** One address of a peer is given up after this long, so that the next gets its turn. */
export const ADDRESS_DIAL_TIMEOUT_MS = 5_000

/** Bytes that a stream may have on the way; Yamux's own limit is 16 MiB. */
const MAX_STREAM_WINDOW_BYTES = 1_048_576

/** A link, a lobby visit, and room for bulk streams; the default of 1,000 is an attack surface. */
const MAX_STREAMS = 64

export interface TransportInit {
  /** Ed25519 seed, 32 bytes: the key in use. */
  secret: Uint8Array
  /** Multiaddrs. */
  listen: readonly string[]
  gater: ConnectionGater
  /** Connections a second that one address may open. @default 50 */
  connectsPerSecond?: number
}

/** What we use of libp2p's own parts, which it hands to each of its services. */
interface Libp2pComponents {
  addressManager: object
  peerStore: PeerStore
  transportManager: {
    dial(address: Multiaddr, options: { signal: AbortSignal }): Promise<Connection>
  }
}

export interface Transport {
  libp2p: Pick<
    Libp2p,
    'addEventListener' | 'getConnections' | 'getMultiaddrs' | 'handle' | 'start' | 'stop'
  >
  /** An authenticated connection to whoever is at `address`, or to the peer id that it ends with. */
  dial(address: Multiaddr, signal: AbortSignal): Promise<Connection>
}

/** A libp2p node with Noise over TCP and unix sockets, and nothing that speaks to or about anybody by itself. */
export async function createTransport(
  init: TransportInit,
): Promise<Transport & { libp2p: Libp2p }> {
  let components: Libp2pComponents | undefined
  const libp2p = await createLibp2p({
    privateKey: noiseKey(init.secret),
    addresses: { listen: [...init.listen] },
    // Our own liveness tells death from silence; a socket without traffic is not a dead one.
    transports: [tcp({ inboundSocketInactivityTimeout: 0, outboundSocketInactivityTimeout: 0 })],
    connectionEncrypters: [noise({ crypto: noiseCrypto })],
    streamMuxers: [
      boundedYamux({
        enableKeepAlive: false,
        maxInboundStreams: MAX_STREAMS,
        maxOutboundStreams: MAX_STREAMS,
        streamOptions: {
          initialStreamWindowSize: 262_144,
          maxStreamWindowSize: MAX_STREAM_WINDOW_BYTES,
          maxReadBufferLength: 262_144,
          inactivityTimeout: 0,
        },
      }),
    ],
    connectionGater: init.gater,
    connectionProtector: () => joinWrites,
    connectionManager: {
      maxConnections: 4_096,
      maxIncomingPendingConnections: MAX_PENDING_INBOUND,
      inboundUpgradeTimeout: INBOUND_UPGRADE_TIMEOUT_MS,
      inboundConnectionThreshold: init.connectsPerSecond ?? MAX_CONNECTS_PER_SECOND,
      // The dialer of ours goes on for ever; libp2p's deletes its tag after five failures.
      reconnectRetries: 0,
    },
    // It ends a connection at the first late ping, and costs a tenth of a core at 500 peers.
    connectionMonitor: { enabled: false },
    nodeInfo: { name: '', version: '', userAgent: '' },
    logger: silentLogger,
    services: {
      kith: (all: Libp2pComponents) => {
        components = all
        all.peerStore = blankPeerStore
        // It would write our addresses in there a second after each change of them, also when all has stopped.
        Object.assign(all.addressManager, { _updatePeerStoreAddresses: () => undefined })
        return {}
      },
    },
    start: false,
  })
  return {
    libp2p,
    dial: async (address, signal) => {
      if (components === undefined) throw new TypeError('libp2p made no services')
      // Straight to the transport: libp2p's own queue joins dials to one peer, tries addresses one after the other
      // and writes each into its peer store, which costs a seventh of a connect.
      // A socket is destroyed by the signal that it was dialled with, however much later: it gets one that nobody
      // aborts once the dial is over.
      const dialling = new AbortController()
      const giveUp = (): void => {
        dialling.abort(new Error('the dial was given up'))
      }
      const timer = setTimeout(giveUp, ADDRESS_DIAL_TIMEOUT_MS)
      signal.addEventListener('abort', giveUp)
      try {
        signal.throwIfAborted()
        return await components.transportManager.dial(address, { signal: dialling.signal })
      } finally {
        clearTimeout(timer)
        signal.removeEventListener('abort', giveUp)
      }
    },
  }
}

/** The bytes of a libp2p stream, as a channel. Ending the channel ends its connection. */
export function channelOf(stream: Stream, connection: Connection): Channel {
  return {
    send: (bytes) => stream.send(bytes),
    listen(listeners) {
      stream.addEventListener('message', ({ data }) => {
        // A list's parts are read one by one: joining them would copy each byte once more.
        if (data instanceof Uint8Array) listeners.bytes(data)
        else for (const part of data) listeners.bytes(part)
      })
      // Not `onDrain()`, which resolves at once from its second call on.
      stream.addEventListener('drain', () => {
        listeners.drain()
      })
      stream.addEventListener('remoteCloseWrite', () => {
        cut(connection, new Error('the peer closed the link'))
      })
      stream.addEventListener('close', (event) => {
        listeners.closed(event.error)
        // Not within this event: Yamux may be ending all its streams just now, and would throw where nobody catches.
        queueMicrotask(() => {
          cut(connection, event.error ?? new Error('the link ended'))
        })
      })
    },
    abort(reason) {
      stream.abort(reason)
      cut(connection, reason)
    },
  }
}

/** Ends a connection at once, whatever state it is in. */
export function cut(connection: Connection, reason: Error): void {
  try {
    connection.abort(reason)
  } catch {
    // Yamux says goodbye first, and throws when the other side has closed the socket already.
  }
}

/**
 * Yamux that ends a connection whose peer sends a frame beyond every window. Its decoder takes a frame of any
 * announced length, up to 4 GiB, and holds all of it before it looks whether a stream may have so much.
 */
function boundedYamux(init: YamuxMuxerInit): ReturnType<typeof yamux> {
  const make = yamux(init)
  return () => {
    const factory = make()
    const create = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = (connection) => {
      const muxer = create(connection)
      // Private to its class, but the one place that knows.
      const decoder = Reflect.get(muxer, 'decoder') as { buffer: { byteLength: number } }
      connection.addEventListener('message', () => {
        if (decoder.buffer.byteLength > 2 * MAX_STREAM_WINDOW_BYTES) {
          connection.abort(new Error('a frame beyond every window'))
        }
      })
      return muxer
    }
    return factory
  }
}

/**
 * Joins the parts of each write. libp2p hands the length, the header and the body of a message to the socket one by
 * one, each a system call of its own; copying them together costs less.
 */
const joinWrites: ConnectionProtector = {
  protect: async (connection) => {
    const send = connection.send.bind(connection)
    connection.send = (data) => send(data instanceof Uint8Array ? data : data.subarray())
    return connection
  },
}

/** libp2p's own log costs a tenth of the speed, even when nobody reads it. */
const silentLogger: ComponentLogger = { forComponent: () => silent }

const silent: Logger = Object.assign(() => undefined, {
  enabled: false,
  error: () => undefined,
  trace: () => undefined,
  newScope: () => silent,
})
