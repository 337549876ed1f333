import { unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { OWNER_NAME } from '../../agent/ports.ts'
import { KithError, isFailure, toError } from '../../protocol/errors.ts'
import { SOFTWARE } from '../../protocol/software.ts'
import { backupFileName, sweepUnplaced } from '../../store/backup/backup-files.ts'
import type { BackupProgress } from '../../store/backup/progress.ts'
import type { Lock } from '../../store/backup/seal.ts'
import type { Database } from '../../store/database.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { Home } from '../home.ts'
import { readIdentity } from '../identity.ts'
import { hereLater } from '../supervisor/owner.ts'
import { trustIn } from './backup-author.ts'
import { assertBackupPassphrase } from './backup-keys.ts'
import type { BackupEvent, BackupLog, BackupRecord } from './backup-log.ts'
import { backupPlace } from './backup-place.ts'
import { describeIdentity } from './describe-identity.ts'
import { findBackups } from './found-backups.ts'
import type { FoundBackup } from './found-backups.ts'
import { pruneBackups } from './prune-backups.ts'
import type { Pruning } from './prune-backups.ts'
import { signingBy } from './sign-backup.ts'
import type { BackupSigner } from './sign-backup.ts'

/** Letters of its id in the names of the backups of a node that has no name. */
const ID_CHARS = 13

/** One that was just made. */
export interface MadeBackup extends BackupRecord {
  /** What is in the home and not in it: links, sockets, and what is none of kith’s. */
  leftOut: string[]
  /** Those of them that changed whenever they were read. */
  changing: string[]
}

export interface CreateRequest {
  /** Absolute path of a folder, or of a file `….age` that is not there. @default the folder of the config */
  to: string | undefined
  /** @default the recipients of the config */
  lock: Lock | undefined
  /** Leaves it unsigned. @default false */
  unsigned?: boolean
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
  /** Who signs. It throws where the key cannot be opened. */
  signer: () => Promise<BackupSigner>
}

/** Makes, lists and removes the backups of a home whose store is open here. One is made at a time. */
export class BackupDesk {
  readonly records: BackupLog
  readonly #components: BackupDeskComponents
  readonly #home: Home
  readonly #config: Pick<Config, 'backup' | 'name'>
  #working: Working | undefined
  #making: Promise<unknown> = Promise.resolve()
  #stopping = new AbortController()
  /** What is made is ours, whoever wants it. */
  #ownLater = hereLater()

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
   * Makes a backup while the node runs, signed by it. One that a passphrase opens is read back whole, since the
   * passphrase is at hand; of any other, what counts is that the disk has what was written.
   *
   * @throws {KithError} `busy` while another is made; `usage`; as `createBackup`; what the signer throws
   */
  async create(request: CreateRequest, signal?: AbortSignal): Promise<MadeBackup> {
    if (this.#working !== undefined) {
      throw new KithError('busy', 'a backup is being made already', { position: 1 })
    }
    this.#working = { phase: 'writing', doneBytes: 0, totalBytes: 0 }
    try {
      const ends = [this.#stopping.signal, ...(signal === undefined ? [] : [signal])]
      const made = this.#ownLater(() => this.#create(request, AbortSignal.any(ends)))
      this.#making = made.catch(() => undefined)
      return await made
    } catch (err) {
      const { by, to } = request
      // The owner is told at once of a place that was mistyped, and knows what he has given up.
      const isConfigured = to === undefined && signal?.aborted !== true
      if (by !== OWNER_NAME || isConfigured) {
        const [code, why] = [isFailure(err) ? err.code : 'internal', toError(err).message]
        await this.records.add({ what: 'failed', code, why, by })
      }
      throw err
    } finally {
      this.#working = undefined
    }
  }

  start(): void {
    this.#stopping = new AbortController()
    this.#ownLater = hereLater()
  }

  /** Gives up the one that is being made. Resolves when nothing is. */
  async stop(): Promise<void> {
    this.#stopping.abort(new KithError('stopping', 'this node is stopping', {}))
    await this.#making
  }

  /** Those that are known, and those in the folder of the config that are not, the newest first. */
  async list(): Promise<FoundBackup[]> {
    return await findBackups(this.records, this.#config.backup.to, await this.#name())
  }

  /** What the rule keeps and removes. Removes it when `remove` is true. */
  async prune({ by, remove }: { by: string; remove: boolean }): Promise<Pruning> {
    const { keep } = this.#config.backup
    return await pruneBackups(this.records, () => this.list(), { by, keep, remove })
  }

  async #create(
    { by, lock = this.#configuredLock(), onProgress, to, unsigned = false }: CreateRequest,
    signal: AbortSignal | undefined,
  ): Promise<MadeBackup> {
    const { clock, database, signer } = this.#components
    if ('passphrase' in lock) assertBackupPassphrase(lock.passphrase)
    const name = await this.#name()
    const file = await backupPlace(to ?? this.#config.backup.to, {
      home: this.#home.path,
      name: backupFileName(name, clock.now()),
    })
    const sign = unsigned ? undefined : signingBy(await signer())
    await sweepUnplaced(dirname(file), name, clock.now())
    // The libraries of the format are loaded when they are needed.
    const { createBackup } = await import('../../store/backup/home-backup.ts')
    const { bytes, changing, leftOut, manifest, sha256 } = await createBackup({
      home: this.#home.path,
      database,
      describe: describeIdentity,
      sign,
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
    await this.records.add({
      ...made,
      ...(unsigned ? {} : { signed: true }),
      ...(changing.length === 0 ? {} : { changing }),
    })
    const check = await this.#check(made, lock, signal, (progress) => {
      this.#tell('checking', progress, onProgress)
    }).catch(async (err: unknown) => {
      if (by === OWNER_NAME && signal?.aborted === true) await this.#takeBack(file)
      throw err
    })
    await this.records.add({ ...check, by })
    const record = this.records.get(file)
    if (record === undefined) throw new TypeError(`${file} is not in the log of backups`)
    return { ...record, leftOut, changing }
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
    const trust = await trustIn(this.#home.path, { allowUnsigned: true })
    const options = { onProgress, ...(signal === undefined ? {} : { signal }) }
    const { how, ok, why } = await checkBackup(file, { key, sha256, trust }, options)
    return { what: 'checked', file, how, ok, ...(why === undefined ? {} : { why }) }
  }

  /** Nothing is left of a backup that its owner gives up. */
  async #takeBack(file: string): Promise<void> {
    await unlink(file)
    await this.records.add({ what: 'removed', file, by: OWNER_NAME })
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
    const hint = "kith backup keygen FILE, then: kith config set backup.recipients '[age1…]'"
    throw new KithError('usage', what, { what: 'backup.recipients' }, { hint })
  }

  async #name(): Promise<string> {
    return this.#config.name ?? (await readIdentity(this.#home.path)).id.slice(0, ID_CHARS)
  }
}
