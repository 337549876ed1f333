import type { Connection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Logger } from 'pino'
import { publicKeyOf } from '../protocol/ed25519.ts'
import { KithError, toError } from '../protocol/errors.ts'
import { HELLO_TIMEOUT_MS, LINK_PROTOCOL, LOBBY_PROTOCOL } from '../protocol/limits.ts'
import { peerIdOf } from '../protocol/peer-id.ts'
import type { Clock } from './clock.ts'
import { removeDeadSockets } from './dead-socket.ts'
import { Gate } from './gate.ts'
import type { KeyTrade } from './key-trade.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import type { Lobby } from './lobby.ts'
import type { LobbyWire } from './lobby-talk.ts'
import type { KnownPeer, Pins } from './pins.ts'
import type { Strangers } from './strangers.ts'
import { hereLater } from './supervisor/owner.ts'
import { channelOf, cut } from './transport.ts'
import type { Transport, TransportInit } from './transport.ts'

export interface MeshComponents {
  pins: Pick<Pins, 'byKey' | 'onChange'>
  links: Links
  lobby: Lobby
  strangers: Pick<Strangers, 'blocks' | 'note'>
  trade: Pick<KeyTrade, 'visit'>
  createTransport: (init: TransportInit) => Promise<Transport>
  clock: Clock
  log: Logger
}

export type MeshInit = Omit<TransportInit, 'gater'>

/** The listener and its connections: each becomes a link, a visit to a lobby, or nothing. */
export class Mesh {
  readonly #components: MeshComponents
  #init: MeshInit
  /** Connections whose key was pinned when they opened. */
  readonly #pinned = new WeakSet<Connection>()
  /** Connections with a link, or with one that is being opened: `Links` sees to those. */
  readonly #linked = new WeakSet<Connection>()
  /** Connections on which somebody has talked in our lobby. */
  readonly #visited = new WeakSet<Connection>()
  #transport: Transport | undefined
  /** The listening that was begun last. */
  #listening: Promise<void> = Promise.resolve()
  #unlisten: () => void = () => undefined

  constructor(components: MeshComponents, init: MeshInit) {
    this.#components = components
    this.#init = init
  }

  /** Listens. @throws {KithError} `cannot-listen` when one of the addresses cannot be had */
  async start(): Promise<void> {
    this.#unlisten = this.#components.pins.onChange(() => {
      this.#cutUnpinned()
    })
    await this.#listen()
  }

  async stop(): Promise<void> {
    this.#unlisten()
    await this.#listening.catch(() => undefined)
    await this.#transport?.libp2p.stop()
  }

  /**
   * Listens under another key, where it listens now. All connections end; what hangs on them is a record, and is taken
   * up again on new ones.
   *
   * @throws {KithError} `cannot-listen` when somebody else took one of the addresses meanwhile
   */
  async rekey(secret: Uint8Array): Promise<void> {
    const before = this.#transport
    const listen = withPorts(this.#init.listen, this.addresses())
    this.#init = { ...this.#init, secret, listen }
    this.#transport = undefined
    this.#listening = Promise.resolve(before?.libp2p.stop()).then(() => this.#listen())
    await this.#listening
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
    const connection = await this.#connect(target, signal).catch((err: unknown) => {
      if (!isWrongKey(err)) throw err
      throw notMet(peer, `another key than the one of ${peer.pin.name} answers at ${address}`, err)
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
    const { trade } = this.#components
    return await this.talkAt(address, (wire, key) => trade.visit(wire, key), signal)
  }

  /** Talks in the lobby of whoever is at this address. @throws {KithError} `unreachable` */
  async talkAt<T>(
    address: string,
    talk: (wire: LobbyWire, key: string) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    return await this.#components.lobby.visit(
      multiaddr(address),
      (target, visit) => this.#connect(target, visit),
      talk,
      signal,
    )
  }

  /** A connection under the key in use. */
  async #connect(address: Multiaddr, signal: AbortSignal): Promise<Connection> {
    await this.#listening
    const transport = this.#transport
    if (transport === undefined) throw new TypeError('the mesh is not started')
    const connection = await transport.dial(address, signal)
    if (transport === this.#transport) return connection
    // A transport that has stopped ends the connections that it has, and not those on their way.
    cut(connection, new Error('made under the key before'))
    return await this.#connect(address, signal)
  }

  async #listen(): Promise<void> {
    const { createTransport, lobby, pins, strangers } = this.#components
    const gater = new Gate({ pins, lobby, strangers })
    const transport = await createTransport({ ...this.#init, gater })
    const ownKey = peerIdOf(publicKeyOf(this.#init.secret))
    // What comes in by a socket has no owner of its own.
    const ownLater = hereLater()
    const { libp2p } = transport
    this.#transport = transport
    // One of each at once on a connection: a second one is refused by libp2p.
    const limits = { maxInboundStreams: 1, maxOutboundStreams: 1 }
    await libp2p.handle(
      LINK_PROTOCOL,
      async (stream, connection) => {
        await ownLater(() => this.#accept(stream, connection))
      },
      limits,
    )
    await libp2p.handle(
      LOBBY_PROTOCOL,
      (stream, connection) => {
        if (this.#visited.has(connection)) {
          stream.abort(new Error('one talk a visit'))
          return
        }
        this.#visited.add(connection)
        // libp2p waits for its handlers; nobody waits for a visit.
        void ownLater(() => lobby.serve(stream, connection, ownKey))
      },
      limits,
    )
    libp2p.addEventListener('connection:open', ({ detail }) => {
      this.#expectLink(detail)
    })
    try {
      await removeDeadSockets(this.#init.listen)
      await libp2p.start()
    } catch (err) {
      throw cannotListen(this.#init.listen, err)
    }
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
    const { clock, lobby, pins } = this.#components
    if (pins.byKey(connection.remotePeer.toString()) !== undefined) {
      this.#pinned.add(connection)
      lobby.remember(connection.remoteAddr)
    }
    const cancel = clock.after(2 * HELLO_TIMEOUT_MS, () => {
      if (!this.#linked.has(connection)) cut(connection, new Error('no link'))
    })
    connection.addEventListener('close', cancel)
  }

  /** Closes the connections of keys that were pinned and are not any more, whatever they are used for. */
  #cutUnpinned(): void {
    const { links, pins } = this.#components
    for (const connection of this.#transport?.libp2p.getConnections() ?? []) {
      const key = connection.remotePeer.toString()
      const pinned = pins.byKey(key) !== undefined || links.lingers(key)
      if (!pinned && this.#pinned.has(connection)) cut(connection, new Error('unpinned'))
    }
  }
}

/** Addresses to listen on, with the port that the system gave where they name none. */
function withPorts(listen: readonly string[], actual: readonly string[]): string[] {
  const given = actual.filter((address) => !listen.includes(address))
  return listen.map((address) => {
    const head = address.replace(/\/tcp\/0$/, '/tcp/')
    if (head === address) return address
    // One that stands for all addresses of its family is not among those that it became.
    const family = head.slice(0, head.indexOf('/', 1) + 1)
    const own =
      given.find((other) => other.startsWith(head)) ??
      given.find((other) => other.startsWith(family))
    return `${head}${own?.split('/tcp/')[1] ?? '0'}`
  })
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
