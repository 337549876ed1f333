import type { z } from 'zod'
import { KithError } from '../../protocol/errors.ts'
import { MAX_ASK_SECONDS } from '../../protocol/limits.ts'
import type { Database, Operation } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import type { Clock } from '../clock.ts'
import { approvalSchema, checkpointSchema } from './approval-records.ts'
import type { ApprovalRecord } from './approval-records.ts'

/** Closed approvals that are kept: so many, and for so long, in ms. */
export const MAX_CLOSED = 200
export const CLOSED_RETENTION_MS = 2_592_000_000

/** No ask goes on after this long, and no checkpoint is of use to it. */
const CHECKPOINT_RETENTION_MS = MAX_ASK_SECONDS * 1_000

/** Most that all checkpoints have together, in bytes: one holds a whole conversation. */
export const MAX_CHECKPOINTS_BYTES = 67_108_864

export interface ApprovalRowsComponents {
  database: Database
  clock: Pick<Clock, 'now'>
  /** True for an ask that has its final: node id of its asker, and its own id. */
  isOver: (asker: string, ask: string) => boolean
}

/** Approvals on disk, and as they stand now: what changes them returns what has to be written. */
export class ApprovalRows {
  readonly #clock: Pick<Clock, 'now'>
  readonly #isOver: ApprovalRowsComponents['isOver']
  readonly #rows: Repository<ApprovalRecord>
  readonly #checkpointRows: Repository<z.infer<typeof checkpointSchema>>
  /** By id, the oldest first. */
  readonly #approvals = new Map<string, ApprovalRecord>()
  /** By id, how many bytes the checkpoint has of those that have one. */
  readonly #checkpoints = new Map<string, number>()

  constructor({ clock, database, isOver }: ApprovalRowsComponents) {
    this.#clock = clock
    this.#isOver = isOver
    this.#rows = new Repository(database, 'approvals', approvalSchema)
    this.#checkpointRows = new Repository(database, 'approval-checkpoints', checkpointSchema)
  }

  /** Reads what is on disk. */
  async start(): Promise<void> {
    for await (const approval of this.#rows.values()) this.#approvals.set(approval.id, approval)
    for await (const [id, { checkpoint }] of this.#checkpointRows.entries()) {
      this.#checkpoints.set(id, checkpoint.length)
    }
  }

  /** All of them, the oldest first. */
  list(): ApprovalRecord[] {
    return [...this.#approvals.values()]
  }

  get(id: string): ApprovalRecord | undefined {
    return this.#approvals.get(id)
  }

  /** The last approval of an ask: node id of its asker, and its own id. */
  lastOf(asker: string, ask: string): ApprovalRecord | undefined {
    return this.list().findLast((approval) => approval.asker.id === asker && approval.ask === ask)
  }

  /** With what the ask of this approval goes on, as far as that is on disk. */
  async checkpoint(id: string): Promise<Uint8Array | undefined> {
    return (await this.#checkpointRows.get(id))?.checkpoint
  }

  /**
   * Adds one that opens. An ask goes on from its last approval alone: the checkpoint of the one before goes.
   *
   * @throws {KithError} `denied` when there would be more of checkpoints than may be
   */
  add(approval: ApprovalRecord, checkpoint: Uint8Array): Operation[] {
    const before = this.lastOf(approval.asker.id, approval.ask)
    const sum = [...this.#checkpoints.values()].reduce((one, other) => one + other, 0)
    const gone = before === undefined ? 0 : (this.#checkpoints.get(before.id) ?? 0)
    if (sum - gone + checkpoint.length > MAX_CHECKPOINTS_BYTES) {
      const message = 'too much waits for a person already: try again later'
      throw new KithError('denied', message, { rule: 'approve' })
    }
    this.#approvals.set(approval.id, approval)
    this.#checkpoints.set(approval.id, checkpoint.length)
    return [
      ...(before === undefined ? [] : this.#dropCheckpoint(before.id)),
      this.#rows.put(approval.id, approval),
      this.#checkpointRows.put(approval.id, { checkpoint }),
    ]
  }

  /** Closes one, and forgets those that are too many by it. The checkpoint stays while its ask may go on from there. */
  close(approval: ApprovalRecord): Operation[] {
    this.#approvals.set(approval.id, approval)
    const isOver = approval.state === 'withdrawn'
    return [
      this.#rows.put(approval.id, approval),
      ...(isOver ? this.#dropCheckpoint(approval.id) : []),
      ...this.tidied(),
    ]
  }

  /** Drops the checkpoint of an ask that does not go on. */
  ended(asker: string, ask: string): Operation[] {
    const last = this.lastOf(asker, ask)
    return last === undefined || last.state === 'open' ? [] : this.#dropCheckpoint(last.id)
  }

  /** Forgets what has been kept for long enough. */
  tidied(): Operation[] {
    const now = this.#clock.now()
    const closed = this.list().filter(({ state }) => state !== 'open')
    const surplus = closed.length - MAX_CLOSED
    return closed.flatMap(({ ask, asker, closedAt = 0, id }, nth) => {
      if (nth < surplus || closedAt + CLOSED_RETENTION_MS <= now) {
        this.#approvals.delete(id)
        return [this.#rows.del(id), ...this.#dropCheckpoint(id)]
      }
      if (!this.#checkpoints.has(id)) return []
      const isOver = closedAt + CHECKPOINT_RETENTION_MS <= now || this.#isOver(asker.id, ask)
      return isOver ? this.#dropCheckpoint(id) : []
    })
  }

  #dropCheckpoint(id: string): Operation[] {
    return this.#checkpoints.delete(id) ? [this.#checkpointRows.del(id)] : []
  }
}
