import type { AskStreamItem } from '../node/control/api.ts'
import { singleLine } from '../protocol/text.ts'
import type { AskEventBody } from '../protocol/verbs.ts'

/** What happens around an answer: a tool is called, or waits for a person. */
export type AskStep = Extract<AskEventBody, { kind: 'tool' | 'approval' }>

/** Longest line about a step, in code points. */
const MAX_STEP_CHARS = 300

/** The body of an event. The node has checked it by the wire's schema. */
export function bodyOf({ body }: Extract<AskStreamItem, { type: 'event' }>): AskEventBody {
  return body as AskEventBody
}

/** A step in one line: its words may be a peer's. */
export function stepText(step: AskStep): string {
  return singleLine(wordsOf(step), MAX_STEP_CHARS)
}

function wordsOf(step: AskStep): string {
  if (step.kind === 'approval') {
    return `${step.state === 'waiting' ? 'waits for approval' : step.state}: ${step.what}`
  }
  return step.state === 'begun' ? `${step.name} …` : `${step.name}: ${step.state}`
}
