import { isFailure } from '../../protocol/errors.ts'
import type { Database } from '../../store/database.ts'
import { auditBodyOf } from './audit-entry.ts'
import { openAuditJournal } from './audit.ts'

/**
 * Adds to the audit log of a store that comes from a backup that it does. Without the log of a home that knows more, it
 * goes on from that of the backup: what peers hold of later entries stands against it from here on, and says so.
 */
export async function recordRestored(
  staged: Database,
  { at, homeCounts, now }: { at: number; homeCounts: boolean; now: number },
): Promise<void> {
  const journal = await openAuditJournal(staged).catch((err: unknown) => {
    // What is wrong with it is for `kith audit verify` to say: a restore is needed all the more.
    if (isFailure(err, 'corrupt')) return undefined
    throw err
  })
  const goesOn = homeCounts ? 'of the home that was there' : 'of the backup'
  const event = auditBodyOf({
    kind: 'restored',
    who: 'owner',
    what: `restored from a backup of ${new Date(at).toISOString()}; this log goes on from that ${goesOn}`,
    details: { backupAt: at, homeCounts },
  })
  await journal?.append(event, now, [], { durable: false })
}
