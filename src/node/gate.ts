import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import type { Lobby } from './lobby.ts'
import { networkOf } from './network.ts'
import type { Pins } from './pins.ts'

/** Connections of one network that may be unauthenticated at once: an idle socket holds its place for 3 s. */
export const MAX_PENDING_PER_NETWORK = 64

export interface GateComponents {
  pins: Pick<Pins, 'byKey'>
  lobby: Pick<Lobby, 'admit' | 'seeking'>
}

/**
 * Decides on each connection by the key that Noise proved, and by nothing else: a pinned node's is in; another is
 * let into the lobby if there is room, or closed before the muxer, without a word.
 */
export class Gate implements ConnectionGater {
  readonly #components: GateComponents
  /** Connections without a proved key, by network. */
  readonly #pending = new Map<string, number>()
  readonly #counted = new WeakMap<MultiaddrConnection, () => void>()

  constructor(components: GateComponents) {
    this.#components = components
  }

  /** Before the handshake: no network may hold all places of those that have not proved a key yet. */
  denyInboundConnection = (connection: MultiaddrConnection): boolean => {
    const network = networkOf(connection.remoteAddr)
    const pending = this.#pending.get(network) ?? 0
    if (pending >= MAX_PENDING_PER_NETWORK) return true
    this.#pending.set(network, pending + 1)
    const release = (): void => {
      if (!this.#counted.delete(connection)) return
      const left = (this.#pending.get(network) ?? 1) - 1
      if (left > 0) this.#pending.set(network, left)
      else this.#pending.delete(network)
    }
    this.#counted.set(connection, release)
    connection.addEventListener('close', release)
    return false
  }

  denyInboundEncryptedConnection = (peerId: PeerId, connection: MultiaddrConnection): boolean => {
    this.#counted.get(connection)?.()
    if (this.#components.pins.byKey(peerId.toString()) !== undefined) return false
    return !this.#components.lobby.admit(connection)
  }

  /** We only ever dial pinned nodes; one whose key we do not know (any more) is dialled for its lobby. */
  denyOutboundEncryptedConnection = (peerId: PeerId, connection: MultiaddrConnection): boolean => {
    if (this.#components.pins.byKey(peerId.toString()) !== undefined) return false
    return !this.#components.lobby.seeking(connection.remoteAddr)
  }
}
