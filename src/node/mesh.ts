import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Logger } from 'pino'
import { KithError, toError } from '../protocol/errors.ts'
import { HELLO_TIMEOUT_MS, LINK_PROTOCOL, LOBBY_PROTOCOL } from '../protocol/limits.ts'
import type { Clock } from './clock.ts'
import { removeDeadSockets } from './dead-socket.ts'
import { Gate } from './gate.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import type { Lobby } from './lobby.ts'
import type { KnownPeer, Pins } from './pins.ts'
import { channelOf, createTransport, cut } from './transport.ts'
import type { Transport, TransportInit } from './transport.ts'

export interface MeshComponents {
  pins: Pick<Pins, 'byKey' | 'onChange'>
  links: Links
  lobby: Lobby
  clock: Clock
  log: Logger
}

export type MeshInit = Omit<TransportInit, 'gater'>

/** The listener and its connections: each becomes a link, a visit to a lobby, or nothing. */
export class Mesh {
  readonly #components: MeshComponents
  readonly #init: MeshInit
  /** Connections whose key was pinned when they opened. */
  readonly #pinned = new WeakSet<Connection>()
  /** Connections with a link, or with one that is being opened: `Links` sees to those. */
  readonly #linked = new WeakSet<Connection>()
  #transport: Transport | undefined
  #unlisten: () => void = () => undefined

  constructor(components: MeshComponents, init: MeshInit) {
    this.#components = components
    this.#init = init
  }

  /** Listens. @throws {KithError} `cannot-listen` when one of the addresses cannot be had */
  async start(): Promise<void> {
    const { lobby, pins } = this.#components
    const gater = new Gate({ pins, lobby })
    const transport = await createTransport({ ...this.#init, gater })
    const { libp2p } = transport
    this.#transport = transport
    // One of each at once on a connection: a second one is refused by libp2p.
    const limits = { maxInboundStreams: 1, maxOutboundStreams: 1 }
    await libp2p.handle(
      LINK_PROTOCOL,
      async (stream, connection) => {
        await this.#accept(stream, connection)
      },
      limits,
    )
    await libp2p.handle(
      LOBBY_PROTOCOL,
      (stream, connection) => {
        // libp2p waits for its handlers; nobody waits for a visit.
        void lobby.serve(stream, connection)
      },
      limits,
    )
    libp2p.addEventListener('connection:open', ({ detail }) => {
      this.#expectLink(detail)
    })
    this.#unlisten = pins.onChange(() => {
      this.#cutUnpinned()
    })
    try {
      await removeDeadSockets(this.#init.listen)
      await libp2p.start()
    } catch (err) {
      throw cannotListen(this.#init.listen, err)
    }
  }

  async stop(): Promise<void> {
    this.#unlisten()
    await this.#transport?.libp2p.stop()
  }

  /** Addresses that we listen on, with real port numbers. */
  addresses(): string[] {
    return (
      this.#transport?.libp2p
        .getMultiaddrs()
        .map((address) => address.decapsulate('/p2p').toString()) ?? []
    )
  }

  /**
   * A link to this peer at this address.
   *
   * @throws {KithError} `connection-lost` when another key is there, or the peer hangs up on ours
   * @throws what the system says when nobody is there
   */
  async dial(peer: KnownPeer, address: string, signal: AbortSignal): Promise<Link> {
    const target = multiaddr(address).encapsulate(`/p2p/${peer.key}`)
    const connection = await this.#started()
      .dial(target, signal)
      .catch((err: unknown) => {
        if (!isWrongKey(err)) throw err
        throw notMet(
          peer,
          `another key than the one of ${peer.pin.name} answers at ${address}`,
          err,
        )
      })
    const either = AbortSignal.any([signal, AbortSignal.timeout(HELLO_TIMEOUT_MS)])
    const stream = await connection
      .newStream(LINK_PROTOCOL, { signal: either })
      .catch((err: unknown) => {
        cut(connection, toError(err))
        throw notMet(peer, `${peer.pin.name} hung up; it may not have pinned us`, err)
      })
    this.#linked.add(connection)
    return await this.#components.links.open(channelOf(stream, connection), peer, true)
  }

  /** Trades key logs in the lobby of whoever is at this address. @throws {KithError} `unreachable` */
  async visitLobby(address: string, signal: AbortSignal): Promise<KnownPeer> {
    return await this.#components.lobby.visit(
      multiaddr(address),
      (target, visit) => this.#started().dial(target, visit),
      signal,
    )
  }

  async #accept(stream: Stream, connection: Connection): Promise<void> {
    const { links, log, pins } = this.#components
    const key = connection.remotePeer.toString()
    const peer = pins.byKey(key)
    // A visitor of the lobby that tries for more gets what every wrong visit gets: silence. Also one that has just
    // shown its log: its connection is bounded as a visit, and it comes again on another.
    if (peer === undefined || !this.#pinned.has(connection)) return
    this.#linked.add(connection)
    await links.open(channelOf(stream, connection), peer, false).catch((err: unknown) => {
      log.debug({ peer: peer.pin.name, err }, 'link not opened')
    })
  }

  /** Closes a connection that has not become a link in time: it would hold a place for nothing. */
  #expectLink(connection: Connection): void {
    const { clock, pins } = this.#components
    if (pins.byKey(connection.remotePeer.toString()) !== undefined) this.#pinned.add(connection)
    const cancel = clock.after(2 * HELLO_TIMEOUT_MS, () => {
      if (!this.#linked.has(connection)) cut(connection, new Error('no link'))
    })
    connection.addEventListener('close', cancel)
  }

  /** Closes the connections of keys that were pinned and are not any more, whatever they are used for. */
  #cutUnpinned(): void {
    for (const connection of this.#transport?.libp2p.getConnections() ?? []) {
      const pinned = this.#components.pins.byKey(connection.remotePeer.toString()) !== undefined
      if (!pinned && this.#pinned.has(connection)) cut(connection, new Error('unpinned'))
    }
  }

  #started(): Transport {
    if (this.#transport === undefined) throw new TypeError('the mesh is not started')
    return this.#transport
  }
}

/** libp2p's name for a handshake that came to no end, of which a key that was not expected is the cause. */
function isWrongKey(err: unknown): boolean {
  return err instanceof Error && err.name === 'EncryptionFailedError'
}

function notMet(peer: KnownPeer, what: string, cause: unknown): KithError<'connection-lost'> {
  return new KithError('connection-lost', what, { peer: peer.id }, { cause })
}

function cannotListen(listen: readonly string[], cause: unknown): KithError<'cannot-listen'> {
  const addresses = listen.join(', ')
  // libp2p gives one text for all addresses; what the system said is in it.
  const said = /\bE[A-Z]{4,}\b[^\n]*/.exec(cause instanceof Error ? cause.message : '')?.[0]
  return new KithError(
    'cannot-listen',
    `cannot listen on ${addresses}${said === undefined ? '' : `: ${said}`}`,
    { addresses },
    { cause, hint: 'kith start --listen /ip4/0.0.0.0/tcp/PORT, with a port that is free' },
  )
}
