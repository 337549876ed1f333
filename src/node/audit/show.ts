import type { Entry, Journal } from '../../store/journal.ts'
import type { AuditBody } from './audit-entry.ts'
import { hexOf } from './verify.ts'

/** Which entries; all that is given has to fit. */
export interface AuditQuery {
  /** At this time or later, in ms since the epoch. */
  since?: number
  kinds?: readonly string[]
  who?: string
  /** The newest so many. @default all */
  limit?: number
}

/** An entry as it is shown. */
export interface ShownEntry extends AuditBody {
  seq: number
  at: number
  /** In hex. */
  hash: string
}

/** The entries that fit, the oldest first. Reads only. */
export async function auditEntries(
  journal: Pick<Journal<AuditBody>, 'head' | 'read'>,
  query: AuditQuery,
): Promise<ShownEntry[]> {
  const { limit = Number.MAX_SAFE_INTEGER } = query
  const isAny = query.since === undefined && query.kinds === undefined && query.who === undefined
  const from = isAny ? Math.max(1, journal.head.seq - limit + 1) : 1
  const shown: ShownEntry[] = []
  for await (const entry of journal.read({ from })) {
    if (!fits(entry, query)) continue
    shown.push({ seq: entry.seq, at: entry.at, hash: hexOf(entry.hash), ...entry.body })
    if (shown.length > limit) shown.shift()
  }
  return shown
}

function fits({ at, body }: Entry<AuditBody>, { kinds, since = 0, who }: AuditQuery): boolean {
  return (
    at >= since &&
    (kinds === undefined || kinds.includes(body.kind)) &&
    (who === undefined || body.who === who)
  )
}
