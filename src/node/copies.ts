import type { Logger } from 'pino'
import { z } from 'zod'
import type { Database } from '../store/database.ts'
import { Repository } from '../store/repository.ts'
import type { Alerts } from './alerts.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import type { KnownPeer, Pins } from './pins.ts'

/** So long may a peer take to hear that it is not alone. */
const TELL_TIMEOUT_MS = 5_000

const uint = z.int().nonnegative()

const epochRecord = z.strictObject({
  /** What the node said last. */
  epoch: uint,
  /** The higher one that it had said before: whoever says it again is told too. */
  other: z.exactOptional(uint),
})

export interface CopiesComponents {
  database: Database
  alerts: Pick<Alerts, 'raise'>
  pins: Pick<Pins, 'byId'>
  log: Logger
}

/**
 * Notices that a node runs more than once, as after a restore elsewhere while the old one lives: it is the same node
 * to everybody, with the same key, but a copy that has been started less often. Tells our own owner, and both copies.
 */
export class Copies {
  readonly #components: CopiesComponents
  readonly #ownEpoch: number
  readonly #rows: Repository<z.infer<typeof epochRecord>>
  #stop: () => void = () => undefined

  constructor(components: CopiesComponents, init: { ownEpoch: number }) {
    this.#components = components
    this.#ownEpoch = init.ownEpoch
    this.#rows = new Repository(components.database, 'peer-epochs', epochRecord)
  }

  start(links: Pick<Links, 'onOpen'>): void {
    const { log } = this.#components
    this.#stop = links.onOpen((link) => {
      this.#greet(link).catch((err: unknown) => {
        log.error({ peer: link.peer.id, err }, 'how often a peer has started could not be noted')
      })
    })
  }

  stop(): void {
    this.#stop()
  }

  /** Hears of a peer that it has met us with this epoch. */
  told({ pin }: Pick<KnownPeer, 'pin'>, epoch: number): void {
    if (epoch === this.#ownEpoch) return
    this.#components.alerts.raise({
      kind: 'second-copy',
      peer: pin.name,
      what: `another copy of this node runs, or has run: ${pin.name} has met it`,
      hint: 'stop the one that is not to run; if you started none, confirm it with another peer first, then: kith key rotate --compromise',
    })
  }

  async #greet(link: Link): Promise<void> {
    const { id } = link.peer
    const epoch = link.hello?.epoch
    // Read at once: of two that come together, the later one sees the earlier one.
    const known = this.#rows.getSync(id)
    if (epoch === undefined || epoch === known?.epoch) return
    if (known === undefined) await this.#note(id, { epoch })
    else if (epoch < known.epoch) {
      this.#alert(id)
      await this.#note(id, { epoch, other: known.epoch })
      await this.#tell(link, known.epoch)
    } else {
      await this.#note(id, { epoch })
      const isOther = known.other !== undefined && epoch >= known.other
      if (isOther) await this.#tell(link, known.epoch)
    }
  }

  #alert(id: string): void {
    const { alerts, pins } = this.#components
    const name = pins.byId(id)?.pin.name ?? id
    alerts.raise({
      kind: 'peer-copied',
      peer: name,
      what: `${name} may run twice: a copy of it has called that was started less often than the one before`,
      hint: `ask its owner, over another channel, which one is theirs; kith peers show ${name}`,
    })
  }

  async #note(id: string, record: z.infer<typeof epochRecord>): Promise<void> {
    await this.#components.database.write([this.#rows.put(id, record)], { durable: false })
  }

  /** Never rejects: a program that is older does not know the call. */
  async #tell(link: Link, epoch: number): Promise<void> {
    const { log } = this.#components
    try {
      await link.call('peer.copy', { epoch }, { deadlineMs: TELL_TIMEOUT_MS })
    } catch (err) {
      log.info({ peer: link.peer.id, err }, 'a peer could not be told that it runs twice')
    }
  }
}
