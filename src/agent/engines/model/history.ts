import { isFailure, isWireCode } from '../../../protocol/errors.ts'
import { compactionDue, compactionOf, keptOf, transcriptOf } from '../../compaction.ts'
import type { CompactionLimits, DueCompaction } from '../../compaction.ts'
import { cutToBytes } from '../../cut.ts'
import type { EngineAsk, SessionHistory, Sessions } from '../../ports.ts'
import { answered } from './answer.ts'
import type { AnswerComponents, AnswerTimes } from './answer.ts'
import { summaryPrompt } from './prompt.ts'

/** Most of a session that a model is given to shorten, in bytes of UTF-8. */
const MAX_TRANSCRIPT_BYTES = 262_144

export interface HistoryComponents extends AnswerComponents {
  sessions: Sessions
}

/**
 * What was said in the session of `ask`, shortened before when it has passed a limit.
 *
 * @throws {KithError} `store-failed`
 * @throws the signal's reason
 */
export async function historyOf(
  components: HistoryComponents,
  ask: EngineAsk,
  limits: CompactionLimits,
  times: AnswerTimes,
  signal: AbortSignal,
): Promise<SessionHistory> {
  const { sessions } = components
  const history = await sessions.read(ask)
  const due = compactionDue(history, limits)
  if (due === undefined) return history
  const summary = await summaryOf(components, ask, history, due, limits, times, signal)
  const compaction = compactionOf(history, due, summary, limits)
  await sessions.compact(ask, compaction)
  const { summary: kept, upTo } = compaction
  return { summary: kept, messages: keptOf(history, due.keep), from: upTo }
}

/** A model's summary of what is not kept, or undefined when there is none to be had: the ask goes on all the same. */
async function summaryOf(
  components: HistoryComponents,
  ask: EngineAsk,
  history: SessionHistory,
  { keep }: DueCompaction,
  { summaryTokens }: CompactionLimits,
  times: AnswerTimes,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { text: transcript } = cutToBytes(transcriptOf(history, keep), MAX_TRANSCRIPT_BYTES)
  const request = {
    ...summaryPrompt(transcript, summaryTokens),
    tools: [],
    mayCall: false,
    lead: '',
    maxOutputTokens: summaryTokens,
  }
  try {
    const answer = await endOf(answered(components, ask, request, 0, times, signal))
    return answer.kind === 'reply' && answer.reply.text.trim() !== ''
      ? answer.reply.text
      : undefined
  } catch (err) {
    signal.throwIfAborted()
    if (isFailure(err) && isWireCode(err.code)) return undefined
    throw err
  }
}

/** What `generator` returns. What it yields goes nowhere. */
async function endOf<R>(generator: AsyncGenerator<unknown, R>): Promise<R> {
  for (;;) {
    const next = await generator.next()
    if (next.done === true) return next.value
  }
}
