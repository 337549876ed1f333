import { EMPTY_ANSWER, answerExcess, grown } from '../../protocol/ask.ts'
import type { AnswerSize } from '../../protocol/ask.ts'
import { KithError } from '../../protocol/errors.ts'
import { askEvent, parseBody } from '../../protocol/verbs.ts'
import type { AskCall } from '../../protocol/verbs.ts'
import type { AskRecord, AskStore } from './ask-store.ts'
import { Feed } from './feed.ts'
import type { AskEvent } from './feed.ts'
import type { AskStanding } from './verdict.ts'

/** An ask of ours on its way to its answer. */
export interface OutAsk extends Omit<AskStanding, 'cancelled'> {
  record: AskRecord
  call: AskCall
  feed: Feed
  /** Number of the last event taken, and perhaps still on its way to disk. */
  takenSeq: number
  /** Of all events taken. */
  size: AnswerSize
  /** The peer said it has it on disk. */
  accepted: boolean
  /** Its final is decided, and perhaps still on its way to disk. */
  ended: boolean
  /** Resolves when it is on disk. */
  stored: Promise<void>
  /** Writes of events, one after the other. */
  written: Promise<void>
  /** Ends its delivery: by `cancelled`, and with it the ask; by `stopping`, and the ask waits for the next start. */
  stop: AbortController
  /** Ends a wait for the peer. */
  wake: AbortController
  delivery: Promise<void>
}

export interface OutAskInit extends Pick<OutAsk, 'record' | 'call' | 'stored' | 'wait' | 'sent'> {
  /** What is in of its answer. */
  events: readonly AskEvent[]
}

/** An ask whose delivery has not begun. */
export function outAsk({ call, events, record, sent, stored, wait }: OutAskInit): OutAsk {
  const feed = new Feed(events)
  return {
    record,
    call,
    feed,
    takenSeq: feed.lastSeq,
    size: events.reduce((sum, { body }) => grown(sum, body), EMPTY_ANSWER),
    wait,
    sent,
    accepted: feed.lastSeq > 0,
    tries: sent ? 1 : 0,
    ended: false,
    stored,
    written: Promise.resolve(),
    stop: new AbortController(),
    wake: new AbortController(),
    delivery: Promise.resolve(),
  }
}

/**
 * Stores and shows the next event of the peer; any other was here or comes again.
 *
 * @throws {KithError} `bad-request`, `too-large`
 */
export function takeEvent(
  store: Pick<AskStore, 'addEvent'>,
  ask: OutAsk,
  seq: number,
  body: unknown,
): void {
  const event = { seq, body: parseBody(askEvent, body) }
  if (event.body.kind === 'accepted') {
    ask.accepted = true
    return
  }
  if (seq !== ask.takenSeq + 1) return
  // Before it waits for the disk: what waits is in memory.
  const size = grown(ask.size, event.body)
  const excess = answerExcess(size)
  if (excess !== undefined) throw new KithError('too-large', 'the answer is too long', excess)
  ask.takenSeq = seq
  ask.size = size
  ask.written = ask.written.then(async () => {
    await store.addEvent(ask.record, event)
    ask.feed.push(event)
  })
}
