import type { Logger } from 'pino'
import { VERB_GRANTS } from '../../protocol/grant.ts'
import type { Database } from '../../store/database.ts'
import { Journal } from '../../store/journal.ts'
import type { EntryRef } from '../../store/journal.ts'
import type { LineSink } from '../agent/run-log.ts'
import type { Clock } from '../clock.ts'
import { auditBody, auditBodyOf } from './audit-entry.ts'
import type { AuditBody, AuditEvent } from './audit-entry.ts'
import { Tallies } from './tallies.ts'
import type { CountedKind } from './tallies.ts'

/** What is only counted is written so often. */
const TALLIES_MS = 60_000

export interface AuditComponents {
  clock: Clock
  database: Database
  /** `audit.log`, for those who read logs: what counts is the journal. */
  lines: LineSink
  log: Logger
}

/** The journal of the audit log in this store. */
export async function openAuditJournal(database: Database): Promise<Journal<AuditBody>> {
  return await Journal.open(database, 'audit', auditBody)
}

/**
 * The append-only log of what mattered to the security of this node: each entry holds the hash of the one before.
 * Peers cannot fill it: what they are refused is counted, and written in few rows.
 */
export class Audit {
  readonly journal: Journal<AuditBody>
  readonly #components: AuditComponents
  readonly #tallies = new Tallies()
  readonly #pending = new Set<Promise<unknown>>()
  #written: EntryRef
  #stopTimer: (() => void) | undefined

  private constructor(components: AuditComponents, journal: Journal<AuditBody>) {
    this.#components = components
    this.journal = journal
    this.#written = journal.head
  }

  /** @throws {KithError} `corrupt` when there are entries after the last one */
  static async open(components: AuditComponents): Promise<Audit> {
    return new Audit(components, await openAuditJournal(components.database))
  }

  /** The last entry that is on disk for good. */
  get written(): EntryRef {
    return this.#written
  }

  /** Adds an entry, which is on disk soon. Never throws: what it tells of goes on. */
  record(event: AuditEvent): void {
    const { clock, lines, log } = this.#components
    const body = auditBodyOf(event)
    const at = clock.now()
    try {
      lines.write(JSON.stringify({ at: new Date(at).toISOString(), ...body }))
    } catch (err) {
      log.error({ err }, 'a log cannot be written')
    }
    const written = this.journal
      .append(body, at, [], { durable: true })
      .then((ref) => {
        this.#written = ref
      })
      .catch((err: unknown) => {
        log.error({ kind: event.kind, err }, 'audit entry could not be written')
      })
    this.#pending.add(written)
    void written.finally(() => this.#pending.delete(written))
  }

  /** Counts a call of a peer that was refused: in the log within a minute, and in no more than a few rows an hour. */
  refused(peer: string, verb: string, code: string): void {
    this.#count('denied', peer, `${Object.hasOwn(VERB_GRANTS, verb) ? verb : 'unknown'} ${code}`)
  }

  /** Counts what a program here was refused: at once in the log at first, and later with what else comes. */
  refusedHere(who: string, what: string): void {
    this.#count('denied', who, what)
    this.#writeTallies(false)
  }

  /** Counts an ask that a peer has cancelled, in the same way. */
  cancelledBy(peer: string): void {
    this.#count('cancel', peer, 'ask.cancel')
  }

  /** Counts a task that the holder of a token has cancelled: written at once, and with others if many come. */
  taskCancelledBy(token: string, task: string): void {
    this.#count('cancel', token, task)
    this.#writeTallies(false)
  }

  /** Counts a call by which the holder of a token changes something, in the same way. */
  calledBy(token: string, route: string): void {
    this.#count('token', token, route)
    this.#writeTallies(false)
  }

  /** Resolves when all that was recorded until now is on disk, or could not be written. */
  async flush(): Promise<void> {
    await Promise.all(this.#pending)
  }

  /** Writes what is only counted, and resolves when all is on disk. */
  async stop(): Promise<void> {
    this.#stopTimer?.()
    this.#stopTimer = undefined
    this.#writeTallies(true)
    await this.flush()
  }

  #count(kind: CountedKind, peer: string, what: string): void {
    this.#tallies.count(kind, peer, what)
    this.#stopTimer ??= this.#components.clock.every(TALLIES_MS, () => {
      this.#writeTallies(false)
    })
  }

  #writeTallies(all: boolean): void {
    for (const event of this.#tallies.take(this.#components.clock.now(), all)) this.record(event)
  }
}
