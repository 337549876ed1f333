import type { Connection, MultiaddrConnection, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Logger } from 'pino'
import { KithError, toError } from '../protocol/errors.ts'
import {
  LOBBY_MAX_BYTES,
  LOBBY_PARALLEL,
  LOBBY_PER_PEER_PER_MINUTE,
  LOBBY_PROTOCOL,
  LOBBY_TIMEOUT_MS,
} from '../protocol/limits.ts'
import { decideRate, perMinute } from '../protocol/rate.ts'
import type { Clock } from './clock.ts'
import { lobbyWire } from './lobby-talk.ts'
import type { LobbyTalk, LobbyWire } from './lobby-talk.ts'
import { hostOf } from './network.ts'
import type { Peer, Pins } from './pins.ts'
import { cut } from './transport.ts'

/** Hosts of peers that are kept in mind. */
const MAX_PEER_HOSTS = 1_024

export interface LobbyInit {
  /** False: no stranger gets in. */
  open: () => boolean
  /** Strangers let in a minute: in all, and of one address. */
  perMinute: number
  perAddressPerMinute: number
}

export interface LobbyComponents {
  pins: Pick<Pins, 'awaits' | 'byKey' | 'peers'>
  clock: Clock
  log: Logger
  /** What can be said there, by the kind of the first message. */
  talks: Readonly<Record<string, LobbyTalk>>
}

/**
 * The narrow place where an unknown key may prove that it belongs to a pinned node, and the only one it reaches.
 * Whatever is wrong there ends in the same silence: the connection closes when its time is up, not before.
 */
export class Lobby {
  readonly #components: LobbyComponents
  readonly #init: LobbyInit
  readonly #cells = new Map<string, number>()
  /** Rate cells of pinned nodes, by id. */
  readonly #peerCells = new Map<string, number>()
  /** Addresses that we dial to reach the lobby of a pinned node. */
  readonly #sought = new Map<string, number>()
  /** Where pinned nodes have called from, the last one last. */
  readonly #peerHosts = new Set<string>()
  #inside = 0
  #cell: number | undefined

  constructor(components: LobbyComponents, init: LobbyInit) {
    this.#components = components
    this.#init = init
  }

  /** True while a stranger could get in. */
  get open(): boolean {
    return this.#init.open()
  }

