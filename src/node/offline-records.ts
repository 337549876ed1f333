import { existsSync } from 'node:fs'
import { KithError, isFailure } from '../protocol/errors.ts'
import type { Database } from '../store/database.ts'
import { withDatabaseCopy } from '../store/store-copy.ts'
import { openAuditJournal } from './audit/audit.ts'
import { auditEntries } from './audit/show.ts'
import type { AuditQuery, ShownEntry } from './audit/show.ts'
import { verifyAudit } from './audit/verify.ts'
import type { AuditVerdict } from './audit/verify.ts'
import { diffSince } from './changes/diff.ts'
import type { Diff } from './changes/diff.ts'
import { readOwnFiles } from './changes/own-files.ts'
import type { Home } from './home.ts'
import { readOwnLog } from './keys/own-log.ts'

/** What has changed in a home whose node does not run. Its store is not written to. */
export async function diffOffline(home: Home, since: number, now: number): Promise<Diff> {
  const { events: keyLog } = await readOwnLog(home.path)
  const files = await readOwnFiles(home)
  return await withStore(home, (database) => diffSince({ database, files, keyLog, now }, since))
}

/** The entries of the audit log of such a home that fit. */
export async function auditOffline(home: Home, query: AuditQuery): Promise<ShownEntry[]> {
  return await withStore(home, async (database) =>
    auditEntries(await openAuditJournal(database), query),
  )
}

/** Whether the audit log of such a home is the one that was written. */
export async function verifyAuditOffline(home: Home): Promise<AuditVerdict> {
  const { events } = await readOwnLog(home.path)
  return await withStore(home, async (database) => {
    const journal = await openAuditJournal(database).catch((err: unknown) => {
      if (isFailure(err, 'corrupt')) return Number(err.details.what.split('/').at(-1))
      throw err
    })
    // There is more than the log says that it has.
    if (typeof journal === 'number') return { intact: false, seq: journal, problem: 'reordered' }
    return await verifyAudit(database, journal, events)
  })
}

/** What `use` gives of a copy of the store. @throws {KithError} `no-identity` where there is none */
async function withStore<T>(home: Home, use: (database: Database) => Promise<T>): Promise<T> {
  if (!existsSync(home.store)) {
    const what = `the node in ${home.path} has never run`
    throw new KithError('no-identity', what, { home: home.path }, { hint: 'kith start' })
  }
  return await withDatabaseCopy(home.store, use)
}
