import type { Logger } from 'pino'
import { z } from 'zod'
import { EMPTY_ANSWER, grown } from '../../protocol/ask.ts'
import { dayIn, nextDayAt } from '../../protocol/day.ts'
import type { AskCall, AskEventBody } from '../../protocol/verbs.ts'
import type { Database } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import type { Clock } from '../clock.ts'
import type { AskerInfo } from './handle.ts'

/** What an ask, and an event, take on disk beside their texts: records, keys and steps of the journal. */
const ASK_BYTES = 1_024
const EVENT_BYTES = 256

const countSchema = z.strictObject({ day: z.iso.date(), bytes: z.int().nonnegative() })
type Count = z.infer<typeof countSchema>

/** Details of `budget-exhausted`. */
export interface BytesExcess {
  scope: 'peer-bytes'
  /** When the next day begins, in ms since the epoch. */
  resetAt: number
}

export interface DailyBytesComponents {
  database: Database
  clock: Clock
  zone: () => string
  log: Logger
}

/** What each peer's asks have stored today, their answers included: what fills the disk has an end. */
export class DailyBytes {
  readonly #components: DailyBytesComponents
  readonly #rows: Repository<Count>
  readonly #counts = new Map<string, Count>()
  #day = { name: '', from: 0, resetAt: 0 }

  private constructor(components: DailyBytesComponents) {
    this.#components = components
    this.#rows = new Repository(components.database, 'ask-bytes', countSchema)
  }

  static async open(components: DailyBytesComponents): Promise<DailyBytes> {
    const bytes = new DailyBytes(components)
    for await (const [id, count] of bytes.#rows.entries()) bytes.#counts.set(id, count)
    return bytes
  }

  /** Why this asker may not store so much more today, or undefined when it may. Counts nothing. */
  excess({ grant, id }: AskerInfo, more: number): BytesExcess | undefined {
    if (this.#count(id).bytes + more <= grant.dailyBytes) return undefined
    return { scope: 'peer-bytes', resetAt: this.#today().resetAt }
  }

  /** Counts what an asker stores: in one batch with it, when both are written in one tick. */
  add({ grant, id }: AskerInfo, more: number): void {
    // The owner has no limit, so that nobody looks at the count.
    if (grant.dailyBytes === Infinity) return
    const { bytes, day } = this.#count(id)
    const count = { day, bytes: bytes + more }
    this.#counts.set(id, count)
    const { database, log } = this.#components
    database.write([this.#rows.put(id, count)], { durable: false }).catch((err: unknown) => {
      log.error({ err, peer: id }, 'bytes of asks could not be counted')
    })
  }

  /** Forgets the counts of other days. Returns how many. */
  async prune(): Promise<number> {
    const { name: day } = this.#today()
    const over = [...this.#counts].flatMap(([id, count]) => (count.day === day ? [] : [id]))
    if (over.length === 0) return 0
    for (const id of over) this.#counts.delete(id)
    const operations = over.map((id) => this.#rows.del(id))
    await this.#components.database.write(operations, { durable: false })
    return over.length
  }

  #count(id: string): Count {
    const { name: day } = this.#today()
    const count = this.#counts.get(id)
    return count?.day === day ? count : { day, bytes: 0 }
  }

  /** Kept from one call to the next: every event of every answer wants to know it. */
  #today(): { name: string; resetAt: number } {
    const { clock, zone } = this.#components
    const now = clock.now()
    const { from, resetAt } = this.#day
    if (now < from || now >= resetAt) {
      this.#day = { name: dayIn(zone(), now), from: now, resetAt: nextDayAt(zone(), now) }
    }
    return this.#day
  }
}

/** What an ask takes on disk, without its answer. */
export function bytesOfAsk({ text }: Pick<AskCall, 'text'>): number {
  return ASK_BYTES + Buffer.byteLength(text)
}

/** What an event of an answer takes on disk. */
export function bytesOfEvent(event: AskEventBody): number {
  return EVENT_BYTES + grown(EMPTY_ANSWER, event).bytes
}
