import type { Logger } from 'pino'
import { z } from 'zod'
import { KithError } from '../protocol/errors.ts'
import { decideRate, perMinute } from '../protocol/rate.ts'
import { singleLine } from '../protocol/text.ts'
import { isUuidV7, uuidTime, uuidV7 } from '../protocol/uuid.ts'
import type { Database, Operation } from '../store/database.ts'
import { Repository } from '../store/repository.ts'
import type { Clock } from './clock.ts'

/** What the owner is told of, whether or not anybody looks at the time. */
export const ALERT_KINDS = [
  'peer-rotated',
  'peer-compromised',
  'peer-recovered',
  'peer-frozen',
  'peer-retired',
  'peer-may-more',
  'peer-copied',
  'peer-health',
  'second-copy',
  'invite-reused',
  'invite-burned',
  'audit-contradicted',
  'own-key-log-ahead',
  'unpinned-by-peer',
  'rotation-requested',
  'budget',
  'approval-waiting',
  'mcp-tool-changed',
  'delivery-dead',
  'results-dropped',
  'job-failed',
  'job-paused',
] as const
export type AlertKind = (typeof ALERT_KINDS)[number]

export interface AlertInit {
  kind: AlertKind
  /** Our name for the peer that it is about, or its node id. */
  peer?: string
  what: string
  /** What to type or to do next. */
  hint: string
}

const time = z.int()

const alertRecord = z.strictObject({
  /** UUIDv7, higher than that of every alert before. */
  id: z.string().refine(isUuidV7),
  at: time,
  // Any text: a kind that a later kith has written is no damage.
  kind: z.string(),
  peer: z.exactOptional(z.string()),
  what: z.string(),
  hint: z.string(),
  /** How often it was raised while it was open, and when last. */
  count: z.int().positive(),
  lastAt: time,
  /** When the owner acknowledged it; until then it is open. */
  seenAt: z.exactOptional(time),
})

/** Something that the owner should know, and what became of it. */
export type Alert = z.infer<typeof alertRecord>

const MAX_ALERTS = 200
const MAX_TEXT_CHARS = 300
const MAX_PEER_CHARS = 96

/** New alerts of one kind in a minute; the rest are counted in one alert. */
const PER_KIND = perMinute(10)
const REST = 'more of this kind came than are kept one by one'

/** A higher count of an open alert is on disk after this long at most. */
const COUNT_WRITE_MS = 60_000

export interface AlertsComponents {
  database: Database
  clock: Clock
  randomBytes: (count: number) => Uint8Array
  log: Logger
}

/**
 * What the owner has to know, kept over restarts until it is acknowledged. Strangers can cause alerts, so they are
 * bounded: in number, in the writes of a minute, and in length.
 */
export class Alerts {
  readonly #components: AlertsComponents
  readonly #rows: Repository<Alert>
  /** By id, the oldest first. */
  readonly #alerts = new Map<string, Alert>()
  readonly #cells = new Map<AlertKind, number>()
  readonly #listeners = new Set<(alert: Alert) => void>()
  /** Ids of alerts whose count is higher than on disk. */
  readonly #counted = new Set<string>()
  #cancelWrite: (() => void) | undefined
  #lastIdAt = 0

  constructor(components: AlertsComponents) {
    this.#components = components
    this.#rows = new Repository(components.database, 'alerts', alertRecord)
  }

  /** Reads what is on disk. Comes before whatever may raise an alert. */
  async start(): Promise<void> {
    for await (const alert of this.#rows.values()) {
      this.#alerts.set(alert.id, alert)
      this.#lastIdAt = uuidTime(alert.id)
    }
  }

  /** Writes what is not written yet; it is on disk when the database is closed. */
  stop(): void {
    this.#cancelWrite?.()
    this.#writeCounts()
  }

