import { z } from 'zod'
import type { Database } from '../../store/database.ts'
import { Journal } from '../../store/journal.ts'
import type { Entry } from '../../store/journal.ts'
import type { Clock } from '../clock.ts'

/** Entries that are kept: a backup an hour for half a year, each made, checked and removed. */
const MAX_ENTRIES = 20_000
const PRUNE_ENTRIES = 1_000

/** What is said of a file that has other bytes than those that were written. */
export const NOT_AS_WRITTEN = 'it is not what was written'

const uint = z.int().nonnegative()
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

/** Who did it: `self` for the owner, else the name of a job. */
const by = z.string()

/**
 * How a backup was looked at. `hash`: its bytes are those that were written, whoever can open them. `content`: it was
 * opened, and every byte of it is right. `drill`: a node was started from it.
 */
const CHECK_WAYS = ['hash', 'content', 'drill'] as const
export type CheckWay = (typeof CHECK_WAYS)[number]

const made = z.strictObject({
  what: z.literal('made'),
  /** Its absolute path. */
  file: z.string(),
  /** When its store was as it is in it, in ms since the epoch. */
  backupAt: uint,
  /** Of the sealed file. */
  bytes: uint,
  sha256,
  lock: z.enum(['passphrase', 'recipients']),
  by,
  /** Its node has signed it. */
  signed: z.exactOptional(z.literal(true)),
  /** Files that are not in it, since they changed whenever they were read. */
  changing: z.exactOptional(z.array(z.string())),
})

const checked = z.strictObject({
  what: z.literal('checked'),
  file: z.string(),
  how: z.enum(CHECK_WAYS),
  ok: z.boolean(),
  why: z.exactOptional(z.string()),
  by,
  /** Of a file that this node did not make, or has forgotten: what it is. */
  found: z.exactOptional(z.strictObject({ backupAt: uint, bytes: uint, sha256 })),
})

const backupEvent = z.discriminatedUnion('what', [
  made,
  checked,
  z.strictObject({ what: z.literal('failed'), code: z.string(), why: z.string(), by }),
  z.strictObject({ what: z.literal('removed'), file: z.string(), by }),
  /** This home comes from a backup. */
  z.strictObject({ what: z.literal('restored'), file: z.string(), backupAt: uint, by }),
])

export type BackupEvent = z.infer<typeof backupEvent>

/** The last look at a backup of one kind: when, and what came of it. */
export interface CheckResult {
  at: number
  how: CheckWay
  ok: boolean
  why?: string
}

/** A backup that is known, and what was found of it. */
export interface BackupRecord {
  file: string
  backupAt: number
  bytes: number
  sha256: string
  lock: 'passphrase' | 'recipients' | undefined
  by: string | undefined
  signed: boolean
  /** The last reading of it, by whatever way, and the last drill. */
  verified: CheckResult | undefined
  drilled: CheckResult | undefined
}

/** What was done last, in ms since the epoch. */
export interface BackupAges {
  madeAt: number | undefined
  verifiedAt: number | undefined
  drilledAt: number | undefined
}

/**
 * The journal of a node's backups: made, checked, removed, restored. What is known of each file is what its entries
 * say, so that nothing can be changed in the one and not in the other.
 */
export class BackupLog {
  readonly #clock: Pick<Clock, 'now'>
  readonly #journal: Journal<BackupEvent>
  readonly #files = new Map<string, BackupRecord>()
  readonly #last = new Map<string, Entry<BackupEvent>>()

  private constructor(clock: Pick<Clock, 'now'>, journal: Journal<BackupEvent>) {
    this.#clock = clock
    this.#journal = journal
  }

  /** The log in this store. @throws {KithError} `corrupt` */
  static async open(database: Database, clock: Pick<Clock, 'now'>): Promise<BackupLog> {
    const log = new BackupLog(clock, await Journal.open(database, 'backup-log', backupEvent))
    for await (const entry of log.#journal.read()) log.#take(entry)
    return log
  }

  /** Notes what was done. On disk when this resolves. */
  async add(event: BackupEvent): Promise<void> {
    const at = this.#clock.now()
    const written = this.#journal.append(event, at, [], { durable: true })
    const { hash, seq } = this.#journal.head
    this.#take({ seq, hash, prev: hash, at, body: event })
    await written
    if (seq % PRUNE_ENTRIES === 0) await this.#journal.pruneBefore(seq - MAX_ENTRIES)
  }

  /** All that were made or found and not removed, the newest first. */
  list(): BackupRecord[] {
    return [...this.#files.values()].toSorted((a, b) => b.backupAt - a.backupAt)
  }

  get(file: string): BackupRecord | undefined {
    return this.#files.get(file)
  }

  get ages(): BackupAges {
    const [verifiedAt, drilledAt] = [this.#last.get('verified')?.at, this.#last.get('drilled')?.at]
    const read = [verifiedAt, drilledAt].filter((at) => at !== undefined)
    return {
      madeAt: this.#last.get('made')?.at,
      // Who starts a node from a backup has read all of it.
      verifiedAt: read.length === 0 ? undefined : Math.max(...read),
      drilledAt,
    }
  }

  /** The last try to make a backup, if it failed. */
  get failure(): { at: number; why: string } | undefined {
    const [failed, good] = [this.#last.get('failed'), this.#last.get('made')]
    if (failed?.body.what !== 'failed' || (good !== undefined && good.seq > failed.seq)) return
    return { at: failed.at, why: failed.body.why }
  }

  /** What the last backup left out, since it changed whenever it was read. */
  get changing(): { at: number; files: readonly string[] } | undefined {
    const last = this.#last.get('made')
    if (last?.body.what !== 'made' || last.body.changing === undefined) return undefined
    return { at: last.at, files: last.body.changing }
  }

  /** The last restore of this home: when, and of a backup of when. */
  get restored(): { at: number; backupAt: number } | undefined {
    const entry = this.#last.get('restored')
    return entry?.body.what === 'restored'
      ? { at: entry.at, backupAt: entry.body.backupAt }
      : undefined
  }

  #take(entry: Entry<BackupEvent>): void {
    const { at, body } = entry
    switch (body.what) {
      case 'made': {
        const { backupAt, bytes, by: who, file, lock, sha256: hash, signed = false } = body
        const known = { file, backupAt, bytes, sha256: hash, lock, by: who, signed }
        this.#files.set(file, { ...known, verified: undefined, drilled: undefined })
        break
      }
      case 'checked':
        this.#takeCheck(body, at)
        if (body.ok) this.#last.set(body.how === 'drill' ? 'drilled' : 'verified', entry)
        return
      case 'removed':
        this.#files.delete(body.file)
        break
      case 'failed':
      case 'restored':
        break
    }
    this.#last.set(body.what, entry)
  }

  #takeCheck({ file, found, how, ok, why }: z.infer<typeof checked>, at: number): void {
    const known = this.#files.get(file) ?? foundRecord(file, found)
    if (known === undefined) return
    const result: CheckResult = { at, how, ok, ...(why === undefined ? {} : { why }) }
    this.#files.set(file, {
      ...known,
      verified: result,
      ...(how === 'drill' ? { drilled: result } : {}),
    })
  }
}

function foundRecord(
  file: string,
  found: z.infer<typeof checked>['found'],
): BackupRecord | undefined {
  if (found === undefined) return undefined
  const unknown = { lock: undefined, by: undefined, verified: undefined, drilled: undefined }
  return { file, ...found, ...unknown, signed: false }
}
