import { EMPTY_ANSWER, grown } from '../../protocol/ask.ts'
import type { AnswerSize } from '../../protocol/ask.ts'
import type { AskEventBody, AskFinal } from '../../protocol/verbs.ts'

/** A numbered piece of an answer. */
export interface AskEvent {
  seq: number
  body: AskEventBody
}

/** The events of an ask under way, and its final when it comes, for any number of readers, each at its own pace. */
export class Feed {
  readonly #events: AskEvent[] = []
  #size: AnswerSize = EMPTY_ANSWER
  #final: AskFinal | undefined
  #failure: Error | undefined
  #news = Promise.withResolvers<void>()

  constructor(events: readonly AskEvent[] = []) {
    for (const event of events) this.#add(event)
  }

  /** How much of an answer it holds. */
  get size(): AnswerSize {
    return this.#size
  }

  get lastSeq(): number {
    return this.#events.at(-1)?.seq ?? 0
  }

  get final(): AskFinal | undefined {
    return this.#final
  }

  push(event: AskEvent): void {
    this.#add(event)
    this.#wake()
  }

  end(final: AskFinal): void {
    this.#final = final
    this.#wake()
  }

  /** Ends every read with `reason`: neither an event nor a final can come any more. */
  fail(reason: Error): void {
    this.#failure = reason
    this.#wake()
  }

  /**
   * The events after `after`, as they come, then the final as the generator's result.
   *
   * @throws the signal's reason, and what the feed failed with
   */
  async *read(after: number, signal?: AbortSignal): AsyncGenerator<AskEvent, AskFinal> {
    // Events are numbered from 1 without a gap, so the next one's place in the list is known.
    let next = Math.max(0, after)
    for (;;) {
      signal?.throwIfAborted()
      const event = this.#events[next]
      if (event !== undefined) {
        next++
        yield event
      } else if (this.#final !== undefined) {
        return this.#final
      } else if (this.#failure !== undefined) {
        throw this.#failure
      } else {
        await orAborted(this.#news.promise, signal)
      }
    }
  }

  #add(event: AskEvent): void {
    this.#events.push(event)
    this.#size = grown(this.#size, event.body)
  }

  #wake(): void {
    this.#news.resolve()
    this.#news = Promise.withResolvers()
  }
}

/** Resolves with `promise`, or as soon as `signal` aborts. */
async function orAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) {
    await promise
    return
  }
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  const onAbort = (): void => {
    resolve()
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
