import { stat } from 'node:fs/promises'
import { sha256OfFile } from '../../store/backup/backup-files.ts'
import { totalBytes } from '../../store/backup/manifest.ts'
import type { Manifest } from '../../store/backup/manifest.ts'
import type { OnProgress } from '../../store/backup/progress.ts'
import { restoreHome } from '../../store/backup/restore.ts'
import type { Key } from '../../store/backup/seal.ts'
import { Database } from '../../store/database.ts'
import { OWNER_NAME } from '../../agent/ports.ts'
import { systemClock } from '../clock.ts'
import { readConfig } from '../config.ts'
import type { Input, Output } from '../control/api.ts'
import { callHandler } from '../control/call-handler.ts'
import { backupHandlers } from '../control/handlers/backups.ts'
import type { BackupRoute, BackupSummary, VerifyReport } from '../control/routes/backups.ts'
import type { Home } from '../home.ts'
import { readIdentity } from '../identity.ts'
import { BackupDesk } from './backup-desk.ts'
import { BackupLog } from './backup-log.ts'
import { checkBackup } from './check-backup.ts'
import { mergeHome } from './merge-home.ts'
import type { MergeReport } from './merge-home.ts'

/** The backups of a home whose node does not run, by the routes of one that does. To be closed. */
export interface OpenedBackups {
  call: <N extends BackupRoute>(
    name: N,
    input: Input<N>,
    signal?: AbortSignal,
  ) => Promise<Output<N>>
  close: () => Promise<void>
}

export interface RestoreReport {
  summary: BackupSummary
  merged: MergeReport
  /** Where the home that was there is kept. */
  before?: string
}

/** @throws {KithError} `locked` while a node has the home; `no-identity` */
export async function openBackups(home: Home, env: NodeJS.ProcessEnv): Promise<OpenedBackups> {
  await readIdentity(home.path)
  const config = await readConfig(home.config, env)
  const database = await Database.open(home.store)
  const records = await BackupLog.open(database, systemClock)
  const backups = new BackupDesk({ database, clock: systemClock, records }, { home, config })
  const handlers = backupHandlers({ backups, home })
  return {
    call: async (name, input, signal) => await callHandler(handlers, name, input, signal),
    close: async () => {
      await database.close()
    },
  }
}

/** Reads a backup whole. With no key, its bytes are compared with the hash. @throws as `checkBackup` */
export async function verifyFile(
  file: string,
  what: { key: Key | undefined; sha256: string },
  onProgress: OnProgress,
  signal?: AbortSignal,
): Promise<VerifyReport> {
  const options = { onProgress, ...(signal === undefined ? {} : { signal }) }
  const { how, manifest, ok, why } = await checkBackup(file, what, options)
  return {
    ...{ how, ok },
    ...(why === undefined ? {} : { why }),
    ...(manifest === undefined
      ? {}
      : { summary: summaryOf(manifest), found: await foundOf(file, manifest) }),
  }
}

/**
 * Puts a backup in the place of a home, or with `dryRun` shows what would come of it.
 *
 * @throws {KithError} as `restoreHome` and `mergeHome`
 */
export async function restoreBackup({
  dryRun,
  file,
  home,
  key,
  onProgress,
  signal,
}: {
  file: string
  key: Key
  home: Home
  dryRun: boolean
  onProgress: OnProgress
  /** Ends it while the home is untouched. */
  signal?: AbortSignal
}): Promise<RestoreReport> {
  const now = Date.now()
  const id = new Date(now).toISOString().replaceAll(/[^0-9TZ]/g, '')
  const { before, manifest, merged } = await restoreHome({
    ...{ file, key, home: home.path, id, dryRun, onProgress, signal },
    merge: async (restoring) => {
      const report = await mergeHome(restoring, now)
      const records = await BackupLog.open(restoring.stagedStore, { now: () => now })
      const { at: backupAt } = restoring.manifest
      await records.add({ what: 'restored', file, backupAt, by: OWNER_NAME })
      return report
    },
  })
  return { summary: summaryOf(manifest), merged, ...(before === undefined ? {} : { before }) }
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
