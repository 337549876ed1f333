import { KithError } from '../../protocol/errors.ts'
import { readSignedEvent } from '../../protocol/key-event.ts'
import type { KeyEvent } from '../../protocol/key-event.ts'
import { isByRecoveryKey } from '../../protocol/key-log-chain.ts'
import { validateKeyLog } from '../../protocol/key-log.ts'
import type { KeyLogState } from '../../protocol/key-log.ts'

const HOUR_MS = 3_600_000

/**
 * The events of a key log that a recovery at `now` leaves in force: all but what it can still undo at every peer, and
 * an end, which nothing follows. It does not only take the node back from the last event: where a thief has put an
 * event beside one of the owner's, and froze the node, only a recovery in that very place settles it.
 *
 * @throws {KithError} as `withoutEnd`
 */
export function forkPoint(events: readonly Uint8Array[], now: number): readonly Uint8Array[] {
  const state = validateKeyLog(events)
  const left = withoutEnd(events, state)
  const read = left.map((signed) => readSignedEvent(signed).event)
  // The recovery key is another one from a recovery on: what is before it is out of reach.
  const last = read.findLastIndex(({ t }) => t === 'icp' || t === 'rec')
  // A peer has first seen an event when it was made, or later.
  const settled = ({ at }: KeyEvent): boolean => at <= now - state.windowHours * HOUR_MS
  const undone = read.findIndex((event, sn) => sn > last && !settled(event))
  return undone === -1 ? left : left.slice(0, undone)
}

/**
 * The events of a key log that says this, without its end, in whose place a recovery stands.
 *
 * @throws {KithError} `retired` for an end that the recovery key has signed: peers that hold it would believe neither
 *   that nor a recovery by the same key, and freeze the node
 */
export function withoutEnd(
  events: readonly Uint8Array[],
  { id, keyInForce, recoveryCommitment }: KeyLogState,
): readonly Uint8Array[] {
  const end = events.at(-1)
  if (keyInForce !== undefined || end === undefined) return events
  // An end leaves the commitments as they were before it.
  const { event } = readSignedEvent(end)
  if (!isByRecoveryKey(event, { recoveryCommitment })) return events.slice(0, -1)
  const what = `the node ${id} was ended with its recovery key, which nothing can undo`
  const hint = 'kith init, for a new node in another home'
  throw new KithError('retired', what, { id }, { hint })
}
