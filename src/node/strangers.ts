import type { Multiaddr } from '@multiformats/multiaddr'
import type { Logger } from 'pino'
import { z } from 'zod'
import { KithError } from '../protocol/errors.ts'
import type { Database, Operation } from '../store/database.ts'
import { Repository } from '../store/repository.ts'
import { Blocklist } from './blocklist.ts'
import type { Block } from './blocklist.ts'
import type { Clock } from './clock.ts'
import { addressOf, networkOf } from './network.ts'
import type { Pins } from './pins.ts'

/** Strangers that are listed at once: in all, and of one network. */
export const MAX_STRANGERS = 20
export const MAX_STRANGERS_PER_NETWORK = 5

/** Refusals that are remembered. */
export const MAX_DENIED = 256

/** What strangers did is on disk after this long at most, in one write. */
export const STRANGERS_WRITE_MS = 60_000

const time = z.int()

const strangerRecord = z.strictObject({
  /** Peer id that the connection has proved. */
  key: z.string(),
  /** Host that it came from last, without a port. */
  address: z.string(),
  network: z.string(),
  firstAt: time,
  lastAt: time,
  count: z.int().positive(),
})

/** A key that has called and that no pin has. */
export type Stranger = z.infer<typeof strangerRecord>

const deniedRecord = z.strictObject({ key: z.string(), at: time })

/** A key whose calls the owner does not want to hear of any more. */
export type Denial = z.infer<typeof deniedRecord>

export interface StrangersComponents {
  database: Database
  pins: Pick<Pins, 'awaits' | 'byKey' | 'onChange' | 'peers'>
  clock: Clock
  log: Logger
}

/**
 * Who has called without being pinned, for the owner to accept, deny or block. Anybody can get onto the list by a
 * connection: it is bounded in number, for each network, and in what it writes. Nothing of it shows outside.
 */
export class Strangers {
  readonly #components: StrangersComponents
  readonly #blocklist: Blocklist
  readonly #pendingRow: Repository<Stranger[]>
  readonly #deniedRow: Repository<Denial[]>
  /** By key, the one that was last seen last. */
  #pending = new Map<string, Stranger>()
  /** By key, the newest last. */
  #denied = new Map<string, Denial>()
  #cancelWrite: (() => void) | undefined
  #unlisten: () => void = () => undefined

  constructor(components: StrangersComponents) {
    const { database } = components
    this.#components = components
    this.#blocklist = new Blocklist(components)
    this.#pendingRow = new Repository(database, 'strangers', z.array(strangerRecord))
    this.#deniedRow = new Repository(database, 'denied', z.array(deniedRecord))
  }

