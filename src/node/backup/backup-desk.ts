import { realpath, unlink } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { KithError, isFailure, toError } from '../../protocol/errors.ts'
import { SOFTWARE } from '../../protocol/software.ts'
import {
  BACKUP_SUFFIX,
  backupFileName,
  backupFilesIn,
  statsIfThere,
  sweepUnplaced,
} from '../../store/backup/backup-files.ts'
import type { BackupProgress } from '../../store/backup/progress.ts'
import { retain } from '../../store/backup/retention.ts'
import type { Lock } from '../../store/backup/seal.ts'
import type { Database } from '../../store/database.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { Home } from '../home.ts'
import { readIdentity } from '../identity.ts'
import { hostZone } from '../zone.ts'
import type { BackupEvent, BackupLog, BackupRecord } from './backup-log.ts'
import { describeIdentity } from './describe-identity.ts'

/** Letters of its id in the names of the backups of a node that has no name. */
const ID_CHARS = 13

/** How the file of a backup is found now. `changed`: it has another length; `unknown`: no entry of the log is of it. */
export type FileStanding = 'there' | 'missing' | 'changed' | 'unknown'

/** A backup, and how its file is found. Of one that is `unknown`, nothing else is said than what its name says. */
export interface FoundBackup extends BackupRecord {
  standing: FileStanding
}

/** One that was just made. */
export interface MadeBackup extends BackupRecord {
  /** What is in the home and not in it: links, sockets, and what is none of kith’s. */
  leftOut: string[]
}

export interface CreateRequest {
  /** Absolute path of a folder, or of a file `….age` that is not there. @default the folder of the config */
  to: string | undefined
  /** @default the recipients of the config */
  lock: Lock | undefined
  /** Who wants it: `self`, or the name of a job. */
  by: string
  onProgress?: (progress: BackupProgress) => void
}

/** How far a backup under way is. */
export interface Working extends BackupProgress {
  phase: 'writing' | 'checking'
}

export interface BackupDeskComponents {
  database: Database
  clock: Pick<Clock, 'now'>
  records: BackupLog
}

/** What comes of a pruning. `spared` are damaged, not there or not made here: the rule says nothing of them. */
export interface Pruning {
  kept: FoundBackup[]
  removed: FoundBackup[]
  spared: FoundBackup[]
}

/** Makes, lists and removes the backups of a home whose store is open here. One is made at a time. */
export class BackupDesk {
  readonly records: BackupLog
  readonly #components: BackupDeskComponents
  readonly #home: Home
  readonly #config: Pick<Config, 'backup' | 'name'>
  #working: Working | undefined

  constructor(
    components: BackupDeskComponents,
    init: { home: Home; config: Pick<Config, 'backup' | 'name'> },
  ) {
    this.records = components.records
    this.#components = components
    this.#home = init.home
    this.#config = init.config
  }

  /** How far the backup is that is being made; undefined when none is. */
  get working(): Working | undefined {
    return this.#working
  }

  get config(): Config['backup'] {
    return this.#config.backup
  }

  /**
   * Makes a backup while the node runs. One that a passphrase opens is read back whole, since the passphrase is at
   * hand; of any other, what counts is that the disk has what was written.
   *
   * @throws {KithError} `busy` while another is made; `usage`; as `createBackup`
   */
  async create(request: CreateRequest, signal?: AbortSignal): Promise<MadeBackup> {
    if (this.#working !== undefined) {
      throw new KithError('busy', 'a backup is being made already', { position: 1 })
    }
    this.#working = { phase: 'writing', doneBytes: 0, totalBytes: 0 }
    try {
      return await this.#create(request, signal)
    } catch (err) {
      const [code, why] = [isFailure(err) ? err.code : 'internal', toError(err).message]
      await this.records.add({ what: 'failed', code, why, by: request.by })
      throw err
    } finally {
      this.#working = undefined
    }
  }

