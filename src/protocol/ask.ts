import {
  ASK_RETENTION_MS,
  MAX_ANSWER_BYTES,
  MAX_ANSWER_EVENTS,
  MAX_ASK_CLOCK_SKEW_MS,
} from './limits.ts'
import { uuidTime } from './uuid.ts'
import type { ASK_STATES, AskEventBody, AskFinal } from './verbs.ts'

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

/** The state that a final leaves an ask in that was in `from`. */
export function finalState(final: AskFinal, from: AskState): AskState {
  if (final.outcome === 'done') return 'done'
  // Nothing was tried yet, so nothing has failed.
  if (from === 'queued' && final.code === 'denied') return 'refused'
  return stateOfCode(final.code)
}

function stateOfCode(code: string): AskState {
  if (code === 'cancelled' || code === 'interrupted') return code
  return code === 'deadline' ? 'expired' : 'failed'
}

/**
 * What a node that starts does with an ask that has no answer yet. One that was claimed may have run in part, so
 * it never runs again; one that was not has not begun, and waits its turn once more. One that waits for a person
 * goes on from there, if all that it needs is on disk (`parked`): nothing ran since.
 */
export function afterCrash(
  state: AskState,
  { expired, parked }: { expired: boolean; parked: boolean },
): 'interrupt' | 'expire' | 'queue' | 'resume' {
  const resumes = state === 'waiting-approval' && parked
  if (state !== 'received' && state !== 'queued' && !resumes) return 'interrupt'
  if (expired) return 'expire'
  return resumes ? 'resume' : 'queue'
}

/**
 * Why an ask id cannot be taken at `now`, or undefined. Ids are remembered for the retention and no longer, so an
 * id that is older might be one that ran and was forgotten.
 *
 * `forgotten` is the time in the newest id of this asker that was forgotten. With a clock that goes steadily it
 * refuses nothing more: what ended before now − retention had an id of at most that plus the skew. A clock that
 * jumped ahead and back has forgotten ids that look new.
 */
export function idProblem(ask: string, now: number, forgotten?: number): string | undefined {
  const madeAt = uuidTime(ask)
  if (forgotten !== undefined && madeAt <= forgotten) return 'ask: the id is too old'
  if (madeAt > now + MAX_ASK_CLOCK_SKEW_MS) return 'ask: the id was made in the future'
  if (madeAt < now - ASK_RETENTION_MS + MAX_ASK_CLOCK_SKEW_MS) return 'ask: the id is too old'
  return undefined
}

/** How much there is of an answer. */
export interface AnswerSize {
  events: number
  /** Texts and notes, in bytes of UTF-8. */
  bytes: number
}

export const EMPTY_ANSWER: AnswerSize = { events: 0, bytes: 0 }

/** What an event counts for, whatever it says, when there are too many of them. */
const EVENT_BYTES = 64

/** An answer of this size with one more event. */
export function grown({ bytes, events }: AnswerSize, event: AskEventBody): AnswerSize {
  return { events: events + 1, bytes: bytes + Buffer.byteLength(contentOf(event)) }
}

/** By what an answer is too large, as details of `too-large`, or undefined when it is not. */
export function answerExcess({
  bytes,
  events,
}: AnswerSize): { bytes: number; limitBytes: number } | undefined {
  if (bytes > MAX_ANSWER_BYTES) return { bytes, limitBytes: MAX_ANSWER_BYTES }
  if (events <= MAX_ANSWER_EVENTS) return undefined
  return { bytes: events * EVENT_BYTES, limitBytes: MAX_ANSWER_EVENTS * EVENT_BYTES }
}

function contentOf(event: AskEventBody): string {
  switch (event.kind) {
    case 'text':
      return event.text
    case 'progress':
      return event.note
    case 'approval':
      return event.what
    case 'accepted':
    case 'tool':
      return ''
  }
}
