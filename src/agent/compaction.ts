import { cutToBytes } from './cut.ts'
import type { Compaction, Message, SessionHistory } from './ports.ts'

export interface CompactionLimits {
  /** Most messages that go to a model one by one. @default 40 */
  maxMessages: number
  /** Most tokens of a session that go to a model, as `estimatedTokens` counts. @default 16_384 */
  maxTokens: number
  /** Longest summary, in tokens. @default 1_024 */
  summaryTokens: number
}

export const COMPACTION_DEFAULTS: CompactionLimits = {
  maxMessages: 40,
  maxTokens: 16_384,
  summaryTokens: 1_024,
}

/** Bytes of text to a token, as a rule of thumb: English has some 4, so that other languages come out too low. */
const BYTES_PER_TOKEN = 4

/** That a session has to be compacted, why, and how many of its newest messages stay. */
export interface DueCompaction {
  trigger: 'tokens' | 'messages'
  keep: number
}

/** Tokens in `text`, by its length alone: to decide what to send, never to count what was spent. */
export function estimatedTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN)
}

/**
 * What to do about a session that has passed a limit; undefined for one that has not. Half of each limit stays free
 * after it, so that the next message does not pass it again.
 */
export function compactionDue(
  history: SessionHistory,
  { maxMessages, maxTokens }: CompactionLimits,
): DueCompaction | undefined {
  const { messages } = history
  const trigger = historyTokens(history) > maxTokens ? 'tokens' : 'messages'
  if (trigger === 'messages' && messages.length <= maxMessages) return undefined
  let keep = 0
  let tokens = 0
  for (const { text } of messages.toReversed()) {
    tokens += estimatedTokens(text)
    if (keep >= Math.floor(maxMessages / 2) || tokens > maxTokens / 2) break
    keep++
  }
  return { trigger, keep }
}

/**
 * The record of a compaction by which `summary` stands for what is not kept. Undefined stands for a summary that
 * could not be made: the end of what it would be about is cut out instead.
 */
export function compactionOf(
  history: SessionHistory,
  { keep, trigger }: DueCompaction,
  summary: string | undefined,
  { summaryTokens }: CompactionLimits,
): Compaction {
  const maxBytes = summaryTokens * BYTES_PER_TOKEN
  const cut =
    summary === undefined
      ? { text: lastBytes(transcriptOf(history, keep), maxBytes), leftOut: 1 }
      : cutToBytes(summary, maxBytes)
  const kept = keptOf(history, keep)
  return {
    summary: cut.text,
    upTo: history.from + history.messages.length - keep,
    trigger,
    tokensBefore: historyTokens(history),
    tokensAfter: historyTokens({ summary: cut.text, messages: kept }),
    truncated: cut.leftOut > 0,
  }
}

/** What a summary is to be about: all but the newest `keep` messages, and the summary before. */
export function transcriptOf({ messages, summary }: SessionHistory, keep: number): string {
  const older = messages.slice(0, messages.length - keep)
  return [
    ...(summary === undefined ? [] : [`before: ${summary}`]),
    ...older.map(({ role, text }) => `${role}: ${text}`),
  ].join('\n\n')
}

/** The newest `keep` messages. */
export function keptOf({ messages }: SessionHistory, keep: number): readonly Message[] {
  return messages.slice(messages.length - keep)
}

function historyTokens({ messages, summary = '' }: Omit<SessionHistory, 'from'>): number {
  return messages.reduce((sum, { text }) => sum + estimatedTokens(text), estimatedTokens(summary))
}

/** The end of `text`, of at most `maxBytes` of UTF-8, from the start of a code point. */
function lastBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text)
  const { text: before } = cutToBytes(text, Math.max(0, bytes.length - maxBytes))
  const end = text.slice(before.length)
  // The cut went back to the start of a code point, which may be more than fits.
  return Buffer.byteLength(end) <= maxBytes ? end : Array.from(end).slice(1).join('')
}
