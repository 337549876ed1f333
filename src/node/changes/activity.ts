import { z } from 'zod'
import { readSignedEvent } from '../../protocol/key-event.ts'
import { replayKeyLog, stateAtEnd } from '../../protocol/key-log.ts'
import { uuidTime } from '../../protocol/uuid.ts'
import type { Database } from '../../store/database.ts'
import { Journal } from '../../store/journal.ts'
import { Repository } from '../../store/repository.ts'
import { costRecord } from '../agent/cost-record.ts'
import { compactionSchema, sessionSchema } from '../agent/session-records.ts'
import { keyLogRecord } from '../key-logs.ts'
import { isFailed, runSchema } from '../scheduler/run.ts'
import type { Change } from './file-changes.ts'

/** What a node has done in a time. Money is in millionths of a US dollar. */
export interface Activity {
  /** Asks that were begun: those of peers and of the owner here, and those sent to peers. */
  asked: { in: number; out: number }
  /** Sessions in which something was said. */
  sessions: number
  /** Times that a session was shortened, as far as they are remembered. */
  compactions: number
  runs: { ended: number; failed: number }
  cost: { microUsd: number; tokens: number; calls: number; unpriced: number }
}

/** What the rows of this store say of the time since. Reads only. */
export async function activitySince(database: Database, since: number): Promise<Activity> {
  return {
    asked: await askedSince(database, since),
    sessions: await sessionsSince(database, since),
    compactions: await compactionsSince(database, since),
    runs: await runsSince(database, since),
    cost: await costSince(database, since),
  }
}

async function askedSince(database: Database, since: number): Promise<Activity['asked']> {
  const asked = { in: 0, out: 0 }
  const ids = new Repository(database, 'asks-by-id', z.string())
  // The newest first, by the time in the id.
  for await (const [key, record] of ids.entries({ reverse: true })) {
    if (uuidTime(key.slice(0, 36)) < since) break
    if (record.startsWith('out!')) asked.out++
    else asked.in++
  }
  return asked
}

async function sessionsSince(database: Database, since: number): Promise<number> {
  const sessions = new Repository(database, 'sessions', sessionSchema)
  let count = 0
  for await (const { lastAt } of sessions.values()) if (lastAt >= since) count++
  return count
}

async function compactionsSince(database: Database, since: number): Promise<number> {
  const compactions = new Repository(database, 'session-compactions', compactionSchema)
  let count = 0
  for await (const { at } of compactions.values()) if (at >= since) count++
  return count
}

async function runsSince(database: Database, since: number): Promise<Activity['runs']> {
  const runs = new Repository(database, 'runs', runSchema)
  const sum = { ended: 0, failed: 0 }
  for await (const run of runs.values({ reverse: true })) {
    // One that took longer than this is not looked for.
    if (uuidTime(run.run) < since - LONGEST_RUN_MS) break
    if ((run.finalAt ?? 0) < since) continue
    sum.ended++
    if (isFailed(run)) sum.failed++
  }
  return sum
}

const LONGEST_RUN_MS = 2 * 86_400_000

async function costSince(database: Database, since: number): Promise<Activity['cost']> {
  const journal = await Journal.open(database, 'costs', costRecord)
  const cost = { microUsd: 0, tokens: 0, calls: 0, unpriced: 0 }
  const { seq } = journal.head
  for (let to = seq; to > 0; to -= COST_ROWS) {
    const rows = await Array.fromAsync(journal.read({ from: Math.max(1, to - COST_ROWS + 1), to }))
    for (const { at, body } of rows) {
      if (at < since) continue
      cost.calls++
      cost.tokens += body.inputTokens + body.outputTokens
      if (body.microUsd === undefined) cost.unpriced++
      else cost.microUsd += body.microUsd
    }
    if (rows.length === 0 || (rows[0]?.at ?? 0) < since) break
  }
  return cost
}

/** Rows of the journal of costs that are read at once. */
const COST_ROWS = 1_000

/** Key events of this node and of its peers since: those of a peer by when they were seen here. Reads only. */
export async function keyChangesSince(
  database: Database,
  own: readonly Uint8Array[],
  nameOf: (id: string) => string | undefined,
  since: number,
): Promise<Change[]> {
  const changes: Change[] = own.flatMap((signed) => {
    const { event } = readSignedEvent(signed)
    if (event.at < since) return []
    return [{ kind: 'key', subject: 'self', what: `this node: ${WHAT[event.t]}` } as const]
  })
  for await (const { conflict, events, seenAt } of new Repository(
    database,
    'key-logs',
    keyLogRecord,
  ).values()) {
    const { id } = stateAtEnd(replayKeyLog(events))
    const name = nameOf(id)
    if (name === undefined) continue
    events.forEach((signed, sn) => {
      if (sn === 0 || (seenAt[sn] ?? 0) < since) return
      const what = `${name}: ${WHAT[readSignedEvent(signed).event.t]}`
      changes.push({ kind: 'key', subject: name, what })
    })
    if (conflict !== undefined) {
      changes.push({
        kind: 'key',
        subject: name,
        what: `${name} is frozen: two key logs stand against each other`,
      })
    }
  }
  return changes
}

const WHAT = {
  icp: 'was made',
  rot: 'key rotated',
  rec: 'was taken back with its recovery key',
  end: 'retired',
} as const
