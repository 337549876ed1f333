import { z } from 'zod'
import { mayFollow } from '../../protocol/ask.ts'
import { judgeKeyLog } from '../../protocol/key-log-judge.ts'
import { uuidTime } from '../../protocol/uuid.ts'
import type { Database, Operation } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import { AskStore } from '../asks/ask-store.ts'
import { recordRestored } from '../audit/restored.ts'
import { failed } from '../asks/run-engine.ts'
import { systemClock } from '../clock.ts'
import { keyLogRecord } from '../key-logs.ts'
import { MERGE_RULES } from './merge-rules.ts'
import type { MergeRule } from './merge-rules.ts'
import { settleRestored } from './settle-restored.ts'

/** Rows that are written in one batch. */
const BATCH_ROWS = 1_000

export interface MergeRowsInit {
  /** The store from the backup, to be changed. */
  staged: Database
  /** The store that is there; undefined when there is none, or it cannot be read. */
  present: Database | undefined
  /** When the backup was taken, and now, in ms since the epoch. */
  at: number
  now: number
  /** Node ids of all that may ask. */
  askers: readonly string[]
}

/** What was done to the rows of a backup. */
export interface RowsReport {
  /** True when the home that is there knows more than the backup, so that what it says counts. */
  homeCounts: boolean
  /** Invites that were open in the backup: somebody may have used them since. */
  revokedInvites: number
}

/** Brings what must never be taken back into a store that comes from a backup. On disk when this resolves. */
export async function mergeRows(init: MergeRowsInit): Promise<RowsReport> {
  const { now, present, staged } = init
  const homeCounts = present !== undefined && (await bootsOf(present)) >= (await bootsOf(staged))
  await interruptAsks(staged, now)
  const operations = [
    await raiseEpoch(init),
    ...(await forgetIds(init)),
    ...(present === undefined ? [] : await mergeKeyLogs(staged, present, now)),
  ]
  await staged.write(operations, { durable: false })
  for (const [name, rule] of Object.entries(MERGE_RULES)) {
    if (present !== undefined && takesFrom(rule, homeCounts)) {
      if (rule !== 'union') await clear(staged, name)
      await copy(staged, present, name)
    } else if (rule === 'none' || rule === 'home-or-none') await clear(staged, name)
  }
  const { revokedInvites } = await settleRestored(staged, { homeCounts, now })
  await recordRestored(staged, { at: init.at, homeCounts, now })
  // LevelDB's log is in order: what is synced last is synced with all before it.
  await staged.write([], { durable: true })
  return { homeCounts, revokedInvites }
}

function takesFrom(rule: MergeRule, homeCounts: boolean): boolean {
  // Nobody is unblocked by a home that is older, either.
  return rule === 'union' || (homeCounts && (rule === 'home' || rule === 'home-or-none'))
}

/** What waited then has run since, for all we know: an ask runs at most once. */
async function interruptAsks(staged: Database, now: number): Promise<void> {
  const asks = await AskStore.open(staged, { ...systemClock, now: () => now })
  for (const record of await asks.unfinished()) {
    if (record.direction !== 'in') continue
    const code = mayFollow(record.state, 'interrupted') ? 'interrupted' : 'cancelled'
    await asks.finish(record, failed(code))
  }
}

/** The ids of asks that may have been taken since the backup count as forgotten: nobody can tell whether they ran. */
async function forgetIds({ askers, now, present, staged }: MergeRowsInit): Promise<Operation[]> {
  const newest = new Map<string, number>()
  const raise = (asker: string, at: number): void => {
    newest.set(asker, Math.max(at, newest.get(asker) ?? 0))
  }
  for (const store of present === undefined ? [staged] : [staged, present]) {
    for await (const [asker, at] of forgottenIn(store).entries()) raise(asker, at)
  }
  if (present === undefined) {
    for (const asker of [...askers, ...newest.keys()]) raise(asker, now)
  } else {
    for await (const key of present.sublevel('asks').keys()) {
      const [direction, asker = '', ask = ''] = key.split('!')
      if (direction === 'in') raise(asker, uuidTime(ask))
    }
  }
  return [...newest].map(([asker, at]) => forgottenIn(staged).put(asker, at))
}

/**
 * The number of starts of a node is how another copy of it is told to be older. The one that was backed up may have
 * started since, at most once a second.
 */
async function raiseEpoch({ at, now, present, staged }: MergeRowsInit): Promise<Operation> {
  const before = await bootsOf(staged)
  const seconds = Math.max(0, Math.ceil((now - at) / 1_000))
  const there = present === undefined ? 0 : await bootsOf(present)
  return epochsIn(staged).put('boot', Math.max(before + seconds, there) + 1)
}

async function clear(staged: Database, name: string): Promise<void> {
  const sublevel = staged.sublevel(name)
  let operations: Operation[] = []
  for await (const key of sublevel.keys()) {
    operations.push({ type: 'del', sublevel, key })
    if (operations.length < BATCH_ROWS) continue
    await staged.write(operations, { durable: false })
    operations = []
  }
  await staged.write(operations, { durable: false })
}

async function copy(staged: Database, present: Database, name: string): Promise<void> {
  const sublevel = staged.sublevel(name)
  let operations: Operation[] = []
  for await (const [key, value] of present.sublevel(name).iterator()) {
    operations.push({ type: 'put', sublevel, key, value })
    if (operations.length < BATCH_ROWS) continue
    await staged.write(operations, { durable: false })
    operations = []
  }
  await staged.write(operations, { durable: false })
}

/** What is held here is shown what the backup holds, as a peer would show it: it never shrinks. */
async function mergeKeyLogs(
  staged: Database,
  present: Database,
  now: number,
): Promise<Operation[]> {
  const [theirs, ours] = [keyLogsIn(staged), keyLogsIn(present)]
  const operations: Operation[] = []
  for await (const [id, held] of ours.entries()) {
    const shown = await theirs.get(id)
    const merged = shown === undefined ? held : judgeKeyLog(held, shown.events, now).held
    operations.push(theirs.put(id, merged))
  }
  return operations
}

function keyLogsIn(database: Database): Repository<z.infer<typeof keyLogRecord>> {
  return new Repository(database, 'key-logs', keyLogRecord)
}

async function bootsOf(database: Database): Promise<number> {
  return (await epochsIn(database).get('boot')) ?? 0
}

function epochsIn(database: Database): Repository<number> {
  return new Repository(database, 'epoch', z.int().nonnegative())
}

function forgottenIn(database: Database): Repository<number> {
  return new Repository(database, 'asks-forgotten', z.int())
}
