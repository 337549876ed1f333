import type { Clock } from '../clock.ts'
import type { ApprovalRecord } from './approval-records.ts'

/** An approval that is not closed on disk. */
interface Wait {
  cancelTimer: () => void
  /** What became of it, once that is on disk. */
  closed: PromiseWithResolvers<ApprovalRecord>
}

/** Who waits for approvals that are not closed on disk, and when their time is over. */
export class ApprovalWaits {
  readonly #clock: Pick<Clock, 'now' | 'after'>
  readonly #waits = new Map<string, Wait>()

  constructor(clock: Pick<Clock, 'now' | 'after'>) {
    this.#clock = clock
  }

  /** Calls `onExpired` at its time, unless it is settled before. */
  add({ expiresAt, id, openedAt }: ApprovalRecord, onExpired: () => void): void {
    const closed = Promise.withResolvers<ApprovalRecord>()
    // Perhaps nobody waits for it any more.
    closed.promise.catch(() => undefined)
    // Under a clock that was set back meanwhile, it has no more time than it had at first.
    const leftMs = Math.max(0, expiresAt - Math.max(this.#clock.now(), openedAt))
    this.#waits.set(id, { cancelTimer: this.#clock.after(leftMs, onExpired), closed })
  }

  /** Resolves with what became of it once that is on disk; undefined for one that is. */
  closed(id: string): Promise<ApprovalRecord> | undefined {
    return this.#waits.get(id)?.closed.promise
  }

  /** Tells all that wait what `written` comes to, and resolves or rejects with it. */
  async settle(closed: ApprovalRecord, written: Promise<unknown>): Promise<void> {
    const wait = this.#waits.get(closed.id)
    wait?.cancelTimer()
    try {
      await written
      wait?.closed.resolve(closed)
    } catch (err) {
      wait?.closed.reject(err)
      throw err
    }
    this.#waits.delete(closed.id)
  }

  /** Leaves all as they are. */
  stop(): void {
    for (const { cancelTimer } of this.#waits.values()) cancelTimer()
  }
}
