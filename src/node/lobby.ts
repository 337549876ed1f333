import type { Connection, MultiaddrConnection, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Logger } from 'pino'
import { z } from 'zod'
import { decode, encode } from '../protocol/cbor.ts'
import { KithError } from '../protocol/errors.ts'
import {
  LOBBY_MAX_BYTES,
  LOBBY_PARALLEL,
  LOBBY_PROTOCOL,
  LOBBY_TIMEOUT_MS,
} from '../protocol/limits.ts'
import { decideRate, perMinute } from '../protocol/rate.ts'
import { bytes } from '../protocol/verbs.ts'
import type { Clock } from './clock.ts'
import { hostOf } from './network.ts'
import type { KnownPeer, Pins } from './pins.ts'
import { cut } from './transport.ts'

/** What both sides say: this is my key log. */
const showMessage = z.strictObject({
  t: z.literal('show'),
  log: z.array(bytes).min(1),
})

export interface LobbyInit {
  /** Our key log, as it is shown. */
  ownLog: () => Uint8Array[]
  /** False: no stranger gets in, whoever waits. */
  open: boolean
  /** Strangers let in a minute: in all, and of one address. */
  perMinute: number
  perAddressPerMinute: number
}

export interface LobbyComponents {
  pins: Pick<Pins, 'awaits' | 'waiting' | 'learn' | 'byKey'>
  clock: Clock
  log: Logger
}

/**
 * The narrow place where an unknown key may prove that it belongs to a pinned node, and the only one it reaches.
 * Whatever is wrong there ends in the same silence: the connection closes when its time is up, not before.
 */
export class Lobby {
  readonly #components: LobbyComponents
  readonly #init: LobbyInit
  readonly #cells = new Map<string, number>()
  /** Addresses that we dial to reach the lobby of a pinned node. */
  readonly #sought = new Map<string, number>()
  #inside = 0
  #cell: number | undefined

  constructor(components: LobbyComponents, init: LobbyInit) {
    this.#components = components
    this.#init = init
  }

  /** True while a stranger could get in. */
  get open(): boolean {
    return this.#init.open && this.#components.pins.waiting
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
    if (this.#inside >= LOBBY_PARALLEL) return false
    const now = clock.now()
    const host = hostOf(connection.remoteAddr)
    const all = decideRate(perMinute(this.#init.perMinute), this.#cell, now)
    const own = decideRate(perMinute(this.#init.perAddressPerMinute), this.#cells.get(host), now)
    if (!all.allowed || !own.allowed) return false
    this.#cell = all.cell
    this.#forget(now)
    this.#cells.set(host, own.cell)
    this.#bound(connection, 1)
    return true
  }

  /** Serves a stream of the lobby's protocol. Never rejects: a stranger is told nothing. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    const key = connection.remotePeer.toString()
    // Also a peer that is in may ask for our log this way: it does not know our key yet, or no longer.
    const inside = this.#components.pins.byKey(key) !== undefined
    try {
      const wire = lpStream(stream, { maxDataLength: LOBBY_MAX_BYTES })
      const options = { signal: AbortSignal.timeout(LOBBY_TIMEOUT_MS) }
      const log = readShow((await wire.read(options)).subarray())
      const peer = await this.#components.pins.learn(log, key)
      if (peer === undefined && !inside) return
      await wire.write(encode({ t: 'show', log: this.#init.ownLog() }), options)
      if (peer !== undefined && !inside) {
        this.#components.log.info({ peer: peer.pin.name }, 'peer showed its key log')
      }
    } catch (err) {
      this.#components.log.debug({ err }, 'lobby visit ended')
    }
  }

  /** True while a dial of ours to the lobby at this address is under way. */
  seeking(address: Multiaddr): boolean {
    return this.#sought.has(address.toString())
  }

  /**
   * Shows our key log at the lobby of whoever is at `address`, and learns the log that it shows in return.
   *
   * @throws {KithError} `unreachable` when nobody there answers with a pinned node's key log
   */
  async visit(
    address: Multiaddr,
    dial: (address: Multiaddr, signal: AbortSignal) => Promise<Connection>,
    signal: AbortSignal,
  ): Promise<KnownPeer> {
    const target = address.toString()
    this.#sought.set(target, (this.#sought.get(target) ?? 0) + 1)
    let connection: Connection | undefined
    try {
      connection = await dial(address, signal)
      // Whoever answers there may say nothing for ever.
      const options = { signal: AbortSignal.any([signal, AbortSignal.timeout(LOBBY_TIMEOUT_MS)]) }
      const stream = await connection.newStream(LOBBY_PROTOCOL, options)
      const wire = lpStream(stream, { maxDataLength: LOBBY_MAX_BYTES })
      await wire.write(encode({ t: 'show', log: this.#init.ownLog() }), options)
      const log = readShow((await wire.read(options)).subarray())
      const peer = await this.#components.pins.learn(log, connection.remotePeer.toString())
      if (peer !== undefined) return peer
      throw new KithError('malformed', 'the key log shown there is of no pinned node', {
        what: 'key log',
      })
    } catch (err) {
      throw new KithError(
        'unreachable',
        `nobody at ${target} showed a pinned node's key log`,
        { peer: target, reason: 'no pinned node there, or it has not pinned us' },
        { cause: err },
      )
    } finally {
      const left = (this.#sought.get(target) ?? 1) - 1
      if (left > 0) this.#sought.set(target, left)
      else this.#sought.delete(target)
      if (connection !== undefined) cut(connection, new Error('lobby visit ended'))
    }
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

  /** Drops the cells of addresses that are free again, so that a flood leaves nothing behind. */
  #forget(now: number): void {
    for (const [host, cell] of this.#cells) if (cell <= now) this.#cells.delete(host)
  }
}

/** The key log in what was shown. @throws {KithError} `malformed`, {ZodError} */
export function readShow(bytes: Uint8Array): Uint8Array[] {
  return showMessage.parse(decode(bytes)).log
}
