import { parseDocument } from 'yaml'
import type { Database } from '../../store/database.ts'
import { activitySince, keyChangesSince } from './activity.ts'
import type { Activity } from './activity.ts'
import { fileChanges } from './file-changes.ts'
import type { Change } from './file-changes.ts'
import type { OwnFiles } from './own-files.ts'
import { States } from './states.ts'

/** What is different from how it was, and what was done in between. Times are ms since the epoch. */
export interface Diff {
  since: number
  until: number
  /** Of when the state is that was compared: the last one at or before `since`, or the first there is. */
  comparedWith?: number
  changes: Change[]
  activity: Activity
}

export interface DiffSource {
  database: Database
  /** The files as they are now. */
  files: OwnFiles
  /** The node's own key log. */
  keyLog: readonly Uint8Array[]
  now: number
}

/** What has changed since. Reads only: two diffs in a row differ in nothing but the time. */
export async function diffSince(source: DiffSource, since: number): Promise<Diff> {
  const { database, files, keyLog, now } = source
  const state = await new States(database).at(since)
  const names = namesIn(files)
  const keys = await keyChangesSince(database, keyLog, (id) => names.get(id), since)
  return {
    since,
    until: now,
    ...(state === undefined ? {} : { comparedWith: state.at }),
    changes: [...(state === undefined ? [] : fileChanges(state.files, files)), ...keys],
    activity: await activitySince(database, since),
  }
}

/** Our names for the nodes in peers.yaml, by id. */
function namesIn({ peers = '' }: OwnFiles): Map<string, string> {
  const value: unknown = parseDocument(peers, { version: '1.2' }).toJS({ maxAliasCount: 0 })
  const rows = typeof value === 'object' && value !== null && 'peers' in value ? value.peers : []
  const names = new Map<string, string>()
  for (const row of Array.isArray(rows) ? (rows as unknown[]) : []) {
    if (typeof row !== 'object' || row === null || !('id' in row) || !('name' in row)) continue
    if (typeof row.id === 'string' && typeof row.name === 'string') names.set(row.id, row.name)
  }
  return names
}