  /**
   * Whether this connection of a key that is not known gets in, and if so, bounds it in time and bytes. A refused one
   * has used up nothing.
   */
  admit(connection: MultiaddrConnection, key: string): boolean {
    const { clock, pins } = this.#components
    if (!this.open || connection.status !== 'open') return false
    // A key that a pin waits for by name has been proved: no flood of strangers keeps it out.
    if (pins.awaits(key)) {
      this.#bound(connection, 0)
      return true
    }
    const now = clock.now()
    const host = hostOf(connection.remoteAddr)
    // A place of a peer's own, whose new key we may not know yet: strangers from elsewhere do not use it up.
    const isPeers = this.#isPeers(host)
    const { perAddressPerMinute, perMinute: ofAll } = this.#init
    const rate = perMinute(isPeers ? ofAll : perAddressPerMinute)
    const own = decideRate(rate, this.#cells.get(host), now)
    if (!own.allowed) return false
    if (!isPeers) {
      const all = decideRate(perMinute(ofAll), this.#cell, now)
      if (this.#inside >= LOBBY_PARALLEL || !all.allowed) return false
      this.#cell = all.cell
    }
    this.#forget(now)
    this.#cells.set(host, own.cell)
    this.#bound(connection, isPeers ? 0 : 1)
    return true
  }

  /** Takes note that a pinned node has called from this address. */
  remember(address: Multiaddr): void {
    const host = hostOf(address)
    this.#peerHosts.delete(host)
    this.#peerHosts.add(host)
    const [oldest] = this.#peerHosts
    if (this.#peerHosts.size > MAX_PEER_HOSTS && oldest !== undefined) {
      this.#peerHosts.delete(oldest)
    }
  }

  /** Serves a stream of the lobby's protocol, to a node that has the key `ownKey` there. Never rejects: a stranger is told nothing. */
  async serve(stream: Stream, connection: Connection, ownKey: string): Promise<void> {
    const { log, talks } = this.#components
    if (!this.#admitsPeer(connection)) return
    try {
      const wire = lobbyWire(stream, AbortSignal.timeout(LOBBY_TIMEOUT_MS))
      const first = await wire.read()
      const talk = Object.hasOwn(talks, first.t) ? talks[first.t] : undefined
      const visitor = {
        key: connection.remotePeer.toString(),
        address: connection.remoteAddr.toString(),
        ownKey,
      }
      await talk?.(first, wire, visitor)
    } catch (err) {
      log.debug({ err }, 'lobby visit ended')
    }
  }

  /** True while a dial of ours to the lobby at this address is under way. */
  seeking(address: Multiaddr): boolean {
    return this.#sought.has(address.toString())
  }

  /**
   * What comes of a talk in the lobby of whoever is at `address`.
   *
   * @throws {KithError} `unreachable` when nothing comes of it
   */
  async visit<T>(
    address: Multiaddr,
    dial: (address: Multiaddr, signal: AbortSignal) => Promise<Connection>,
    talk: (wire: LobbyWire, key: string) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const target = address.toString()
    this.#sought.set(target, (this.#sought.get(target) ?? 0) + 1)
    let connection: Connection | undefined
    try {
      connection = await dial(address, signal)
      // Whoever answers there may say nothing for ever.
      const either = AbortSignal.any([signal, AbortSignal.timeout(LOBBY_TIMEOUT_MS)])
      const stream = await connection.newStream(LOBBY_PROTOCOL, { signal: either })
      return await talk(lobbyWire(stream, either), connection.remotePeer.toString())
    } catch (err) {
      const reason = 'no pinned node there, or it has not pinned us'
      const key = connection === undefined ? {} : { key: connection.remotePeer.toString() }
      throw new KithError(
        'unreachable',
        connection === undefined
          ? `nobody answers at ${target}: ${toError(err).message}`
          : `nobody at ${target} showed a pinned node's key log`,
        { peer: target, reason, ...key },
        { cause: err },
      )
    } finally {
      const left = (this.#sought.get(target) ?? 1) - 1
      if (left > 0) this.#sought.set(target, left)
      else this.#sought.delete(target)
      if (connection !== undefined) cut(connection, new Error('lobby visit ended'))
    }
  }

  /** Whether the visit of a pinned node, whatever its key is worth, keeps to its rate. A stranger was counted by `admit`. */
  #admitsPeer(connection: Connection): boolean {
    const { clock, pins } = this.#components
    const peer = pins.byKey(connection.remotePeer.toString())
    if (peer === undefined) return true
    const cell = this.#peerCells.get(peer.id)
    const rate = decideRate(perMinute(LOBBY_PER_PEER_PER_MINUTE), cell, clock.now())
    if (rate.allowed) this.#peerCells.set(peer.id, rate.cell)
    return rate.allowed
  }

  /** Ends a visit that takes too long or sends too much; it takes up so many of the lobby's places meanwhile. */
  #bound(connection: MultiaddrConnection, places: number): void {
    this.#inside += places
    let bytes = 0
    const cancel = this.#components.clock.after(LOBBY_TIMEOUT_MS, () => {
      connection.abort(new Error('lobby time is up'))
    })
    connection.addEventListener('message', (event) => {
      bytes += event.data.byteLength
      if (bytes > LOBBY_MAX_BYTES) connection.abort(new Error('lobby bytes used up'))
    })
    connection.addEventListener('close', () => {
      cancel()
      this.#inside -= places
    })
  }

  /** True for a host that a pin names, or from which a pinned node has called. */
  #isPeers(host: string): boolean {
    const named = ({ pin }: Peer): boolean =>
      pin.addresses.some((text) => text.startsWith('/ip') && hostOf(multiaddr(text)) === host)
    return this.#peerHosts.has(host) || this.#components.pins.peers().some(named)
  }

  /** Drops the cells of addresses that are free again, so that a flood leaves nothing behind. */
  #forget(now: number): void {
    for (const [host, cell] of this.#cells) if (cell <= now) this.#cells.delete(host)
  }
}
