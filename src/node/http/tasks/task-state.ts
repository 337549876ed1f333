import type { AskState } from '../../../protocol/ask.ts'
import type { AskEventBody } from '../../../protocol/verbs.ts'
import type { AskRecord } from '../../asks/ask-store.ts'
import type { TaskState } from './task-routes.ts'

const STATES: Readonly<Record<AskState, TaskState>> = {
  received: 'pending',
  queued: 'pending',
  claimed: 'running',
  running: 'running',
  'waiting-approval': 'waiting-approval',
  done: 'succeeded',
  failed: 'failed',
  refused: 'failed',
  cancelled: 'cancelled',
  expired: 'timed-out',
  interrupted: 'interrupted',
}

/**
 * How the task stands that this ask is. An ask to a peer does not follow the peer through its states here: what the
 * newest event says of them counts.
 */
export function taskState(
  { direction, state }: Pick<AskRecord, 'direction' | 'state'>,
  newest: AskEventBody | undefined,
): TaskState {
  const stands = STATES[state]
  if (direction === 'in' || stands !== 'pending' || newest === undefined) return stands
  const waits = newest.kind === 'approval' && newest.state === 'waiting'
  return waits ? 'waiting-approval' : 'running'
}
