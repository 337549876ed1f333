import type { Logger } from 'pino'
import type {
  ApprovalRequest,
  ApprovalState,
  Approvals as ApprovalsPort,
  EngineAsk,
  Parked,
} from '../../agent/ports.ts'
import { KithError, isFailure } from '../../protocol/errors.ts'
import { uuidTime, uuidV7 } from '../../protocol/uuid.ts'
import type { ApprovalAnswer } from '../../protocol/verbs.ts'
import type { Database, Operation } from '../../store/database.ts'
import type { Alerts } from '../alerts.ts'
import type { AskRecord } from '../asks/ask-store.ts'
import type { Clock } from '../clock.ts'
import { alertOnApproval, settleAlerts } from './approval-alerts.ts'
import { lineOfRemembered, writeClosed } from './approval-log.ts'
import {
  assertFits,
  assertNoPart,
  closingOf,
  digestOfCall,
  firstOf,
  heldAnswer,
  isSameAnswer,
  recordOf,
  shownOf,
  unknownApproval,
} from './approval-records.ts'
import type { ApprovalRecord, Closing, Party } from './approval-records.ts'
import { ApprovalRows } from './approval-rows.ts'
import { ApprovalWaits } from './approval-waits.ts'
import { RememberedAnswers } from './remembered-answers.ts'

const HOUR_MS = 3_600_000

export interface ApprovalsComponents {
  database: Database
  alerts: Pick<Alerts, 'raise' | 'settle'>
  clock: Clock
  randomBytes: (count: number) => Uint8Array
  /** A text without secrets. */
  redacted: (text: string) => string
  /** True for an ask that has its final: node id of its asker, and its own id. */
  isOver: (asker: string, ask: string) => boolean
  /** Adds a line to the log of approvals, which has it when this returns. */
  write: (line: string) => void
  log: Logger
}

export interface ApprovalsInit {
  ownId: string
  /** So long a person has to answer, in ms. Then it counts as no. */
  timeoutMs: number
}

/**
 * Where calls of tools wait for a person. What comes first decides: an answer, the end of its time, or the end of its
 * ask. It is on disk, and in the log, before anybody acts by it.
 */
export class Approvals implements ApprovalsPort {
  /** The answers that hold for more than one call. */
  readonly answers: RememberedAnswers
  readonly #components: ApprovalsComponents
  readonly #init: ApprovalsInit
  readonly #rows: ApprovalRows
  readonly #waits: ApprovalWaits
  readonly #listeners = new Set<() => void>()
  #lastIdAt = 0
  #cancelReviews: () => void = () => undefined

  constructor(components: ApprovalsComponents, init: ApprovalsInit) {
    this.#components = components
    this.#init = init
    this.#rows = new ApprovalRows(components)
    this.#waits = new ApprovalWaits(components.clock)
    this.answers = new RememberedAnswers(components)
  }

