import { KithError } from '../../../protocol/errors.ts'
import { decideRate } from '../../../protocol/rate.ts'
import type { Rate } from '../../../protocol/rate.ts'
import type { Clock } from '../../clock.ts'
import type { Principal } from '../principal.ts'

/** A task is one part, and one more for each of so many bytes of its text. */
const PART_BYTES = 4_096

/** Of one token: 256 MiB of texts a day, or 65,536 short tasks. Its tasks are kept for a week. */
const PARTS: Rate = { calls: 65_536, perMs: 86_400_000, burst: 65_536 }

/** How much the holder of a token may submit: what fills the disk has an end. The owner has no limit. */
export class Allowance {
  readonly #clock: Pick<Clock, 'now'>
  /** By id of the token. */
  readonly #cells = new Map<string, number>()

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** Takes what a task of this text needs, or nothing. @throws {KithError} `rate-limited` */
  take(principal: Principal, text: string): void {
    if (principal.kind === 'owner') return
    const now = this.#clock.now()
    let cell = this.#cells.get(principal.id)
    for (let left = Buffer.byteLength(text); left >= 0; left -= PART_BYTES) {
      const decision = decideRate(PARTS, cell, now)
      if (!decision.allowed) {
        const { retryAfterMs } = decision
        throw new KithError('rate-limited', 'this token submits too much', { retryAfterMs })
      }
      cell = decision.cell
    }
    if (cell !== undefined) this.#cells.set(principal.id, cell)
  }
}
