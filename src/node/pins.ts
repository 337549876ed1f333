import type { Logger } from 'pino'
import { validateKeyLog } from '../protocol/key-log.ts'
import { MAX_ROTATION_GRACE_SECONDS } from '../protocol/limits.ts'
import type { Pin } from '../protocol/pin.ts'
import type { PeerEdit } from '../store/peers-edit.ts'
import type { Byes } from './byes.ts'
import type { Clock } from './clock.ts'
import { idOfKeyLog, isSameLog, keyInForce } from './key-logs.ts'
import type { KeyLogChange, KeyLogs, KnownKeys } from './key-logs.ts'
import type { PeersSource } from './peers-source.ts'

/** A pin, joined with what its node has shown of itself. */
export interface Peer {
  pin: Pin
  /** Node id; unknown while a pin by bare key waits for its first contact. */
  id: string | undefined
  /** Peer id of the key in force; unknown while a pin by id alone waits, and none once its node has retired. */
  key: string | undefined
  /** Two valid events stand against each other in its key log: asks and mail are refused. */
  frozen: boolean
  /** Its key log has ended. */
  retired: boolean
  /** Its owner can still take it back from whoever has ended it. */
  mayReturn?: true
  /** Since when it has unpinned us, as it has told us itself. */
  unpinnedUsAt?: number
}

/** A peer that has shown its key log, so that a link to it can exist. */
export interface KnownPeer extends Peer {
  id: string
  key: string
  /** `key` has been followed by another, and may only fetch and announce key logs, for a while. */
  superseded?: true
}

/** Who has shown a key log. */
export interface Met {
  /** The peer whose log it is, when that is what is held now. */
  peer?: KnownPeer
  /** What is held of that node, when it is another log: one that goes on, or another branch. */
  instead?: readonly Uint8Array[]
}

export interface PinsComponents {
  source: PeersSource
  keyLogs: KeyLogs
  byes: Pick<Byes, 'start' | 'since' | 'review' | 'onChange'>
  clock: Clock
  log: Logger
}

/**
 * Who is pinned, from peers.yaml, and which key each holds now, from the key logs that peers have shown. A change
 * of the file counts from the next look-up; an invalid one leaves all as it was.
 */
export class Pins {
  readonly #components: PinsComponents
  readonly #listeners = new Set<() => void>()
  readonly #changeListeners = new Set<(peer: Peer, change: KeyLogChange) => void>()
  readonly #taking = new Set<Promise<unknown>>()
  #pins: Pin[] = []
  #byName = new Map<string, Peer>()
  #byKey = new Map<string, KnownPeer>()
  /** Peers by the key that they had before, and until when it may still be used. */
  #bySuperseded = new Map<string, { peer: KnownPeer; until: number }>()
  #problem: Error | undefined
  #stopWatching: () => Promise<void> = async () => undefined
  #stopFollowing: () => void = () => undefined
  #cancelExpiry: () => void = () => undefined
  #stopKeeping: () => void = () => undefined

  constructor(components: PinsComponents) {
    this.#components = components
  }

