import { hash } from 'node:crypto'
import type { KnownPeer } from '../../src/node/pins.ts'
import { publicKeyOf } from '../../src/protocol/ed25519.ts'
import { peerIdOf } from '../../src/protocol/peer-id.ts'
import type { Pin } from '../../src/protocol/pin.ts'

/** Ed25519 seed of a test's node: the same for the same name. */
export function seedOf(name: string): Uint8Array {
  return new Uint8Array(hash('sha256', `kith test ${name}`, 'buffer'))
}

/** The node called `name` as those see it who have pinned it. */
export function peerOf(name: string, pin: Partial<Pin> = {}): KnownPeer {
  const limits = { perMinute: 30, parallel: 2, queue: 8, maxSeconds: 600, dailyBytes: 67_108_864 }
  return {
    pin: {
      name,
      addresses: [],
      allow: ['ping'],
      callsPerMinute: 1_000_000,
      ask: { preset: 'none', depth: 0, approve: [], ...limits },
      ...pin,
    },
    id: `kith1${name}`,
    key: peerIdOf(publicKeyOf(seedOf(name))),
    frozen: false,
    retired: false,
  }
}

/** Pins in memory, of nodes whose keys are known. */
export class StubPins {
  /** As if a pin waited for its node's key log: what opens the lobby. */
  waiting = false
  /** Keys that a pin names and waits for. */
  awaited = new Set<string>()
  /** Key logs that were shown, and the keys that showed them. */
  readonly shown: { events: Uint8Array[]; key: string }[] = []
  #peers: KnownPeer[]
  readonly #listeners = new Set<() => void>()

  constructor(peers: KnownPeer[] = []) {
    this.#peers = peers
  }

  peers(): KnownPeer[] {
    return this.#peers
  }

  awaits(key: string): boolean {
    return this.awaited.has(key)
  }

  byKey(key: string): KnownPeer | undefined {
    return this.#peers.find((peer) => peer.key === key)
  }

  byId(id: string): KnownPeer | undefined {
    return this.#peers.find((peer) => peer.id === id)
  }

  byName(name: string): KnownPeer | undefined {
    return this.#peers.find(({ pin }) => pin.name === name)
  }

  /** Puts other pins in force, as an edit of peers.yaml does. */
  set(peers: KnownPeer[]): void {
    this.#peers = peers
    for (const listener of this.#listeners) listener()
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  async meet(events: Uint8Array[], key: string): Promise<object> {
    this.shown.push({ events, key })
    return {}
  }

  async learn(events: Uint8Array[], key: string): Promise<undefined> {
    this.shown.push({ events, key })
    return undefined
  }
}
