import { existsSync } from 'node:fs'
import { readSignedEvent } from '../../protocol/key-event.ts'
import type { BackupDesk } from '../backup/backup-desk.ts'
import type { BackupLog } from '../backup/backup-log.ts'
import type { Clock } from '../clock.ts'
import type { Pins } from '../pins.ts'
import type { Self } from '../self.ts'
import { minuteText, ok } from './finding.ts'
import type { Finding } from './finding.ts'

const DAY_MS = 86_400_000

/** A node that is younger is not warned about for want of a backup. */
const FIRST_BACKUP_MS = DAY_MS

/** After a restore, who has gone on meanwhile is told for so long. */
const RESTORED_MS = 31 * DAY_MS

type Records = Pick<BackupLog, 'ages' | 'changing' | 'failure' | 'list' | 'restored'>

/** What the checks of backups look at. */
export interface BackupChecked {
  readonly backups: Pick<BackupDesk, 'config'> & { records: Records }
  readonly pins: Pick<Pins, 'keysOf' | 'peers'>
  /** Its first event says when this node was made. */
  readonly self: Pick<Self, 'events'>
  /** The link to the node with this id, while it is up. */
  readonly links: { get: (id: string) => unknown }
  readonly clock: Pick<Clock, 'now'>
}

/** What the check of a backup's age looks at: none of it needs a node that runs. */
export type BackedUp = Pick<BackupChecked, 'backups' | 'clock' | 'self'>

/** How old the last backup is, the last reading of one and the last drill, and those that are damaged. */
export function backupFindings(node: BackedUp): Finding[] {
  const { clock, backups } = node
  const { config, records } = backups
  const { restored } = records
  const known = records.list()
  const now = clock.now()
  // A home that comes from a backup has one, and has shown that it starts.
  const { madeAt = restored?.backupAt } = records.ages
  const { drilledAt = restored?.at, verifiedAt = restored?.at } = records.ages
  if (madeAt === undefined && known.length === 0) return [neverFinding(node), ...failureOf(records)]
  const firstAt = Math.min(madeAt ?? now, ...known.map(({ backupAt }) => backupAt))
  const { backup_days, drill_days, verify_days } = config.warn
  const found = [
    ...failureOf(records),
    ...changingOf(records),
    ...damagedOf(records),
    ...tooOld('made', now, madeAt, firstAt, backup_days, 'kith backup create'),
    ...tooOld('read back', now, verifiedAt, firstAt, verify_days, 'kith backup verify FILE'),
    ...tooOld('tried out', now, drilledAt, firstAt, drill_days, 'kith backup drill'),
  ]
  if (found.length > 0) return found
  const ages = [
    agoText('made', now, madeAt),
    agoText('read back', now, verifiedAt),
    agoText('tried out', now, drilledAt),
  ]
  return [ok(ages.join(', '))]
}

/** Of a node without a backup: its first day is for looking round. */
function neverFinding({ clock, self }: BackedUp): Finding {
  const [inception = new Uint8Array(0)] = self.events
  const isNew = clock.now() - readSignedEvent(inception).event.at < FIRST_BACKUP_MS
  const hint = 'kith backup create --to DIR'
  return isNew
    ? { state: 'ok', what: 'none yet, as this node is new', hint }
    : { state: 'warn', what: 'this node was never backed up', hint }
}

/** After a restore: whose keys have moved since the backup, and who has not been met since. */
export function restoreFindings({ backups, clock, links, pins }: BackupChecked): Finding[] {
  const { restored } = backups.records
  if (restored === undefined) return [ok('this home comes from no backup')]
  const at = `restored ${minuteText(restored.at)} from a backup of ${minuteText(restored.backupAt)}`
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

function changingOf({ changing }: Records): Finding[] {
  if (changing === undefined) return []
  const what = `the last backup has no ${changing.files.join(', ')}: it changed whenever it was read`
  const hint = 'kith backup create, while nothing writes to it, or move it out of workspace/'
  return [{ state: 'warn', what, hint }]
}

function damagedOf(records: Records): Finding[] {
  return records.list().flatMap(({ file, verified }): Finding[] => {
    // Whoever has removed it by hand has done what was to be done.
    if (verified?.ok !== false || !existsSync(file)) return []
    const what = `${file} is damaged: ${verified.why ?? ''}`
    return [{ state: 'fail', what, hint: `kith backup create, then rm ${file}` }]
  })
}

/** Nothing while what is `done` with backups is not longer ago, since the first one, than so many days. */
function tooOld(
  done: string,
  now: number,
  at: number | undefined,
  firstAt: number,
  days: number,
  hint: string,
): Finding[] {
  const ageMs = now - (at ?? firstAt)
  if (ageMs <= days * DAY_MS) return []
  const span = `for ${Math.floor(ageMs / DAY_MS)} days`
  const what = at === undefined ? `no backup was ever ${done}` : `no backup was ${done} ${span}`
  return [{ state: 'warn', what, hint }]
}

function agoText(done: string, now: number, at: number | undefined): string {
  if (at === undefined) return `never ${done}`
  const days = Math.max(0, Math.floor((now - at) / DAY_MS))
  return `${done} ${days === 0 ? 'today' : days === 1 ? 'a day ago' : `${days} days ago`}`
}
