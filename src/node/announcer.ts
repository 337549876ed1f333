import type { Logger } from 'pino'
import { z } from 'zod'
import { KithError } from '../protocol/errors.ts'
import type { KeyLogState } from '../protocol/key-log.ts'
import { readReceipt } from '../protocol/receipt.ts'
import type { Receipt } from '../protocol/receipt.ts'
import { bytes, keyAnnounceEnd, parseBody } from '../protocol/verbs.ts'
import type { Database } from '../store/database.ts'
import { Repository } from '../store/repository.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import type { Peer, Pins } from './pins.ts'
import type { Self } from './self.ts'

/** So long may one peer take to store our log and answer. */
const ANNOUNCE_TIMEOUT_MS = 5_000

export const receiptRecord = z.strictObject({
  /** As its peer signed it: it can be shown to others. */
  receipt: bytes,
  sn: z.int(),
  head: bytes,
  seenAt: z.int(),
  frozen: z.boolean(),
})

/** What a peer has last said that it holds of our key log. */
export type KeptReceipt = z.infer<typeof receiptRecord>

/** How far a peer knows the keys that we have now. `frozen`: it holds two logs of ours that stand against each other. */
export type PeerStanding = 'acknowledged' | 'unseen' | 'frozen'

/** A key log of ours, and what it says. */
export interface Announced {
  events: readonly Uint8Array[]
  state: KeyLogState
}

export interface AnnouncerComponents {
  database: Database
  pins: Pick<Pins, 'peers' | 'byId' | 'keysOf'>
  links: Pick<Links, 'get' | 'onChange'>
  self: Pick<Self, 'events' | 'state' | 'observe'>
  log: Logger
}

/** Tells every peer of our key log once it has changed, and keeps their receipts. */
export class Announcer {
  readonly #components: AnnouncerComponents
  readonly #rows: Repository<KeptReceipt>
  readonly #receipts = new Map<string, KeptReceipt>()
  #stop: () => void = () => undefined

  constructor(components: AnnouncerComponents) {
    this.#components = components
    this.#rows = new Repository(components.database, 'receipts', receiptRecord)
  }

  async start(): Promise<void> {
    const { links } = this.#components
    for await (const [id, receipt] of this.#rows.entries()) this.#receipts.set(id, receipt)
    this.#stop = links.onChange(({ id }, up) => {
      const peer = up ? this.#components.pins.byId(id) : undefined
      if (peer !== undefined && this.#isNews(peer)) void this.#tell(peer, this.#current())
    })
  }

  stop(): void {
    this.#stop()
  }

  /** Tells all peers that are linked, and resolves when each has answered or had its time. */
  async announce(log: Announced = this.#current()): Promise<void> {
    const { pins } = this.#components
    await Promise.all(pins.peers().map((peer) => this.#tell(peer, log)))
  }

  /** How far this peer knows our key log. */
  standing({ id }: Peer): PeerStanding {
    const receipt = id === undefined ? undefined : this.#receipts.get(id)
    if (receipt?.frozen === true) return 'frozen'
    const { head, sn } = this.#components.self.state
    // Whoever has a link to us knows our first key: nobody is told of a log that has not changed.
    if (sn === 0) return id === undefined ? 'unseen' : 'acknowledged'
    if (receipt === undefined) return 'unseen'
    return Buffer.compare(receipt.head, head) === 0 ? 'acknowledged' : 'unseen'
  }

  receiptOf({ id }: Peer): KeptReceipt | undefined {
    return id === undefined ? undefined : this.#receipts.get(id)
  }

  #current(): Announced {
    const { events, state } = this.#components.self
    return { events, state }
  }

  #isNews(peer: Peer): boolean {
    return this.standing(peer) !== 'acknowledged'
  }

  /** Never rejects: who was not told now is told on its next link. */
  async #tell(peer: Peer, log: Announced): Promise<void> {
    const { links, log: logger, self } = this.#components
    const link = peer.id === undefined ? undefined : links.get(peer.id)
    if (link === undefined) return
    try {
      const { frozen = false, log: newer, receipt } = await announceOn(link, log)
      if (newer !== undefined) self.observe(newer)
      await this.#keep(link.peer.id, receipt, frozen)
      logger.info({ peer: peer.pin.name, sn: log.state.sn, frozen }, 'key log acknowledged')
    } catch (err) {
      logger.info({ peer: peer.pin.name, sn: log.state.sn, err }, 'key log not acknowledged')
    }
  }

  async #keep(id: string, bytes: Uint8Array, frozen: boolean): Promise<void> {
    const { database, pins, self } = this.#components
    const key = pins.keysOf(id)?.state.keyInForce
    if (key === undefined) return
    const { by, head, id: of, seenAt, sn }: Receipt = readReceipt(bytes, key)
    if (by !== id || of !== self.state.id) {
      throw new KithError('malformed', 'the receipt is of another log', { what: 'receipt' })
    }
    const kept: KeptReceipt = { receipt: bytes, sn, head, seenAt, frozen }
    this.#receipts.set(id, kept)
    await database.write([this.#rows.put(id, kept)], { durable: true })
  }
}

async function announceOn(
  link: Link,
  { events }: Announced,
): Promise<z.infer<typeof keyAnnounceEnd>> {
  const options = { deadlineMs: ANNOUNCE_TIMEOUT_MS }
  const end = await link.call('key.announce', { log: [...events] }, options)
  return parseBody(keyAnnounceEnd, end)
}
