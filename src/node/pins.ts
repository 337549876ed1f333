import type { Logger } from 'pino'
import { z } from 'zod'
import { readSignedEvent } from '../protocol/key-event.ts'
import { validateKeyLog } from '../protocol/key-log.ts'
import { peerIdOf } from '../protocol/peer-id.ts'
import type { Pin } from '../protocol/pin.ts'
import { bytes } from '../protocol/verbs.ts'
import type { Database } from '../store/database.ts'
import type { PeerEdit } from '../store/peers-edit.ts'
import { editPeers, watchPeers } from '../store/peers-file.ts'
import { Repository } from '../store/repository.ts'

/** A pin, joined with what its node has shown of itself. */
export interface Peer {
  pin: Pin
  /** Node id; unknown while a pin by bare key waits for its first contact. */
  id: string | undefined
  /** Peer id of the key in force; unknown while a pin by id alone waits. */
  key: string | undefined
  /** Two valid events stand against each other in its key log: asks and mail are refused. */
  frozen: boolean
}

/** A peer that has shown its key log, so that a link to it can exist. */
export interface KnownPeer extends Peer {
  id: string
  key: string
}

const keyLogRecord = z.strictObject({ events: z.array(bytes) })

export interface PinsComponents {
  database: Database
  log: Logger
}

/**
 * Who is pinned, from peers.yaml, and which key each holds now, from the key logs that peers have shown. A change
 * of the file counts from the next look-up; an invalid one leaves all as it was.
 */
export class Pins {
  readonly #path: string
  readonly #log: Logger
  readonly #database: Database
  readonly #logs: Repository<z.infer<typeof keyLogRecord>>
  readonly #listeners = new Set<() => void>()
  /** Key in force by node id, for every log we hold. */
  readonly #keys = new Map<string, string>()
  #pins: Pin[] = []
  #byName = new Map<string, Peer>()
  #byKey = new Map<string, KnownPeer>()
  #problem: Error | undefined
  #stopWatching: () => Promise<void> = async () => undefined

  constructor(components: PinsComponents, init: { path: string }) {
    this.#path = init.path
    this.#log = components.log
    this.#database = components.database
    this.#logs = new Repository(components.database, 'key-logs', keyLogRecord)
  }

  /** @throws {KithError} `invalid-file` or `unsafe-file`: a node does not start on pins it cannot trust. */
  async start(): Promise<void> {
    for await (const { events } of this.#logs.values()) {
      const state = await validateKeyLog(events)
      this.#keys.set(state.id, peerIdOf(state.keyInForce))
    }
    this.#stopWatching = await watchPeers(this.#path, {
      onChange: (pins) => {
        this.#problem = undefined
        this.#apply(pins)
        this.#log.info({ peers: pins.length }, 'pins in force')
      },
      onInvalid: (err) => {
        this.#problem = err
        this.#log.error({ err }, 'peers file not taken, last good one kept')
      },
    })
    // There is no last good one yet.
    if (this.#problem !== undefined) {
      await this.stop()
      throw this.#problem
    }
  }

  async stop(): Promise<void> {
    await this.#stopWatching()
  }

  /** Why the file on disk is not in force, if it is not. */
  get problem(): Error | undefined {
    return this.#problem
  }

  peers(): Peer[] {
    return [...this.#byName.values()]
  }

  byName(name: string): Peer | undefined {
    return this.#byName.get(name)
  }

  byId(id: string): Peer | undefined {
    return this.peers().find((peer) => peer.id === id)
  }

  /** The peer whose key in force this is. */
  byKey(key: string): KnownPeer | undefined {
    return this.#byKey.get(key)
  }

  /** True when a pin names this very key and waits for its node to show its log. */
  awaits(key: string): boolean {
    return this.#pins.some((pin) => pin.key === key)
  }

  /** True while a pin waits for its node to show its key log. */
  get waiting(): boolean {
    return this.#byKey.size < this.#byName.size
  }

  /** Calls `listener` after each change, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Changes the file, and takes the change at once. @throws {KithError} */
  async edit(edit: PeerEdit): Promise<void> {
    const pins = await editPeers(this.#path, edit)
    this.#problem = undefined
    this.#apply(pins)
  }

  /**
   * Takes the key log that the holder of `key` has shown. Returns its peer when the log is valid, `key` is in force
   * in it and its node is pinned; else undefined, and nothing has changed.
   */
  async learn(events: Uint8Array[], key: string): Promise<KnownPeer | undefined> {
    const state = await validateKeyLog(events).catch(() => undefined)
    if (state === undefined || peerIdOf(state.keyInForce) !== key) return undefined
    const peer = this.byId(state.id) ?? this.peers().find(({ pin }) => pin.key === key)
    if (peer === undefined) return undefined
    const held = (await this.#logs.get(state.id))?.events ?? []
    if (!startsWith(events, held)) return undefined
    // Nothing new: whoever shows the same log again causes no write.
    if (peer.key === key && held.length === events.length) return this.#byKey.get(key)
    // First, since the file may refuse it.
    if (peer.pin.id === undefined) {
      await this.edit({ op: 'set-id', name: peer.pin.name, id: state.id })
    }
    await this.#database.write([this.#logs.put(state.id, { events })], { durable: true })
    this.#keys.set(state.id, key)
    this.#apply(this.#pins)
    return this.#byKey.get(key)
  }

  #apply(pins: Pin[]): void {
    this.#pins = pins
    this.#byName = new Map()
    this.#byKey = new Map()
    for (const pin of pins) {
      const key = pin.id === undefined ? undefined : this.#keys.get(pin.id)
      const peer: Peer = { pin, id: pin.id, key, frozen: false }
      this.#byName.set(pin.name, peer)
      if (isKnown(peer)) this.#byKey.set(peer.key, peer)
    }
    for (const listener of this.#listeners) listener()
  }
}

/** A log only ever grows: what is shown must start with what is held. */
function startsWith(shown: readonly Uint8Array[], held: readonly Uint8Array[]): boolean {
  return held.length <= shown.length && held.every((event, sn) => isSameEvent(event, shown[sn]))
}

/** Compared without their signatures: whoever holds a key can sign one event in many valid ways. */
function isSameEvent(a: Uint8Array, b: Uint8Array | undefined): boolean {
  if (b === undefined) return false
  return Buffer.compare(readSignedEvent(a).bytes, readSignedEvent(b).bytes) === 0
}

/** True for a peer that has shown its key log. */
export function isKnown(peer: Peer): peer is KnownPeer {
  return peer.id !== undefined && peer.key !== undefined
}
