import { z } from 'zod'
import { blankState, jobStateSchema } from '../job-state.ts'
import type { Aftermath } from '../job-store.ts'
import { grantLease } from '../lease.ts'
import type { Lease } from '../lease.ts'
import { isEnded, runSchema } from '../run.ts'
import type { Outcome, Run } from '../run.ts'
import { claimed, closed, isSame } from '../steps.ts'
import type { Step } from '../steps.ts'
import type { Token } from './due-queue.ts'

/** Key of the job list, beside those of the jobs. */
export const LIST_KEY = 'list'

const KEY_PREFIX = 'job.'

const recordSchema = z.strictObject({
  format: z.literal(1),
  state: jobStateSchema,
  /** Runs that have not ended, the oldest first. */
  open: z.array(runSchema),
  /** Those that have, until they are among all that have: one write changes one record. */
  ended: z.array(runSchema),
})

/** All that changes together of a job: as one value, whose revision is the fence. */
export type JobRecord = z.infer<typeof recordSchema>

/** What a token says of the run that it is for. */
export type TokenUse =
  /** It waits for this attempt. */
  | 'waiting'
  /** This attempt is under way, and its lease has run out: nobody has the token. */
  | 'lapsed'
  /** This attempt has ended. */
  | 'past'

export function blankRecord(job: string): JobRecord {
  return { format: 1, state: blankState(job), open: [], ended: [] }
}

export function keyOf(job: string): string {
  return `${KEY_PREFIX}${job}`
}

/** The job whose record has this key; undefined for other keys. */
export function jobOf(key: string): string | undefined {
  return key.startsWith(KEY_PREFIX) ? key.slice(KEY_PREFIX.length) : undefined
}

export function encodeRecord(record: JobRecord): string {
  return JSON.stringify(record)
}

/** @throws when it is none, as one of a later kith is */
export function decodeRecord(text: string): JobRecord {
  return recordSchema.parse(JSON.parse(text))
}

/** The record after a run that waits was added to it. */
export function withRun(record: JobRecord, run: Run): JobRecord {
  return { ...record, open: [...record.open, run] }
}

/**
 * The record with the run under way that a token is for, at this node; undefined when it does not wait for that. The
 * lease is `lease` with the version of the record.
 */
export function begun(
  record: JobRecord,
  token: Token,
  node: string,
  { expiresAt, token: chance, ttlMs }: Omit<Lease, 'version'>,
): { record: JobRecord; run: Run; lease: Lease } | undefined {
  const { active, version } = record.state
  const run = record.open.find((open) => open.run === token.run)
  if (run === undefined || active !== undefined || useOf(token, record) !== 'waiting') {
    return undefined
  }
  const now = expiresAt - ttlMs
  const lease = grantLease(version, chance, now, ttlMs)
  const step = claimed(record.state, { ...run, node }, lease, now)
  return { record: stepped(record, step), run: step.run, lease }
}

/** The record after an attempt of a run that is still as it was seen; undefined when it is not. */
export function concluded(
  record: JobRecord,
  seen: Run,
  outcome: Outcome,
  now: number,
  after: Aftermath,
): { record: JobRecord; run: Run } | undefined {
  const run = record.open.find((open) => open.run === seen.run)
  if (run === undefined || !isSame(run, seen)) return undefined
  const step = closed(record.state, run, outcome, now, after)
  return { record: stepped(record, step), run: step.run }
}

/** What to do with a token, by the record of its job as it is now. */
export function useOf(token: Token, { open, state }: JobRecord): TokenUse {
  const run = open.find((one) => one.run === token.run)
  if (run?.state === 'queued' && run.attempts + 1 === token.attempt) return 'waiting'
  const running = run?.state === 'running' && run.attempts === token.attempt
  return running && state.active?.run === token.run ? 'lapsed' : 'past'
}

/** The record after a step of one of its open runs. */
function stepped(record: JobRecord, { run, state }: Step): JobRecord {
  if (isEnded(run)) {
    const open = record.open.filter((one) => one.run !== run.run)
    return { ...record, state, open, ended: [...record.ended, run] }
  }
  const open = record.open.map((one) => (one.run === run.run ? run : one))
  return { ...record, state, open }
}
