import { backupFilesIn, statsIfThere } from '../../store/backup/backup-files.ts'
import type { BackupLog, BackupRecord } from './backup-log.ts'

/** How the file of a backup is found now. `changed`: it has another length; `unknown`: no entry of the log is of it. */
export type FileStanding = 'there' | 'missing' | 'changed' | 'unknown'

/** A backup, and how its file is found. Of one that is `unknown`, nothing else is said than what its name says. */
export interface FoundBackup extends BackupRecord {
  standing: FileStanding
}

/** Those that are known, and those of this `name` in a folder that are not, the newest first. */
export async function findBackups(
  records: Pick<BackupLog, 'get' | 'list'>,
  folder: string | undefined,
  name: string,
): Promise<FoundBackup[]> {
  const known = await Promise.all(
    records.list().map(async (record) => ({ ...record, standing: await standingOf(record) })),
  )
  const there = folder === undefined ? [] : await backupFilesIn(folder, name)
  const strange = there.filter((file) => records.get(file) === undefined)
  const found = await Promise.all(strange.map(foundAt))
  return [...known, ...found].toSorted((a, b) => b.backupAt - a.backupAt)
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
    signed: false,
    verified: undefined,
    drilled: undefined,
    standing: 'unknown',
  }
}
