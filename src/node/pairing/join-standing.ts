import { PAIRING_FINISH_MS } from '../../protocol/limits.ts'
import { pinDue } from '../../protocol/pairing.ts'
import { isOverdue } from '../../protocol/pairing-joiner.ts'
import type { JoinerRecord } from '../../protocol/pairing-joiner.ts'
import { inviteKey } from './pairing-parts.ts'

/** How it stands with an invite that this node redeems. */
export interface JoinStanding {
  invite: string
  /** Our name for the inviter. */
  name: string
  /** Its node id. */
  id: string
  at: number
  /** `half`: the inviter may have pinned us already. `over`: nothing more is tried. */
  state: 'trying' | 'half' | 'paired' | 'over'
  /** Until when it is tried. */
  until: number
  /** Attempts since this process began. */
  attempts: number
  /** Why the last one failed, and when the next is due. */
  lastError?: string
  nextAt?: number
  paired?: { at: number; words: string[] }
}

/** What was tried since this process began. */
export interface AttemptsStanding {
  count: number
  lastError?: string
  nextAt?: number
}

/** How it stands by its record, and by what is tried while something is. */
export function joinStanding(
  record: JoinerRecord,
  attempts: AttemptsStanding | undefined,
  now: number,
): JoinStanding {
  const { at, invite, name, state } = record
  const { count = 0, lastError, nextAt } = attempts ?? {}
  return {
    invite: inviteKey(invite.invite),
    name,
    id: invite.id,
    at,
    state: stateOf(record, now),
    until: state.is === 'half' ? invite.exp + PAIRING_FINISH_MS : invite.exp,
    attempts: count,
    ...(lastError === undefined ? {} : { lastError }),
    ...(lastError === undefined || nextAt === undefined ? {} : { nextAt }),
    ...(state.is === 'paired' ? { paired: { at: state.pairedAt, words: state.words } } : {}),
  }
}

function stateOf(record: JoinerRecord, now: number): JoinStanding['state'] {
  if (isSettled(record)) return 'paired'
  if (isOverdue(record, now)) return 'over'
  return record.state.is === 'half' ? 'half' : 'trying'
}

/** True once the inviter is pinned. */
export function isSettled(record: JoinerRecord): boolean {
  return record.state.is === 'paired' && pinDue(record).length === 0
}
