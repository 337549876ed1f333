import { z } from 'zod'
import { inviteStatus, inviterRecord, revokeInvite } from '../../protocol/pairing-inviter.ts'
import type { Database, Operation } from '../../store/database.ts'
import { Repository } from '../../store/repository.ts'
import { approvalSchema } from '../agent/approval-records.ts'
import { deliverySchema } from '../scheduler/delivery/delivery.ts'
import type { Delivery } from '../scheduler/delivery/delivery.ts'
import { jobStateSchema } from '../scheduler/job-state.ts'
import type { JobState } from '../scheduler/job-state.ts'
import { Runs } from '../scheduler/runs.ts'

/** What is said of a run that was open when a backup was made. */
const WHY = 'this home was restored from a backup, and this may have been done since'

/** What was closed that was open when the backup was made. */
export interface Settled {
  revokedInvites: number
}

/**
 * Closes what is still open in a store that comes from a backup and may have come to its end since: nothing runs, is
 * answered or is redeemed a second time. Where the rows are those of the home that was there, they are as it left them.
 */
export async function settleRestored(
  staged: Database,
  { homeCounts, now }: { homeCounts: boolean; now: number },
): Promise<Settled> {
  // The asks are those of the backup, and have ended: their approvals are nobody's, whoever opened them.
  const operations = await withdrawApprovals(staged, now)
  if (homeCounts) {
    await staged.write(operations, { durable: false })
    return { revokedInvites: 0 }
  }
  operations.push(
    ...(await endRuns(staged, now)),
    ...(await planAnew(staged, now)),
    ...(await endDeliveries(staged, now)),
  )
  const revoked = await revokeInvites(staged, now)
  await staged.write([...operations, ...revoked], { durable: false })
  return { revokedInvites: revoked.length }
}

async function withdrawApprovals(staged: Database, now: number): Promise<Operation[]> {
  const rows = new Repository(staged, 'approvals', approvalSchema)
  const operations: Operation[] = []
  for await (const [key, approval] of rows.entries()) {
    if (approval.state !== 'open') continue
    operations.push(rows.put(key, { ...approval, state: 'withdrawn', closedAt: now }))
  }
  return operations
}

async function endRuns(staged: Database, now: number): Promise<Operation[]> {
  const runs = new Runs(staged)
  const failure = { code: 'interrupted', why: WHY }
  return (await runs.unfinished()).flatMap((run) =>
    runs.put({ ...run, state: 'interrupted', finalAt: now, failure }),
  )
}

/** A time that has passed since has had its run, for all we know: jobs go on with the next one. */
async function planAnew(staged: Database, now: number): Promise<Operation[]> {
  const rows = new Repository(staged, 'jobs', jobStateSchema)
  const operations: Operation[] = []
  for await (const [key, { active, nextAt, ...rest }] of rows.entries()) {
    const isAhead = nextAt !== undefined && nextAt > now
    if (active === undefined && (nextAt === undefined || isAhead)) continue
    const state: JobState = { ...rest, ...(isAhead ? { nextAt } : {}) }
    operations.push(rows.put(key, state))
  }
  return operations
}

/** What was on its way has arrived since, for all we know. A person can have it sent again. */
async function endDeliveries(staged: Database, now: number): Promise<Operation[]> {
  const rows = new Repository(staged, 'deliveries', deliverySchema)
  const open = new Repository(staged, 'deliveries-open', z.null())
  const failure = { code: 'interrupted', why: WHY }
  const operations: Operation[] = []
  for await (const [key, delivery] of rows.entries()) {
    if (delivery.state !== 'waiting') continue
    const dead: Delivery = { ...delivery, state: 'dead', endedAt: now, failure }
    delete dead.nextAt
    operations.push(rows.put(key, dead))
    operations.push(open.del(key))
  }
  return operations
}

async function revokeInvites(staged: Database, now: number): Promise<Operation[]> {
  const rows = new Repository(staged, 'invites', inviterRecord)
  const operations: Operation[] = []
  for await (const [key, record] of rows.entries()) {
    const status = inviteStatus(record, now)
    if (status === 'open' || status === 'pending')
      operations.push(rows.put(key, revokeInvite(record)))
  }
  return operations
}
