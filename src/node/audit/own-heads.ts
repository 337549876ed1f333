import { z } from 'zod'
import { createAuditHead, readAuditHead, unverifiedAuditHead } from '../../protocol/audit-head.ts'
import type { AuditHead } from '../../protocol/audit-head.ts'
import { dayIn, daysBefore } from '../../protocol/day.ts'
import { replayKeyLog, stateAtEnd } from '../../protocol/key-log.ts'
import { bytes } from '../../protocol/verbs.ts'
import type { Database } from '../../store/database.ts'
import type { EntryRef } from '../../store/journal.ts'
import { Repository } from '../../store/repository.ts'
import type { Clock } from '../clock.ts'
import type { Self } from '../self.ts'
import type { Audit } from './audit.ts'

/** The head is signed so often when there are new entries; also when a peer asks, and when the node stops. */
const SIGN_MS = 3_600_000

/** Entries that are kept, and for how long. The oldest go first, and what was the last of them stays signed. */
export const MAX_AUDIT_ENTRIES = 50_000
export const MAX_AUDIT_MS = 400 * 86_400_000

/** One signed head a day is kept, as long as the entries are. */
const MAX_DAYS = 400

/** Where the head of the last entry that was pruned is. */
export const CHECKPOINT = 'checkpoint'

const headRecord = z.strictObject({ signed: bytes })

/** Heads that this node has signed: the last one of each day, by date, and the checkpoint. */
export function ownHeadsIn(database: Database): Repository<z.infer<typeof headRecord>> {
  return new Repository(database, 'audit-heads', headRecord)
}

/** What a head says of the node with this key log, or undefined when the key that it names did not sign it. */
export function verifiedHead(
  signed: Uint8Array,
  keyLog: readonly Uint8Array[],
): AuditHead | undefined {
  try {
    const { id, sn } = unverifiedAuditHead(signed)
    if (sn >= keyLog.length) return undefined
    const { keyInForce, ...state } = stateAtEnd(replayKeyLog(keyLog.slice(0, sn + 1)))
    if (keyInForce === undefined || state.id !== id) return undefined
    return readAuditHead(signed, keyInForce)
  } catch {
    return undefined
  }
}

export interface OwnHeadsComponents {
  audit: Pick<Audit, 'flush' | 'journal' | 'written'>
  clock: Clock
  database: Database
  log: { error: (fields: object, what: string) => void }
  self: Pick<Self, 'id' | 'secret' | 'state'>
}

/** Signs what the audit log of this node says, and prunes the log in such a way that this is no gap. */
export class OwnHeads {
  readonly #components: OwnHeadsComponents
  readonly #rows: Repository<z.infer<typeof headRecord>>
  #signed: { seq: number; sn: number; head: Uint8Array } | undefined
  #stopTimer: () => void = () => undefined

  constructor(components: OwnHeadsComponents) {
    this.#components = components
    this.#rows = ownHeadsIn(components.database)
  }

  start(): void {
    const { clock, log } = this.#components
    this.#stopTimer = clock.every(SIGN_MS, () => {
      this.keep().catch((err: unknown) => {
        log.error({ err }, 'the audit log could not be signed and pruned')
      })
    })
  }

  stop(): void {
    this.#stopTimer()
  }

  /** Prunes what is over the caps, and signs the newest entry. On disk when this resolves. */
  async keep(limits = { entries: MAX_AUDIT_ENTRIES, ageMs: MAX_AUDIT_MS }): Promise<void> {
    await this.#prune(limits)
    await this.newest()
  }

  /** The newest entry that no crash can take, signed; undefined while there is none. */
  async newest(): Promise<Uint8Array | undefined> {
    const { audit, clock, database, self } = this.#components
    await audit.flush()
    const { written } = audit
    if (written.seq === 0) return undefined
    const { sn } = self.state
    if (this.#signed?.seq === written.seq && this.#signed.sn === sn) return this.#signed.head
    const head = await this.#sign(written)
    this.#signed = { seq: written.seq, sn, head }
    // Sorts before `checkpoint`.
    const day = dayIn('UTC', clock.now())
    const old = await Array.fromAsync(this.#rows.keys({ lt: daysBefore(day, MAX_DAYS) }))
    await database.write(
      [this.#rows.put(day, { signed: head }), ...old.map((key) => this.#rows.del(key))],
      { durable: true },
    )
    return head
  }

  /** What the log says at each of these numbers, signed; nothing for an entry that it does not have. */
  async at(seqs: readonly number[]): Promise<Uint8Array[]> {
    const { audit } = this.#components
    const heads: Uint8Array[] = []
    for (const seq of new Set(seqs)) {
      if (seq > audit.written.seq) continue
      for await (const { hash } of audit.journal.read({ from: seq, to: seq })) {
        heads.push(await this.#sign({ seq, hash }))
      }
    }
    return heads
  }

  async #prune({ ageMs, entries }: { entries: number; ageMs: number }): Promise<void> {
    const { audit, clock, database } = this.#components
    await audit.flush()
    const before = clock.now() - ageMs
    const tooMany = audit.written.seq - entries
    let last: EntryRef | undefined
    for await (const entry of audit.journal.read({ to: audit.written.seq - 1 })) {
      if (entry.seq > tooMany && entry.at >= before) break
      last = entry
    }
    if (last === undefined) return
    // First: a crash between the two leaves entries that a signed head names, and no gap.
    const signed = await this.#sign(last, last.seq + 1)
    const checkpoint = this.#rows.put(CHECKPOINT, { signed })
    await database.write([checkpoint], { durable: true })
    await audit.journal.pruneBefore(last.seq + 1)
  }

  /** `oldest` is the number of the oldest entry that there is; that of a checkpoint is the next one. */
  async #sign({ hash, seq }: EntryRef, oldest?: number): Promise<Uint8Array> {
    const { audit, clock, self } = this.#components
    const { id, secret: seed, state } = self
    const first = oldest ?? Math.min((await audit.journal.anchor()).seq, seq) + 1
    return createAuditHead({ id, sn: state.sn, seq, hash, first, at: clock.now(), seed })
  }
}