  /** Reads what is on disk, and goes on waiting. Comes after the alerts, and before the asks that were parked. */
  async start(): Promise<void> {
    const { alerts, clock, database } = this.#components
    await this.answers.start()
    await this.#rows.start()
    const approvals = this.#rows.list()
    this.#lastIdAt = Math.max(0, ...approvals.map(({ id }) => uuidTime(id)))
    await database.write(this.#rows.tidied(), { durable: false })
    for (const approval of approvals) if (approval.state === 'open') this.#await(approval)
    settleAlerts(alerts, this.pending())
    this.#cancelReviews = clock.every(HOUR_MS, () => {
      this.review()
    })
  }

  /** Leaves what is open as it is, for the next start. */
  stop(): void {
    this.#cancelReviews()
    this.#waits.stop()
  }

  remembered(request: Pick<ApprovalRequest, 'ask' | 'tool' | 'key'>): 'granted' | undefined {
    const { clock, write } = this.#components
    const { ask } = request
    const alike = digestOfCall(request.tool, request.key)
    const answer = this.answers.find({
      ...{ asker: ask.asker.id, first: firstOf(ask), session: ask.session, alike },
    })
    if (answer === undefined) return undefined
    write(lineOfRemembered(clock.now(), ask, answer))
    return 'granted'
  }

  isFor(approval: string, { key, tool }: Pick<ApprovalRequest, 'tool' | 'key'>): boolean {
    return this.#rows.get(approval)?.alike === digestOfCall(tool, key)
  }

  async open(request: ApprovalRequest): Promise<string> {
    const { alerts, database } = this.#components
    const approval = this.#opened(request)
    // What is over leaves room for it.
    this.review()
    const operations = this.#rows.add(approval, request.checkpoint)
    this.#await(approval)
    // In one batch with the alert: a crash leaves both, or none.
    const written = database.write(operations, { durable: true })
    alertOnApproval(alerts, approval)
    await written
    for (const listener of this.#listeners) listener()
    return approval.id
  }

  async wait(approval: string, signal: AbortSignal): Promise<ApprovalState> {
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const onAbort = (): void => {
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    try {
      // In this order: for one who has aborted, nothing else counts.
      return await Promise.race([aborted, this.#stateOf(approval)])
    } catch (err) {
      // A node that stops goes on with the ask after the restart; whatever else ends an ask ends its approval.
      if (signal.aborted && !isFailure(signal.reason, 'interrupted')) {
        this.#closeAnyway(approval, 'withdrawn')
      }
      throw err
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** With what an ask goes on that waits for a person, or whose answer came in the instant before a crash. */
  async parked({ ask, peer }: Pick<AskRecord, 'ask' | 'peer'>): Promise<Parked | undefined> {
    const approval = this.#rows.lastOf(peer, ask)
    if (approval === undefined || approval.state === 'withdrawn') return undefined
    const checkpoint = await this.#rows.checkpoint(approval.id)
    return checkpoint === undefined ? undefined : { approval: approval.id, checkpoint }
  }

  /**
   * Answers, and resolves once that is on disk. The same answer may be given again. Where a yes can only be to this
   * call, it is to no other.
   *
   * @throws {KithError} `unknown-approval`; `denied` for who has a part in the ask; `bad-request` for a yes to the
   *   session of an ask that has none; `conflict` when it is closed otherwise
   */
  async answer(id: string, answer: ApprovalAnswer, by: Party): Promise<ApprovalRecord> {
    const { clock, isOver } = this.#components
    const asked = this.get(id)
    // The owner of this node may say yes to what they have asked here.
    if (by.id !== this.#init.ownId) assertNoPart(asked, by.id)
    assertFits(asked, answer)
    const held = heldAnswer(asked, answer)
    if (isOver(asked.asker.id, asked.ask)) this.#closeAnyway(id, 'withdrawn')
    // A timer may be late by as long as this machine slept.
    else if (clock.now() >= asked.expiresAt) this.#closeAnyway(id, 'expired')
    const closed = await (this.get(id).state === 'open'
      ? this.#close(id, closingOf(held, by))
      : this.#closedOf(id))
    if (isSameAnswer(closed, held)) return closed
    const why = `the approval was ${closed.state} before, and stays so`
    throw new KithError('conflict', why, { activeId: id }, { hint: `kith approvals show ${id}` })
  }

  /** Withdraws what an ask has left open that is over, however it ended. */
  review(): void {
    const { isOver } = this.#components
    for (const { ask, asker, id } of this.pending()) {
      if (isOver(asker.id, ask)) this.#closeAnyway(id, 'withdrawn')
    }
    this.#forget(this.#rows.tidied())
  }

  /** Drops with what an ask would go on: its engine has ended, and not because the node stops. */
  ended(ask: Pick<EngineAsk, 'id' | 'asker'>): void {
    this.#forget(this.#rows.ended(ask.asker.id, ask.id))
  }

  /** All that are kept, the oldest first. */
  list(): ApprovalRecord[] {
    return this.#rows.list()
  }

  /** Those that nobody has answered, the oldest first. */
  pending(): ApprovalRecord[] {
    return this.list().filter(({ state }) => state === 'open')
  }

  /** @throws {KithError} `unknown-approval` */
  get(id: string): ApprovalRecord {
    const approval = this.#rows.get(id)
    if (approval === undefined) throw unknownApproval(id, 'kith approvals list')
    return approval
  }

  /** Calls `listener` when an approval opens, until the returned function is called. */
  onOpen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  #opened(request: ApprovalRequest): ApprovalRecord {
    const { clock, randomBytes, redacted } = this.#components
    const now = clock.now()
    // Also within one millisecond, and when the clock goes back: readers go on from the last id that they know.
    this.#lastIdAt = Math.max(now, this.#lastIdAt + 1)
    return recordOf(
      { ...request, ...shownOf(request, redacted) },
      {
        id: uuidV7(this.#lastIdAt, randomBytes(10)),
        openedAt: now,
        expiresAt: Math.min(now + this.#init.timeoutMs, request.ask.deadlineAt),
      },
    )
  }

  /** Lets it expire at its time. */
  #await(approval: ApprovalRecord): void {
    this.#waits.add(approval, () => {
      this.#closeAnyway(approval.id, 'expired')
    })
  }

  /** The state of an approval that is closed on disk. */
  async #stateOf(id: string): Promise<ApprovalState> {
    const { state } = await this.#closedOf(id)
    // Whoever waits for one that was withdrawn waits in vain.
    return state === 'granted' || state === 'denied' ? state : 'expired'
  }

  async #closedOf(id: string): Promise<ApprovalRecord> {
    return (await this.#waits.closed(id)) ?? this.get(id)
  }

  /** Closes it with no, unless it is closed. */
  #closeAnyway(id: string, state: 'expired' | 'withdrawn'): void {
    if (this.#rows.get(id)?.state !== 'open') return
    this.#close(id, { state }).catch((err: unknown) => {
      this.#components.log.error({ approval: id, err }, 'an approval could not be closed')
    })
  }

  /** Closes one that is open: decided when this returns, on disk when it resolves. */
  async #close(id: string, closing: Closing): Promise<ApprovalRecord> {
    const { alerts, clock, database } = this.#components
    const closed = { ...this.get(id), ...closing, closedAt: clock.now() }
    writeClosed(this.#components, closed)
    const operations = this.#rows.close(closed)
    if (closing.state === 'granted' && closing.scope !== 'once') {
      operations.push(...this.answers.add(closed, closing.scope, closing.by))
    }
    const written = database.write(operations, { durable: true })
    settleAlerts(alerts, this.pending())
    await this.#waits.settle(closed, written)
    return closed
  }

  #forget(operations: Operation[]): void {
    if (operations.length === 0) return
    const { database, log } = this.#components
    database.write(operations, { durable: false }).catch((err: unknown) => {
      log.error({ err }, 'old approvals could not be forgotten')
    })
  }
}
