import { readSignedEvent } from '../../protocol/key-event.ts'
import type { KeyEvent } from '../../protocol/key-event.ts'
import { validateKeyLog } from '../../protocol/key-log.ts'

const HOUR_MS = 3_600_000

/**
 * The events of a key log that a recovery at `now` leaves in force: all but what it can still undo at every peer, and
 * an end, which nothing follows. It does not only take the node back from the last event: where a thief has put an
 * event beside one of the owner's, and froze the node, only a recovery in that very place settles it.
 */
export function forkPoint(events: readonly Uint8Array[], now: number): readonly Uint8Array[] {
  const { windowHours } = validateKeyLog(events)
  const read = events.map((signed) => readSignedEvent(signed).event)
  // The recovery key is another one from a recovery on: what is before it is out of reach.
  const last = read.findLastIndex(({ t }) => t === 'icp' || t === 'rec')
  // A peer has first seen an event when it was made, or later.
  const settled = ({ at, t }: KeyEvent): boolean => t !== 'end' && at <= now - windowHours * HOUR_MS
  const undone = read.findIndex((event, sn) => sn > last && !settled(event))
  return undone === -1 ? events : events.slice(0, undone)
}
