import { ASK_RETENTION_MS, MAX_ASK_CLOCK_SKEW_MS } from './limits.ts'
import { uuidTime } from './uuid.ts'
import type { ASK_STATES, AskFinal } from './verbs.ts'

/*
 * The life of an ask at its answerer, as a state machine:
 *
 *   received → queued → claimed → running → done | failed | cancelled | expired | interrupted | refused
 *                                   ⇄ waiting-approval
 *
 * `claimed` is on disk before any engine runs, and nothing leads back from it to a state that waits for a claim:
 * that is what makes a second run impossible.
 */

export type AskState = (typeof ASK_STATES)[number]

const NEXT: Readonly<Record<AskState, readonly AskState[]>> = {
  received: ['queued', 'claimed', 'cancelled', 'expired', 'refused'],
  queued: ['claimed', 'cancelled', 'expired', 'refused'],
  claimed: ['running', 'done', 'failed', 'cancelled', 'expired', 'interrupted'],
  running: ['waiting-approval', 'done', 'failed', 'cancelled', 'expired', 'interrupted'],
  'waiting-approval': ['running', 'failed', 'cancelled', 'expired', 'interrupted'],
  done: [],
  failed: [],
  cancelled: [],
  expired: [],
  interrupted: [],
  refused: [],
}

/** True when nothing follows: the ask has its one answer. */
export function isFinal(state: AskState): boolean {
  return NEXT[state].length === 0
}

/** True when an ask may go from one state to the other. */
export function mayFollow(from: AskState, to: AskState): boolean {
  return NEXT[from].includes(to)
}

/** The state that a final leaves an ask in. */
export function finalState(final: AskFinal): AskState {
  return final.outcome === 'done' ? 'done' : stateOfCode(final.code)
}

function stateOfCode(code: string): AskState {
  if (code === 'cancelled' || code === 'interrupted') return code
  return code === 'deadline' ? 'expired' : 'failed'
}

/**
 * What a node that starts does with an ask that has no answer yet. One that was claimed may have run in part, so
 * it never runs again; one that was not has not begun, and waits its turn once more.
 */
export function afterCrash(state: AskState, expired: boolean): 'interrupt' | 'expire' | 'queue' {
  if (state !== 'received' && state !== 'queued') return 'interrupt'
  return expired ? 'expire' : 'queue'
}

/**
 * Why an ask id cannot be taken at `now`, or undefined. Ids are remembered for the retention and no longer, so an
 * id that is older might be one that ran and was forgotten.
 */
export function idProblem(ask: string, now: number): string | undefined {
  const madeAt = uuidTime(ask)
  if (madeAt > now + MAX_ASK_CLOCK_SKEW_MS) return 'ask: the id was made in the future'
  if (madeAt < now - ASK_RETENTION_MS + MAX_ASK_CLOCK_SKEW_MS) return 'ask: the id is too old'
  return undefined
}
