import { OWNER_NAME } from '../../../agent/ports.ts'
import type { BackupDesk } from '../../backup/backup-desk.ts'
import type { FoundBackup } from '../../backup/found-backups.ts'
import type { Home } from '../../home.ts'
import { readIdentity } from '../../identity.ts'
import type { BACKUP_ROUTES, BackupReport } from '../routes/backups.ts'
import type { HandlersOf } from '../routes/route.ts'

export interface BackupNode {
  readonly backups: BackupDesk
  readonly home: Pick<Home, 'path'>
}

export function backupHandlers({ backups, home }: BackupNode): HandlersOf<typeof BACKUP_ROUTES> {
  return {
    backups: async () => {
      const { drilledAt, madeAt, verifiedAt } = backups.records.ages
      const { recipients, to } = backups.config
      return {
        backups: (await backups.list()).map(reportOf),
        ages: {
          ...(madeAt === undefined ? {} : { madeAt }),
          ...(verifiedAt === undefined ? {} : { verifiedAt }),
          ...(drilledAt === undefined ? {} : { drilledAt }),
        },
        ...(to === undefined ? {} : { to }),
        recipients,
      }
    },
    // Whoever hangs up has given up: nothing is left of it then.
    createBackup: async ({ passphrase, recipients, to, unsigned = false }, signal) => {
      const given = recipients === undefined ? undefined : { recipients }
      const lock = passphrase === undefined ? given : { passphrase }
      const request = { to, lock, unsigned, by: OWNER_NAME }
      const { changing, leftOut, ...made } = await backups.create(request, signal)
      return { ...reportOf({ ...made, standing: 'there' }), leftOut, changing }
    },
    backupProgress: async () =>
      backups.working ?? { phase: 'idle' as const, doneBytes: 0, totalBytes: 0 },
    noteBackup: async ({ file, found, how, ok, why }) => {
      const { id } = await readIdentity(home.path)
      // Of another node's, nothing is kept here: no rule of this node shall remove it.
      if (backups.records.get(file) === undefined && found?.node !== id) return {}
      const { backupAt, bytes, sha256 } = found ?? {}
      const isNew = backupAt !== undefined && bytes !== undefined && sha256 !== undefined
      await backups.records.add({
        what: 'checked',
        ...{ file, how, ok, by: OWNER_NAME },
        ...(why === undefined ? {} : { why }),
        ...(isNew ? { found: { backupAt, bytes, sha256 } } : {}),
      })
      return {}
    },
    pruneBackups: async ({ remove }) => {
      const { kept, removed, spared } = await backups.prune({ by: OWNER_NAME, remove })
      return {
        kept: kept.map(reportOf),
        removed: removed.map(reportOf),
        spared: spared.map(reportOf),
      }
    },
  }
}

function reportOf(found: FoundBackup): BackupReport {
  const { backupAt, by, bytes, drilled, file, lock, sha256, signed, standing, verified } = found
  return {
    ...{ file, backupAt, bytes, standing },
    ...(sha256 === '' ? {} : { sha256 }),
    ...(lock === undefined ? {} : { lock }),
    ...(by === undefined ? {} : { by }),
    ...(signed ? { signed } : {}),
    ...(verified === undefined ? {} : { verified }),
    ...(drilled === undefined ? {} : { drilled }),
  }
}
