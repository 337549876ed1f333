import { z } from 'zod'
import { mayFollow } from '../../protocol/ask.ts'
import { judgeKeyLog } from '../../protocol/key-log-judge.ts'
import { uuidTime } from '../../protocol/uuid.ts'
import type { Database, Operation } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import { AskStore } from '../asks/ask-store.ts'
import { failed } from '../asks/run-engine.ts'
import { systemClock } from '../clock.ts'
import { keyLogRecord } from '../key-logs.ts'

/** Kinds of rows of which what the home has counts, and what the backup has besides stays: none is ever taken back. */
const MONOTONE = ['blocked', 'receipts'] as const

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

/** Brings what must never be taken back into a store that comes from a backup. All in one batch, on disk. */
export async function mergeRows(init: MergeRowsInit): Promise<void> {
  const { now, present, staged } = init
  await interruptAsks(staged, now)
  const operations = [
    await raiseEpoch(init),
    ...(await forgetIds(init)),
    ...(present === undefined ? [] : await copyRows(staged, present)),
    ...(present === undefined ? [] : await mergeKeyLogs(staged, present, now)),
  ]
  await staged.write(operations, { durable: true })
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
  const before = (await epochsIn(staged).get('boot')) ?? 0
  const seconds = Math.max(0, Math.ceil((now - at) / 1_000))
  const there = present === undefined ? 0 : ((await epochsIn(present).get('boot')) ?? 0)
  return epochsIn(staged).put('boot', Math.max(before + seconds, there) + 1)
}

async function copyRows(staged: Database, present: Database): Promise<Operation[]> {
  const operations: Operation[] = []
  for (const name of MONOTONE) {
    for await (const [key, value] of present.sublevel(name).iterator()) {
      operations.push({ type: 'put', sublevel: staged.sublevel(name), key, value })
    }
  }
  return operations
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

function epochsIn(database: Database): Repository<number> {
  return new Repository(database, 'epoch', z.int().nonnegative())
}

function forgottenIn(database: Database): Repository<number> {
  return new Repository(database, 'asks-forgotten', z.int())
}
