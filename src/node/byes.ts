import type { Logger } from 'pino'
import { z } from 'zod'
import type { Pin } from '../protocol/pin.ts'
import type { Database } from '../store/database.ts'
import { Repository } from '../store/repository.ts'
import type { Alerts } from './alerts.ts'
import type { Clock } from './clock.ts'

const byeRecord = z.strictObject({
  /** When it was said, by the clock of the node that said it. */
  at: z.int(),
  /** When it came, by our clock. */
  receivedAt: z.int(),
  /** Peer id of the key that signed it. */
  key: z.string(),
  /** Where we dialled the node then. */
  addresses: z.array(z.string()),
  /** False once it is over. The record stays, so that the same bye does not count again. */
  holds: z.boolean(),
})

type ByeRecord = z.infer<typeof byeRecord>

export interface ByesComponents {
  database: Database
  alerts: Pick<Alerts, 'raise'>
  clock: Clock
  log: Logger
}

/**
 * Which nodes have said that they unpinned us. A bye holds until its node links with us again, its pin is edited or
 * removed, or another key than the one that signed it comes into force: a thief's bye must not outlast the thief.
 */
export class Byes {
  readonly #components: ByesComponents
  readonly #rows: Repository<ByeRecord>
  readonly #byes = new Map<string, ByeRecord>()
  readonly #listeners = new Set<() => void>()

  constructor(components: ByesComponents) {
    this.#components = components
    this.#rows = new Repository(components.database, 'byes', byeRecord)
  }

  async start(): Promise<void> {
    for await (const [id, bye] of this.#rows.entries()) this.#byes.set(id, bye)
  }

  /** Since when, by our clock, the node with this id has unpinned us. */
  since(id: string): number | undefined {
    const bye = this.#byes.get(id)
    return bye?.holds === true ? bye.receivedAt : undefined
  }

  /**
   * When the last bye of the node with this id was said, by its own clock, if this key signed it; it may be over. A
   * thief's, of any time, thus does not shut out those of the key that came after.
   */
  lastSaidAt(id: string, key: string): number | undefined {
    const bye = this.#byes.get(id)
    return bye?.key === key ? bye.at : undefined
  }

  /** Keeps a bye that `key` has signed, tells the owner, and resolves when it is on disk. */
  async take(
    { id, pin }: { id: string; pin: Pin },
    { at, key }: { at: number; key: string },
  ): Promise<void> {
    const { alerts, clock } = this.#components
    const written = this.#set(id, {
      at,
      receivedAt: clock.now(),
      key,
      addresses: pin.addresses,
      holds: true,
    })
    this.#tell()
    alerts.raise({
      kind: 'unpinned-by-peer',
      peer: pin.name,
      what: `${pin.name} has unpinned this node, and is dialled no more`,
      hint: `kith peers remove ${pin.name}`,
    })
    await written
  }

  /** Ends what the node with this id has said. */
  forget(id: string): void {
    if (this.#end(id)) this.#tell()
  }

  /** Ends the byes that do not fit these pins, and the keys in force, any more. Tells nobody: whoever calls it knows. */
  review(pins: readonly Pin[], keyOf: (id: string) => string | undefined): void {
    for (const [id, bye] of this.#byes) {
      const pin = pins.find((candidate) => candidate.id === id)
      const fits = pin !== undefined && isSame(pin.addresses, bye.addresses)
      if (!fits || keyOf(id) !== bye.key) this.#end(id)
    }
  }

  /** Calls `listener` when a bye came or was forgotten, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** False when there was nothing to end. */
  #end(id: string): boolean {
    const bye = this.#byes.get(id)
    if (bye?.holds !== true) return false
    this.#set(id, { ...bye, holds: false }).catch((err: unknown) => {
      this.#components.log.error({ err }, 'end of a bye could not be written')
    })
    return true
  }

  #set(id: string, bye: ByeRecord): Promise<void> {
    this.#byes.set(id, bye)
    return this.#components.database.write([this.#rows.put(id, bye)], { durable: true })
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** Ends what the node with this id has said, in the store of a node that does not run. */
export async function endStoredBye(database: Database, id: string): Promise<void> {
  const rows = new Repository(database, 'byes', byeRecord)
  const bye = await rows.get(id)
  if (bye?.holds !== true) return
  await database.write([rows.put(id, { ...bye, holds: false })], { durable: true })
}

function isSame(addresses: readonly string[], others: readonly string[]): boolean {
  return addresses.length === others.length && addresses.every((text, at) => text === others[at])
}
