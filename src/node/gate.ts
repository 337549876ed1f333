import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface'
import type { Lobby } from './lobby.ts'
import { networkOf } from './network.ts'
import type { KnownPeer, Pins } from './pins.ts'
import type { Strangers } from './strangers.ts'

/** Connections of one network that may be without a proved key at once. */
export const MAX_PENDING_PER_NETWORK = 64

/** The same, of all networks. */
export const MAX_PENDING = 256

export interface GateComponents {
  pins: Pick<Pins, 'byKey'>
  lobby: Pick<Lobby, 'admit' | 'seeking'>
  strangers: Pick<Strangers, 'blocks' | 'note'>
}

/**
 * Decides on each connection by the key that Noise proved, and by nothing else: a pinned node's is in; another is
 * let into the lobby if there is room, or closed before the muxer, without a word. A blocked one is always closed.
 */
export class Gate implements ConnectionGater {
  readonly #components: GateComponents
  /** Connections without a proved key, the oldest first, and the network of each. */
  readonly #pending = new Map<MultiaddrConnection, string>()

  constructor(components: GateComponents) {
    this.#components = components
  }

  /**
   * Before the handshake. When all places are taken, the oldest connection makes room: an honest peer needs some ms
   * for its handshake, an idle socket would sit there until its time is up.
   */
  denyInboundConnection = (connection: MultiaddrConnection): boolean => {
    const network = networkOf(connection.remoteAddr)
    const ofNetwork = [...this.#pending].filter(([, other]) => other === network)
    if (ofNetwork.length >= MAX_PENDING_PER_NETWORK) this.#evict(ofNetwork[0]?.[0])
    else if (this.#pending.size >= MAX_PENDING) this.#evict(this.#pending.keys().next().value)
    this.#pending.set(connection, network)
    connection.addEventListener('close', () => {
      this.#pending.delete(connection)
    })
    return false
  }

  denyInboundEncryptedConnection = (peerId: PeerId, connection: MultiaddrConnection): boolean => {
    this.#pending.delete(connection)
    const { lobby, pins, strangers } = this.#components
    const key = peerId.toString()
    const peer = pins.byKey(key)
    if (this.#blocks(key, peer)) return true
    if (peer !== undefined) return false
    strangers.note(key, connection.remoteAddr)
    return !lobby.admit(connection, key)
  }

  /** We only ever dial pinned nodes; one whose key we do not know (any more) is dialled for its lobby. */
  denyOutboundEncryptedConnection = (peerId: PeerId, connection: MultiaddrConnection): boolean => {
    const { lobby, pins } = this.#components
    const key = peerId.toString()
    const peer = pins.byKey(key)
    if (this.#blocks(key, peer)) return true
    return peer === undefined && !lobby.seeking(connection.remoteAddr)
  }

  #blocks(key: string, peer: KnownPeer | undefined): boolean {
    const { strangers } = this.#components
    return strangers.blocks(key) || (peer !== undefined && strangers.blocks(peer.id))
  }

  #evict(connection: MultiaddrConnection | undefined): void {
    if (connection === undefined) return
    this.#pending.delete(connection)
    connection.abort(new Error('others wait for this place'))
  }
}
