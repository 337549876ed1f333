import type { BackupDesk } from '../backup/backup-desk.ts'
import type { BackupLog } from '../backup/backup-log.ts'
import type { Clock } from '../clock.ts'
import type { Pins } from '../pins.ts'
import { ok } from './finding.ts'
import type { Finding } from './finding.ts'

const DAY_MS = 86_400_000

/** After a restore, who has gone on meanwhile is told for so long. */
const RESTORED_MS = 31 * DAY_MS

type Records = Pick<BackupLog, 'ages' | 'failure' | 'list' | 'restored'>

/** What the checks of backups look at. */
export interface BackupChecked {
  readonly backups: Pick<BackupDesk, 'config'> & { records: Records }
  readonly pins: Pick<Pins, 'keysOf' | 'peers'>
  /** The link to the node with this id, while it is up. */
  readonly links: { get: (id: string) => unknown }
  readonly clock: Pick<Clock, 'now'>
}

/** How old the last backup is, the last reading of one and the last drill, and those that are damaged. */
export function backupFindings({ backups, clock }: BackupChecked): Finding[] {
  const { config, records } = backups
  const { drilledAt, madeAt, verifiedAt } = records.ages
  if (madeAt === undefined && records.list().length === 0) {
    const what = 'this node was never backed up'
    return [{ state: 'warn', what, hint: 'kith backup create --to DIR' }, ...failureOf(records)]
  }
  const now = clock.now()
  const { backup_days, drill_days, verify_days } = config.warn
  const found = [
    ...failureOf(records),
    ...damagedOf(records),
    ...tooOld('backed up', now, madeAt, backup_days, 'kith backup create'),
    ...tooOld('read back', now, verifiedAt, verify_days, 'kith backup verify FILE'),
    ...tooOld('tried out', now, drilledAt, drill_days, 'kith backup drill'),
  ]
  if (found.length > 0) return found
  const ages = [madeAt, verifiedAt, drilledAt].map((at) => daysText(now - (at ?? now)))
  return [ok(`made ${ages[0]}, read back ${ages[1]}, tried out ${ages[2]}`)]
}

/** After a restore: whose keys have moved since the backup, and who has not been met since. */
export function restoreFindings({ backups, clock, links, pins }: BackupChecked): Finding[] {
  const { restored } = backups.records
  if (restored === undefined) return [ok('this home comes from no backup')]
  const of = new Date(restored.backupAt).toISOString()
  const at = `restored ${new Date(restored.at).toISOString()} from a backup of ${of}`
  if (clock.now() - restored.at > RESTORED_MS) return [ok(at)]
  const found = pins.peers().flatMap(({ id, pin, retired, unpinnedUsAt }): Finding[] => {
    const held = id === undefined ? undefined : pins.keysOf(id)?.held
    const movedAt = held !== undefined && held.events.length > 1 ? (held.seenAt.at(-1) ?? 0) : 0
    if (unpinnedUsAt !== undefined && unpinnedUsAt > restored.backupAt) {
      const what = `${pin.name} has unpinned this node since the backup`
      return [{ state: 'warn', what, hint: `kith peers remove ${pin.name}` }]
    }
    if (movedAt > restored.backupAt) {
      const what = `the key of ${pin.name} has moved since the backup; the new one is in force here`
      return [ok(what)]
    }
    if (retired || (id !== undefined && links.get(id) !== undefined)) return []
    const what = `${pin.name} was not met yet: its key may have moved since the backup`
    return [{ state: 'warn', what, hint: `kith ping ${pin.name}` }]
  })
  return [ok(at), ...found]
}

function failureOf({ failure }: Records): Finding[] {
  if (failure === undefined) return []
  const what = `the last backup failed: ${failure.why}`
  return [{ state: 'warn', what, hint: 'kith backup create' }]
}

function damagedOf(records: Records): Finding[] {
  return records.list().flatMap(({ file, verified }): Finding[] => {
    if (verified?.ok !== false) return []
    const what = `${file} is damaged: ${verified.why ?? ''}`
    return [{ state: 'fail', what, hint: `kith backup create, then rm ${file}` }]
  })
}

function tooOld(
  what: string,
  now: number,
  at: number | undefined,
  days: number,
  hint: string,
): Finding[] {
  if (at !== undefined && now - at <= days * DAY_MS) return []
  const last = at === undefined ? 'never' : `last ${daysText(now - at)}`
  return [{ state: 'warn', what: `${what} ${last}, and not for ${days} days`, hint }]
}

function daysText(ms: number): string {
  const days = Math.max(0, Math.floor(ms / DAY_MS))
  return days === 0 ? 'today' : days === 1 ? 'a day ago' : `${days} days ago`
}