  /** All that are kept, the oldest first. */
  list(): Alert[] {
    return [...this.#alerts.values()]
  }

  /** Keeps a new alert, or counts the open one that says the same. Never throws: what it is about goes on. */
  raise(init: AlertInit): void {
    const { clock, log } = this.#components
    const alert = cleaned(init)
    if (this.#count(alert)) return
    const rate = decideRate(PER_KIND, this.#cells.get(alert.kind), clock.now())
    if (rate.allowed) {
      this.#cells.set(alert.kind, rate.cell)
      this.#add(alert)
      return
    }
    log.debug(alert, 'alert only counted')
    const rest = { kind: alert.kind, what: REST, hint: alert.hint }
    if (!this.#count(rest)) this.#add(rest)
  }

  /**
   * Marks one alert, or all that are open, as seen, and resolves with those that it has marked once that is on disk.
   *
   * @throws {KithError} `unknown-alert`
   */
  async acknowledge(which: { id: string } | 'all'): Promise<Alert[]> {
    const { clock, database } = this.#components
    const chosen = which === 'all' ? this.list() : [this.#find(which.id)]
    const seen = chosen.filter(isOpen).map((alert) => ({ ...alert, seenAt: clock.now() }))
    for (const alert of seen) this.#alerts.set(alert.id, alert)
    await database.write(
      seen.map((alert) => this.#rows.put(alert.id, alert)),
      { durable: true },
    )
    return seen
  }

  /** Acknowledges those of this kind that are open and that `isOver` picks. Never throws. */
  settle(kind: AlertKind, isOver: (alert: Alert) => boolean): void {
    const over = this.list().filter(
      (alert) => alert.kind === kind && isOpen(alert) && isOver(alert),
    )
    if (over.length === 0) return
    const seen = over.map((alert) => ({ ...alert, seenAt: this.#components.clock.now() }))
    for (const alert of seen) this.#alerts.set(alert.id, alert)
    this.#write(
      seen.map((alert) => this.#rows.put(alert.id, alert)),
      true,
    )
  }

  /** Calls `listener` with each new alert, not with what is only counted, until the returned function is called. */
  onRaise(listener: (alert: Alert) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  #find(id: string): Alert {
    const alert = this.#alerts.get(id)
    if (alert !== undefined) return alert
    const hint = 'kith alerts list --all'
    throw new KithError('unknown-alert', `no alert has the id ${id}`, { alert: id }, { hint })
  }

  /** False when no open alert says the same. */
  #count({ kind, peer, what }: AlertInit): boolean {
    const { clock } = this.#components
    const same = this.list().find(
      (alert) => isOpen(alert) && alert.kind === kind && alert.peer === peer && alert.what === what,
    )
    if (same === undefined) return false
    this.#alerts.set(same.id, { ...same, count: same.count + 1, lastAt: clock.now() })
    this.#counted.add(same.id)
    this.#cancelWrite ??= clock.after(COUNT_WRITE_MS, () => {
      this.#writeCounts()
    })
    return true
  }

  #add(init: AlertInit): void {
    const { clock, log, randomBytes } = this.#components
    const now = clock.now()
    // Also within one millisecond, and when the clock goes back: readers go on from the last id that they know.
    this.#lastIdAt = Math.max(now, this.#lastIdAt + 1)
    const id = uuidV7(this.#lastIdAt, randomBytes(10))
    const alert: Alert = { ...init, id, at: now, count: 1, lastAt: now }
    this.#alerts.set(id, alert)
    this.#write([this.#rows.put(id, alert), ...this.#makeRoom()], true)
    const { kind, peer, what } = alert
    log.warn({ alert: id, kind, ...(peer === undefined ? {} : { peer }), what }, 'alert raised')
    for (const listener of this.#listeners) listener(alert)
  }

  /** Forgets what was seen. What is open is never gone without a trace: it is counted with the rest of its kind. */
  #makeRoom(): Operation[] {
    const operations: Operation[] = []
    while (this.#alerts.size > MAX_ALERTS) {
      const surplus = leastMissed(this.list())
      if (surplus === undefined) break
      const rest = this.list().find(
        (alert) => alert.kind === surplus.kind && alert.what === REST && isOpen(alert),
      )
      if (isOpen(surplus) && rest === undefined) {
        // The first of its kind stands for the rest from now on, and the next one makes the room.
        const { at, count, hint, id, kind, lastAt } = surplus
        const first = { id, at, kind, what: REST, hint, count, lastAt }
        this.#alerts.set(id, first)
        operations.push(this.#rows.put(id, first))
        continue
      }
      if (isOpen(surplus) && rest !== undefined) {
        const count = rest.count + surplus.count
        const counted = { ...rest, count, lastAt: Math.max(rest.lastAt, surplus.lastAt) }
        this.#alerts.set(rest.id, counted)
        operations.push(this.#rows.put(rest.id, counted))
        this.#components.log.warn({ alert: surplus.id, kind: surplus.kind }, 'alert only counted')
      }
      this.#alerts.delete(surplus.id)
      operations.push(this.#rows.del(surplus.id))
    }
    return operations
  }

  #writeCounts(): void {
    this.#cancelWrite = undefined
    const alerts = [...this.#counted].flatMap((id) => this.#alerts.get(id) ?? [])
    this.#counted.clear()
    if (alerts.length === 0) return
    this.#write(
      alerts.map((alert) => this.#rows.put(alert.id, alert)),
      false,
    )
  }

  #write(operations: Parameters<Database['write']>[0], durable: boolean): void {
    const { database, log } = this.#components
    database.write(operations, { durable }).catch((err: unknown) => {
      log.error({ err }, 'alerts could not be written')
    })
  }
}

/** True until the owner has acknowledged it. */
export function isOpen({ seenAt }: Alert): boolean {
  return seenAt === undefined
}

/** Texts may hold what a peer sent: one line each, fit for a terminal, and no longer than it needs to be. */
function cleaned({ hint, kind, peer, what }: AlertInit): AlertInit {
  return {
    kind,
    ...(peer === undefined ? {} : { peer: singleLine(peer, MAX_PEER_CHARS) }),
    what: singleLine(what, MAX_TEXT_CHARS),
    hint: singleLine(hint, MAX_TEXT_CHARS),
  }
}

/**
 * The one to forget: the oldest that was seen, else the oldest of the kind that has most, so that no flood hides another
 * kind. One that stands for the rest of its kind stays.
 */
function leastMissed(alerts: readonly Alert[]): Alert | undefined {
  const seen = alerts.find((alert) => !isOpen(alert))
  if (seen !== undefined) return seen
  const kinds = [...Map.groupBy(alerts, ({ kind }) => kind).values()]
  const most = kinds.reduce((one, other) => (other.length > one.length ? other : one))
  return most.find(({ what }) => what !== REST)
}
