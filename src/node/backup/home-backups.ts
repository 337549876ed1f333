import { stat } from 'node:fs/promises'
import { isFailure } from '../../protocol/errors.ts'
import { sha256OfFile } from '../../store/backup/backup-files.ts'
import { totalBytes } from '../../store/backup/manifest.ts'
import type { Manifest } from '../../store/backup/manifest.ts'
import type { OnProgress } from '../../store/backup/progress.ts'
import { restoreHome } from '../../store/backup/restore.ts'
import type { Key } from '../../store/backup/seal.ts'
import { finishRestore } from '../../store/backup/swap.ts'
import { Database } from '../../store/database.ts'
import { OWNER_NAME } from '../../agent/ports.ts'
import { systemClock } from '../clock.ts'
import { readConfig } from '../config.ts'
import type { Input, Output } from '../control/api.ts'
import { callHandler } from '../control/call-handler.ts'
import { backupHandlers } from '../control/handlers/backups.ts'
import type {
  BackupAuthor,
  BackupRoute,
  BackupSummary,
  VerifyReport,
} from '../control/routes/backups.ts'
import { assertNoDaemon } from '../daemon/daemon-record.ts'
import type { Home } from '../home.ts'
import { openIdentity, readIdentity } from '../identity.ts'
import { Self } from '../self.ts'
import { authorOf, trustIn } from './backup-author.ts'
import type { Wanted } from './backup-author.ts'
import { BackupDesk } from './backup-desk.ts'
import { BackupLog } from './backup-log.ts'
import { checkBackup } from './check-backup.ts'
import { mergeHome } from './merge-home.ts'
import type { MergeReport } from './merge-home.ts'

/** The backups of a home whose node does not run, by the routes of one that does. To be closed. */
export interface OpenedBackups {
  /**
   * Opens the key that signs them. Where it is sealed, `passphrase` is asked for what opens it.
   *
   * @throws {KithError} as `openIdentity`
   */
  openKey: (passphrase: () => Promise<string | undefined>) => Promise<void>
  call: <N extends BackupRoute>(
    name: N,
    input: Input<N>,
    signal?: AbortSignal,
  ) => Promise<Output<N>>
  close: () => Promise<void>
}

export interface RestoreReport {
  summary: BackupSummary
  author: BackupAuthor
  merged: MergeReport
  /** Where the home that was there is kept. */
  before?: string
}

export interface VerifyInit {
  key: Key | undefined
  /** Of the file as it was written, in hexadecimal. Counts where there is no key. */
  sha256: string
  /** The home for which it is read. */
  home: Home
  wanted: Wanted
}

/** @throws {KithError} `locked` while a node has the home; `no-identity` */
export async function openBackups(home: Home, env: NodeJS.ProcessEnv): Promise<OpenedBackups> {
  await readIdentity(home.path)
  const config = await readConfig(home.config, env)
  const database = await Database.open(home.store)
  const records = await BackupLog.open(database, systemClock)
  let self: Self | undefined
  const signer = async (): Promise<Self> =>
    self ?? new Self(await openIdentity(home.path, undefined))
  const components = { database, clock: systemClock, records, signer }
  const backups = new BackupDesk(components, { home, config })
  const handlers = backupHandlers({ backups, home })
  return {
    openKey: async (passphrase) => {
      self = new Self(
        await openIdentity(home.path, undefined).catch(async (err: unknown) => {
          if (!isFailure(err, 'passphrase') || err.details.given) throw err
          return await openIdentity(home.path, await passphrase())
        }),
      )
    },
    call: async (name, input, signal) => await callHandler(handlers, name, input, signal),
    close: async () => {
      await database.close()
    },
  }
}

/** Reads a backup whole. With no key, its bytes are compared with the hash. @throws as `checkBackup` and `trustIn` */
export async function verifyFile(
  file: string,
  { home, key, sha256, wanted }: VerifyInit,
  onProgress: OnProgress,
  signal?: AbortSignal,
): Promise<VerifyReport> {
  const options = { onProgress, ...(signal === undefined ? {} : { signal }) }
  const trust = await trustIn(home.path, wanted)
  const { manifest, ...found } = await checkBackup(file, { key, sha256, trust }, options)
  if (manifest === undefined) return found
  return { ...found, summary: summaryOf(manifest), found: await foundOf(file, manifest) }
}

/**
 * Puts a backup in the place of a home, or with `dryRun` shows what would come of it.
 *
 * @throws {KithError} `locked` while a daemon serves the home; as `restoreHome`, `trustIn`, `authorOf` and `mergeHome`
 */
export async function restoreBackup({
  dryRun,
  file,
  home,
  key,
  onProgress,
  signal,
  wanted,
}: {
  file: string
  key: Key
  home: Home
  wanted: Wanted
  dryRun: boolean
  onProgress: OnProgress
  /** Ends it while the home is untouched. */
  signal?: AbortSignal
}): Promise<RestoreReport> {
  const now = Date.now()
  const id = new Date(now).toISOString().replaceAll(/[^0-9TZ]/g, '')
  // A home whose restore was cut off has its key log back first.
  await finishRestore(home.path)
  // It would go on without its record and its socket, with nobody who can reach it.
  await assertNoDaemon(home.path)
  const trust = await trustIn(home.path, wanted)
  const { before, manifest, merged } = await restoreHome({
    ...{ file, key, home: home.path, id, dryRun, onProgress, signal },
    accept: (backup) => {
      authorOf(backup, trust, now)
    },
    merge: async (restoring) => {
      const author = authorOf(restoring, trust, now)
      const report = await mergeHome(restoring, now)
      const records = await BackupLog.open(restoring.stagedStore, { now: () => now })
      const { at: backupAt } = restoring.manifest
      await records.add({ what: 'restored', file, backupAt, by: OWNER_NAME })
      return { author, report }
    },
  })
  const { author, report } = merged
  const summary = summaryOf(manifest)
  return { summary, author, merged: report, ...(before === undefined ? {} : { before }) }
}

export function summaryOf(manifest: Manifest): BackupSummary {
  const { at, files, keyLog, node, software } = manifest
  const { sn } = keyLog
  return { node, sn, backupAt: at, software, files: files.length, bytes: totalBytes(manifest) }
}

/** What the log of its node needs to know of a file that it may not know. */
export async function foundOf(
  file: string,
  { at, node }: Manifest,
): Promise<NonNullable<Input<'noteBackup'>['found']>> {
  const { size } = await stat(file)
  return { node, backupAt: at, bytes: size, sha256: await sha256OfFile(file) }
}