  /** Reads what is on disk. Comes before the first connection. */
  async start(): Promise<void> {
    await this.#blocklist.start()
    this.#pending = mapOf((await this.#pendingRow.get(ROW)) ?? [])
    this.#denied = mapOf((await this.#deniedRow.get(ROW)) ?? [])
    this.#unlisten = this.#components.pins.onChange(() => {
      this.#dropPinned()
    })
  }

  /** Writes what is not written yet; it is on disk when the database is closed. */
  stop(): void {
    this.#unlisten()
    if (this.#cancelWrite === undefined) return
    this.#cancelWrite()
    this.#writePending()
  }

  /** Takes note that this key, which no pin has, has connected from there. */
  note(key: string, from: Multiaddr): void {
    // No pin could name it: kith's keys are Ed25519, whose peer ids all begin so.
    if (!key.startsWith('12D3KooW')) return
    if (this.#denied.has(key) || this.#components.pins.awaits(key)) return
    const now = this.#components.clock.now()
    const { count, firstAt } = this.#pending.get(key) ?? { count: 0, firstAt: now }
    const network = networkOf(from)
    const address = addressOf(from)
    this.#pending.delete(key)
    this.#pending.set(key, { key, address, network, firstAt, lastAt: now, count: count + 1 })
    this.#makeRoom(network)
    this.#writeLater()
  }

  /** Who waits for a decision, the one that was last seen first. */
  pending(): Stranger[] {
    return [...this.#pending.values()].reverse()
  }

  /** Who was refused, the newest first. */
  denied(): Denial[] {
    return [...this.#denied.values()].reverse()
  }

  /** Who is blocked, in the order of their ids. */
  blocked(): Block[] {
    return this.#blocklist.list()
  }

  /** True for a key or node id that gets nowhere here. */
  blocks(who: string): boolean {
    return this.#blocklist.has(who)
  }

  /** @throws {KithError} `blocked`, for a key in any of its forms or a node id that must not be pinned */
  assertNotBlocked(who: string): void {
    this.#blocklist.assertFree(who)
  }

  /** @throws {KithError} `blocked`, or `unknown-stranger` for a key that has not called */
  assertAcceptable(key: string): void {
    this.assertNotBlocked(key)
    if (this.#pending.has(key) || this.#denied.has(key)) return
    const hint = 'kith peers pending, or kith peers add NAME KEY'
    throw new KithError('unknown-stranger', `${key} has not called`, { key }, { hint })
  }

  /** Refuses a key: it is not listed again. Resolves when that is on disk, as do those below. */
  async deny(key: string): Promise<void> {
    this.#pending.delete(key)
    this.#denied.delete(key)
    this.#denied.set(key, { key, at: this.#components.clock.now() })
    const [oldest] = this.#denied.keys()
    if (oldest !== undefined && this.#denied.size > MAX_DENIED) this.#denied.delete(oldest)
    await this.#writeBoth()
  }

  /** Drops what is remembered of a key. */
  async forget(key: string): Promise<void> {
    const known = [this.#pending.delete(key), this.#denied.delete(key)]
    if (known.includes(true)) await this.#writeBoth()
  }

  /** @throws {KithError} `exists` for who is pinned, `list-full` */
  async block(who: string): Promise<Block> {
    const peer = this.#components.pins
      .peers()
      .find(({ id, key, pin }) => [id, key, pin.key].includes(who))
    if (peer !== undefined) {
      const { name } = peer.pin
      throw new KithError(
        'exists',
        `${name} is pinned`,
        { what: `peer ${name}` },
        { hint: `kith peers remove ${name}` },
      )
    }
    const block = await this.#blocklist.add(who)
    await this.forget(who)
    return block
  }

  /** @throws {KithError} `unknown-stranger` for who is not blocked */
  async unblock(who: string): Promise<void> {
    await this.#blocklist.remove(who)
  }

  /** Of a network that has its share, else of all, whoever was not seen for the longest time goes. */
  #makeRoom(network: string): void {
    const neighbours = [...this.#pending.values()].filter((other) => other.network === network)
    const [neighbour] = neighbours
    if (neighbour !== undefined && neighbours.length > MAX_STRANGERS_PER_NETWORK) {
      this.#pending.delete(neighbour.key)
    }
    const [first] = this.#pending.keys()
    if (first !== undefined && this.#pending.size > MAX_STRANGERS) this.#pending.delete(first)
  }

  /** A peer with a new key is a stranger until it has shown its key log. */
  #dropPinned(): void {
    const { pins } = this.#components
    for (const key of this.#pending.keys()) {
      if (pins.byKey(key) === undefined && !pins.awaits(key)) continue
      this.#pending.delete(key)
      this.#writeLater()
    }
  }

  #writeLater(): void {
    this.#cancelWrite ??= this.#components.clock.after(STRANGERS_WRITE_MS, () => {
      this.#writePending()
    })
  }

  #writePending(): void {
    const { database, log } = this.#components
    this.#cancelWrite = undefined
    database.write([this.#putPending()], { durable: false }).catch((err: unknown) => {
      log.error({ err }, 'strangers could not be written')
    })
  }

  async #writeBoth(): Promise<void> {
    const denied = this.#deniedRow.put(ROW, [...this.#denied.values()])
    await this.#components.database.write([this.#putPending(), denied], { durable: true })
  }

  #putPending(): Operation {
    return this.#pendingRow.put(ROW, [...this.#pending.values()])
  }
}

/** The one row of a list that is written as a whole. */
const ROW = 'all'

function mapOf<T extends { key: string }>(rows: readonly T[]): Map<string, T> {
  return new Map(rows.map((row) => [row.key, row]))
}