  /** @throws {KithError} `invalid-file` or `unsafe-file`: a node does not start on pins it cannot trust. */
  async start(): Promise<void> {
    const { byes, keyLogs, log, source } = this.#components
    await keyLogs.start()
    this.#stopKeeping = keyLogs.onKeep(() => {
      this.#apply(this.#pins)
    })
    await byes.start()
    this.#stopFollowing = byes.onChange(() => {
      this.#apply(this.#pins)
    })
    this.#stopWatching = await source.watch({
      onChange: (pins) => {
        this.#problem = undefined
        this.#apply(pins)
        log.info({ peers: pins.length }, 'pins in force')
      },
      onInvalid: (err) => {
        this.#problem = err
        log.error({ err }, 'peers file not taken, last good one kept')
      },
    })
    // There is no last good one yet.
    if (this.#problem !== undefined) {
      await this.stop()
      throw this.#problem
    }
  }

  async stop(): Promise<void> {
    // What a log has changed is told before the store closes: it would be news to nobody after that.
    await Promise.allSettled(this.#taking)
    this.#stopKeeping()
    this.#stopFollowing()
    await this.#stopWatching()
    // Last: each change until now has set it anew.
    this.#cancelExpiry()
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

  /** The peer whose key in force this is, or was until a moment ago. */
  byKey(key: string): KnownPeer | undefined {
    const peer = this.#byKey.get(key)
    if (peer !== undefined) return peer
    const old = this.#bySuperseded.get(key)
    // A timer may be late by as long as this machine slept.
    return old !== undefined && old.until > this.#components.clock.now() ? old.peer : undefined
  }

  /** True when a pin names this very key and waits for its node to show its log. */
  awaits(key: string): boolean {
    return this.#pins.some((pin) => pin.key === key)
  }

  /** True while a pin waits for its node to show its key log. */
  get waiting(): boolean {
    return this.peers().some(({ key, retired }) => key === undefined && !retired)
  }

  /** Calls `listener` after each change, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** Calls `listener` when the key log of a pinned node has changed, until the returned function is called. */
  onKeyLogChange(listener: (peer: Peer, change: KeyLogChange) => void): () => void {
    this.#changeListeners.add(listener)
    return () => {
      this.#changeListeners.delete(listener)
    }
  }

  /** Changes the file, and takes the change at once. @throws {KithError} */
  async edit(edit: PeerEdit): Promise<void> {
    const pins = await this.#components.source.edit(edit)
    this.#problem = undefined
    this.#apply(pins)
  }

  /** Takes the key log that the holder of `key` has shown, and resolves to its peer as `meet` does. */
  async learn(shown: readonly Uint8Array[], key: string): Promise<KnownPeer | undefined> {
    return (await this.meet(shown, key)).peer
  }

  /**
   * Takes the key log that the holder of `key` has shown. The result is empty, and nothing has changed, unless the log is
   * valid, `key` is in force in it and its node is pinned.
   */
  async meet(shown: readonly Uint8Array[], key: string): Promise<Met> {
    try {
      const id = idOfKeyLog(shown)
      // Before any signature is checked: who is not pinned costs no curve arithmetic.
      const peer = this.byId(id) ?? this.peers().find(({ pin }) => pin.key === key)
      if (peer === undefined || keyInForce(shown) !== key) return {}
      // First, since the file may refuse it.
      if (peer.pin.id === undefined) {
        validateKeyLog(shown)
        await this.edit({ op: 'set-id', name: peer.pin.name, id })
      }
      const change = await this.take(shown)
      // Its pin may have gone meanwhile.
      if (change === undefined || this.byId(id) === undefined) return {}
      const { events } = change.after.held
      if (!isSameLog(events, shown)) return { instead: events }
      const known = this.#byKey.get(key)
      return known === undefined ? {} : { peer: known }
    } catch (err) {
      this.#components.log.debug({ err }, 'key log not taken')
      return {}
    }
  }

  /**
   * Takes a key log of a pinned node, whoever shows it, and resolves when what it has changed is on disk. Returns
   * undefined when no pin has its id.
   *
   * @throws {KithError} `malformed`, and nothing has changed
   */
  async take(shown: readonly Uint8Array[]): Promise<KeyLogChange | undefined> {
    const taken = this.#take(shown)
    this.#taking.add(taken)
    return await taken.finally(() => this.#taking.delete(taken))
  }

  async #take(shown: readonly Uint8Array[]): Promise<KeyLogChange | undefined> {
    const id = idOfKeyLog(shown)
    if (this.byId(id) === undefined) return undefined
    const change = await this.#components.keyLogs.take(shown)
    if (change.after.held === change.before?.held) return change
    const peer = this.byId(id)
    if (peer !== undefined) this.#tell(peer, change)
    return change
  }

  /** Keeps the branch of a frozen node that ends in this event. False when there is none, and nothing has changed. */
  async settle(id: string, head: Uint8Array): Promise<boolean> {
    return this.byId(id) !== undefined && (await this.#components.keyLogs.settle(id, head))
  }

  /** All that is held of a pinned node's keys. */
  keysOf(id: string): KnownKeys | undefined {
    return this.byId(id) === undefined ? undefined : this.#components.keyLogs.get(id)
  }

  /** The log counts already: a listener that fails neither undoes it nor keeps it from the next one. */
  #tell(peer: Peer, change: KeyLogChange): void {
    for (const listener of this.#changeListeners) {
      try {
        listener(peer, change)
      } catch (err) {
        this.#components.log.error({ err, peer: peer.pin.name }, 'key log change not acted on')
      }
    }
  }

  #apply(pins: Pin[]): void {
    const { byes, clock, keyLogs } = this.#components
    const now = clock.now()
    this.#pins = pins
    this.#byName = new Map()
    this.#byKey = new Map()
    this.#bySuperseded = new Map()
    let nextExpiry = Infinity
    byes.review(pins, (id) => keyLogs.get(id)?.key)
    for (const pin of pins) {
      const known = pin.id === undefined ? undefined : keyLogs.get(pin.id)
      const unpinnedUsAt = pin.id === undefined ? undefined : byes.since(pin.id)
      const undoableUntil = known?.endUndoableUntil ?? 0
      if (undoableUntil > now) nextExpiry = Math.min(nextExpiry, undoableUntil)
      const peer: Peer = {
        pin,
        id: pin.id,
        key: known?.key,
        frozen: known?.frozen ?? false,
        retired: known !== undefined && known.key === undefined,
        ...(undoableUntil > now ? { mayReturn: true } : {}),
        ...(unpinnedUsAt === undefined ? {} : { unpinnedUsAt }),
      }
      this.#byName.set(pin.name, peer)
      if (isKnown(peer)) this.#byKey.set(peer.key, peer)
      const { id } = peer
      const old = known?.superseded
      if (id === undefined || old === undefined || old.until <= now) continue
      const { key, until } = old
      this.#bySuperseded.set(key, { peer: { ...peer, id, key, superseded: true }, until })
      nextExpiry = Math.min(nextExpiry, until)
    }
    this.#cancelExpiry()
    if (nextExpiry < Infinity) {
      // A recovery window, or a clock that was set back, makes it longer than a timer takes.
      const waitMs = Math.min(nextExpiry - now, MAX_ROTATION_GRACE_SECONDS * 1_000)
      this.#cancelExpiry = clock.after(waitMs, () => {
        this.#apply(this.#pins)
      })
    }
    for (const listener of this.#listeners) listener()
  }
}

/** True for a peer that has shown its key log. */
export function isKnown(peer: Peer): peer is KnownPeer {
  return peer.id !== undefined && peer.key !== undefined
}
