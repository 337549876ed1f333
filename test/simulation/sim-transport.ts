import type { ConnectionGater, Stream, StreamHandler } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Multiaddr } from '@multiformats/multiaddr'
import { ADDRESS_DIAL_TIMEOUT_MS } from '../../src/node/transport.ts'
import type { Transport, TransportInit } from '../../src/node/transport.ts'
import { toError } from '../../src/protocol/errors.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { peerIdOf } from '../../src/protocol/peer-id.ts'
import type { Network } from './network.ts'
import { SimConnection } from './sim-connection.ts'
import type { ConnectionInit, NetworkHost } from './sim-connection.ts'
import { latencyMs } from './wire.ts'

/** Wait before a first packet that got no answer is sent once more, in ms. */
const RESEND_MS = 1_000

/** A node's listener and its connections, in the network of the simulation. In the place of libp2p. */
export class SimTransport {
  readonly host: NetworkHost
  /** Peer id. */
  readonly key: string
  readonly #connections = new Set<SimConnection>()
  readonly #network: Network
  readonly #gater: ConnectionGater
  readonly #events = new EventTarget()
  readonly #handlers = new Map<string, StreamHandler>()

  constructor(network: Network, host: NetworkHost, init: TransportInit) {
    this.#network = network
    this.host = host
    this.key = peerIdOf(publicKeyOf(init.secret))
    this.#gater = init.gater
  }

  get transport(): Transport {
    const libp2p = {
      addEventListener: this.#events.addEventListener.bind(this.#events),
      getConnections: () => [...this.#connections],
      getMultiaddrs: () => [multiaddr(`${this.host.address}/p2p/${this.key}`)],
      handle: async (protocol: string, handler: StreamHandler) => {
        this.#handlers.set(protocol, handler)
      },
      start: async () => {
        this.#network.listen(this)
      },
      stop: async () => {
        this.#network.unlisten(this)
        for (const connection of this.#connections) connection.abort(new Error('stopped'))
      },
    }
    return {
      // As much of it as a node uses.
      libp2p: libp2p as unknown as Transport['libp2p'],
      dial: async (target, signal) => (await this.#dial(target, signal)).connection,
    }
  }

  async #dial(target: Multiaddr, signal: AbortSignal): Promise<SimConnection> {
    const [address = '', expected] = target.toString().split('/p2p/')
    const over = AbortSignal.any([signal, AbortSignal.timeout(ADDRESS_DIAL_TIMEOUT_MS)])
    const there = await this.#reach(address, over)
    const met = this.#connect(there)
    try {
      await this.#cross(over)
      if (met.status !== 'open') throw named('ECONNRESET')
      if (expected !== undefined && expected !== there.key) throw named('EncryptionFailedError')
      if (
        this.#gater.denyOutboundEncryptedConnection?.(met.peerId, met.multiaddrConnection) === true
      )
        throw named('DialDeniedError')
    } catch (err) {
      met.abort(toError(err))
      throw err
    }
    met.secure()
    this.#announce(met)
    return met
  }

  /** Who listens there. */
  async #reach(address: string, over: AbortSignal): Promise<SimTransport> {
    for (;;) {
      await this.#cross(over)
      const there = this.#network.knock(this.host, address)
      if (there === 'refused') throw named('ECONNREFUSED')
      if (there !== 'silence') return there
      await this.#wait(RESEND_MS, over)
    }
  }

  /** Both ends of a connection to a listener, before either has shown its key. */
  #connect(there: SimTransport): SimConnection {
    const ours = this.#end(there)
    const theirs = there.#end(this, () => {
      const { peerId, multiaddrConnection } = theirs
      if (there.#gater.denyInboundEncryptedConnection?.(peerId, multiaddrConnection) === true) {
        theirs.abort(named('denied'))
      } else {
        there.#announce(theirs)
      }
    })
    ours.join(theirs)
    if (there.#gater.denyInboundConnection?.(theirs.multiaddrConnection) === true) {
      theirs.abort(named('denied'))
    }
    return ours
  }

  #announce(connection: SimConnection): void {
    this.#events.dispatchEvent(new CustomEvent('connection:open', { detail: connection }))
  }

  async #cross(over: AbortSignal): Promise<void> {
    await this.#wait(latencyMs(this.#network.random), over)
  }

  /** Waits, for ever if this process ends meanwhile. */
  async #wait(ms: number, over: AbortSignal): Promise<void> {
    over.throwIfAborted()
    const { promise, reject, resolve } = Promise.withResolvers<void>()
    const cancel = this.#network.scheduler.after(ms, () => {
      if (this.host.alive()) resolve()
    })
    const onAbort = (): void => {
      cancel()
      reject(toError(over.reason))
    }
    over.addEventListener('abort', onAbort)
    await promise.finally(() => {
      over.removeEventListener('abort', onAbort)
    })
  }

  #end(there: SimTransport, secured?: () => void): SimConnection {
    const { random, scheduler } = this.#network
    const on: ConnectionInit['on'] = {
      data: (bytes) => {
        this.#network.heard(this.host, bytes)
      },
      sends: (bytes) => {
        const to = there.key
        this.#network.sent({ from: this.host, to, answers: secured !== undefined, bytes })
      },
      handler: (protocol) => {
        const handle = this.#handlers.get(protocol)
        if (handle === undefined) return undefined
        return (stream) => void handle(stream as unknown as Stream, connection.connection)
      },
      ...(secured === undefined ? {} : { secured }),
    }
    const connection = new SimConnection({
      scheduler,
      random,
      host: this.host,
      blocked: () => this.#network.blocked(this.host.name, there.host.name),
      remoteKey: there.key,
      remoteAddr: multiaddr(there.host.address),
      on,
    })
    this.#connections.add(connection)
    this.#network.add(connection)
    connection.addEventListener('close', () => {
      this.#connections.delete(connection)
    })
    return connection
  }
}

/** An error as libp2p and the system name them. */
function named(name: string): Error {
  return Object.assign(new Error(name), { name })
}
