import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { strictMap } from '../../protocol/strict-map.ts'
import { KEEP_DEFAULTS } from '../../store/backup/retention.ts'
import { atLeastOne, atLeastZero, list } from '../agent-config.ts'

/** The section `backup` of config.yaml: where backups go, who opens them, and which stay. */
export const backupSchema = strictMap({
  /** Folder that backups go to when nobody says otherwise. */
  to: z.exactOptional(z.string().refine(isAbsolute, { message: 'not an absolute path' })),
  /** Who opens them: age recipients (`age1…`). Without any, a backup wants a passphrase, and a job cannot make one. */
  recipients: list.default([]),
  keep: strictMap({
    /** So many days, weeks and months that have a backup keep their newest one. */
    daily: atLeastZero.default(KEEP_DEFAULTS.daily),
    weekly: atLeastZero.default(KEEP_DEFAULTS.weekly),
    monthly: atLeastZero.default(KEEP_DEFAULTS.monthly),
  }).prefault({}),
  warn: strictMap({
    /** Days since the last backup, verification and drill after which `kith doctor` warns. */
    backup_days: atLeastOne.default(7),
    verify_days: atLeastOne.default(31),
    drill_days: atLeastOne.default(31),
  }).prefault({}),
})