  /** Those that are known, and those in the folder of the config that are not, the newest first. */
  async list(): Promise<FoundBackup[]> {
    const known = await Promise.all(
      this.records
        .list()
        .map(async (record) => ({ ...record, standing: await standingOf(record) })),
    )
    const { to } = this.#config.backup
    const there = to === undefined ? [] : await backupFilesIn(to, await this.#name())
    const strange = there.filter((file) => this.records.get(file) === undefined)
    const found = await Promise.all(strange.map(foundAt))
    return [...known, ...found].toSorted((a, b) => b.backupAt - a.backupAt)
  }

  /** What the rule keeps and removes. Removes it when `remove` is true. */
  async prune({ by, remove }: { by: string; remove: boolean }): Promise<Pruning> {
    const all = await this.list()
    // One that was only found here may be a copy that somebody keeps, or one of these by another path.
    const isJudged = ({ by: maker, standing, verified }: FoundBackup): boolean =>
      maker !== undefined && standing === 'there' && verified?.ok !== false
    const judged = all
      .filter(isJudged)
      .map((found) => ({ found, at: found.backupAt, verified: found.verified?.ok === true }))
    const { kept, removed } = retain(judged, hostZone(), this.#config.backup.keep)
    if (remove) {
      for (const { found } of removed) {
        await unlink(found.file)
        await this.records.add({ what: 'removed', file: found.file, by })
      }
    }
    return {
      kept: kept.map(({ found }) => found),
      removed: removed.map(({ found }) => found),
      spared: all.filter((found) => !isJudged(found)),
    }
  }

  async #create(
    { by, lock = this.#configuredLock(), onProgress, to }: CreateRequest,
    signal: AbortSignal | undefined,
  ): Promise<MadeBackup> {
    const { clock, database } = this.#components
    const file = await this.#placeFor(to)
    await sweepUnplaced(dirname(file), await this.#name(), clock.now())
    // The libraries of the format are loaded when they are needed.
    const { createBackup } = await import('../../store/backup/home-backup.ts')
    const { bytes, leftOut, manifest, sha256 } = await createBackup({
      home: this.#home.path,
      database,
      describe: describeIdentity,
      software: SOFTWARE,
      now: () => clock.now(),
      to: file,
      lock,
      onProgress: (progress) => {
        this.#tell('writing', progress, onProgress)
      },
      ...(signal === undefined ? {} : { signal }),
    })
    const { at: backupAt } = manifest
    const kind = 'passphrase' in lock ? 'passphrase' : 'recipients'
    const made = { what: 'made', file, backupAt, bytes, sha256, lock: kind, by } as const
    await this.records.add(made)
    await this.records.add({
      ...(await this.#check(made, lock, signal, (progress) => {
        this.#tell('checking', progress, onProgress)
      })),
      by,
    })
    const record = this.records.get(file)
    if (record === undefined) throw new TypeError(`${file} is not in the log of backups`)
    return { ...record, leftOut }
  }

  /** Reads back what was just written. */
  async #check(
    { file, sha256 }: Extract<BackupEvent, { what: 'made' }>,
    lock: Lock,
    signal: AbortSignal | undefined,
    onProgress: (progress: BackupProgress) => void,
  ): Promise<Omit<Extract<BackupEvent, { what: 'checked' }>, 'by'>> {
    const { checkBackup } = await import('./check-backup.ts')
    const key = 'passphrase' in lock ? lock : undefined
    const options = { onProgress, ...(signal === undefined ? {} : { signal }) }
    const { how, ok, why } = await checkBackup(file, { key, sha256 }, options)
    return { what: 'checked', file, how, ok, ...(why === undefined ? {} : { why }) }
  }

  #tell(
    phase: Working['phase'],
    progress: BackupProgress,
    onProgress: CreateRequest['onProgress'],
  ): void {
    this.#working = { phase, ...progress }
    onProgress?.(progress)
  }

  #configuredLock(): Lock {
    const { recipients } = this.#config.backup
    if (recipients.length > 0) return { recipients }
    const what = 'no passphrase was given, and config.yaml names no recipients of backups'
    const hint = 'kith backup keygen, then set backup.recipients in config.yaml and restart'
    throw new KithError('usage', what, { what: 'backup.recipients' }, { hint })
  }

  /** The path of the file that a backup goes to. @throws {KithError} `usage` */
  async #placeFor(wanted: string | undefined): Promise<string> {
    const to = wanted ?? this.#config.backup.to
    if (to === undefined) {
      const what = 'nobody has said where backups go'
      const hint = 'kith backup create --to DIR, or set backup.to in config.yaml and restart'
      throw new KithError('usage', what, { what: 'backup.to' }, { hint })
    }
    const isFile = to.endsWith(BACKUP_SUFFIX)
    const folder = isFile ? dirname(resolve(to)) : resolve(to)
    if ((await statsIfThere(folder))?.isDirectory() !== true) {
      const what = `there is no folder ${folder}`
      throw new KithError('usage', what, { what: to }, { hint: `mkdir -m 700 ${folder}` })
    }
    const name = backupFileName(await this.#name(), this.#components.clock.now())
    const file = isFile ? resolve(to) : join(folder, name)
    const isInside = `${await realpath(folder)}${sep}`.startsWith(
      `${await realpath(this.#home.path)}${sep}`,
    )
    if (isInside) {
      const what = `${file} would be in the home that it is for, and lost with it`
      throw new KithError('usage', what, { what: to }, { hint: 'another folder, on another disk' })
    }
    return file
  }

  async #name(): Promise<string> {
    return this.#config.name ?? (await readIdentity(this.#home.path)).id.slice(0, ID_CHARS)
  }
}

async function standingOf({ bytes, file }: BackupRecord): Promise<FileStanding> {
  const stats = await statsIfThere(file)
  if (stats === undefined) return 'missing'
  return stats.size === bytes ? 'there' : 'changed'
}

async function foundAt(file: string): Promise<FoundBackup> {
  const time = /(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.age$/.exec(file) ?? []
  const [year, month, day, hour, minute, second] = time.slice(1).map(Number)
  return {
    file,
    backupAt: Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second),
    bytes: (await statsIfThere(file))?.size ?? 0,
    sha256: '',
    lock: undefined,
    by: undefined,
    verified: undefined,
    drilled: undefined,
    standing: 'unknown',
  }
}
