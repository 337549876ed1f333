import { streamText } from 'ai'
import type { FinishReason, LanguageModel, ModelMessage } from 'ai'
import type { EngineEvent } from '../../ports.ts'
import type { ToolCall } from '../../toolbox.ts'
import { ENDLESS, faultOf } from './fault.ts'
import type { ModelFault } from './fault.ts'
import type { TokenCount } from './prices.ts'
import { promptOf } from './request.ts'
import type { ModelRequest } from './request.ts'

/** Most that one call of a model may send, in bytes of UTF-8, whatever limit of tokens it was given. */
export const MAX_REPLY_BYTES = 4_194_304

export type TextEvent = Extract<EngineEvent, { kind: 'text' }>

/** A call of a tool as the model wrote it. `malformed` says why its input is none. */
export interface WantedCall extends ToolCall {
  malformed?: string
}

/** What a model has answered. */
export interface ModelReply {
  finish: FinishReason
  /** All that went out. */
  text: string
  /** Its own words and calls, for the next request. */
  messages: readonly ModelMessage[]
  calls: readonly WantedCall[]
}

/** The end of one call, with what it has used. */
export interface StreamOutcome {
  end:
    | { kind: 'reply'; reply: ModelReply }
    | { kind: 'fault'; fault: ModelFault }
    | { kind: 'aborted' }
  /** True once text went out. */
  spoke: boolean
  /** True if the provider may have begun to work. */
  begun: boolean
  /** What the provider says. */
  usage: TokenCount | undefined
  /** What came from the model, in bytes of UTF-8. */
  outputBytes: number
}

export interface StreamTimes {
  /** Longest wait for the first part of an answer, in ms. */
  firstPartMs: number
  /** Longest wait for each further one, in ms. */
  idleMs: number
}

export interface StreamComponents {
  model: LanguageModel
  scrub: (text: string) => string
  now: () => number
  /** Calls `run` once after `ms`, unless the returned function is called before. */
  after: (ms: number, run: () => void) => () => void
}

/**
 * Calls a model once: yields its text as it comes, and returns how it ended. Does not throw. The connection is closed
 * when this returns, when a signal aborts, and when the text is no longer wanted.
 */
export async function* streamed(
  components: StreamComponents,
  request: ModelRequest,
  times: StreamTimes,
  signals: readonly AbortSignal[],
): AsyncGenerator<TextEvent, StreamOutcome> {
  const call = new OneCall(components, signals)
  try {
    yield* call.parts(request, times)
  } finally {
    call.close()
  }
  return call.outcome
}

class OneCall {
  readonly #components: StreamComponents
  readonly #signals: readonly AbortSignal[]
  readonly #stop = new AbortController()
  #cancelWatch: () => void = () => undefined
  #silent = false
  #text = ''
  readonly outcome: StreamOutcome = {
    end: { kind: 'aborted' },
    spoke: false,
    begun: false,
    usage: undefined,
    outputBytes: 0,
  }

  constructor(components: StreamComponents, signals: readonly AbortSignal[]) {
    this.#components = components
    this.#signals = signals
    for (const signal of signals) {
      if (signal.aborted) this.#abort()
      signal.addEventListener('abort', this.#abort, { once: true })
    }
  }

  readonly #abort = (): void => {
    this.#stop.abort()
  }

  close(): void {
    this.#cancelWatch()
    this.#stop.abort()
    for (const signal of this.#signals) signal.removeEventListener('abort', this.#abort)
  }

  async *parts(
    request: ModelRequest,
    { firstPartMs, idleMs }: StreamTimes,
  ): AsyncGenerator<TextEvent> {
    if (this.#stop.signal.aborted) return
    const { outcome } = this
    const calls: WantedCall[] = []
    let finish: FinishReason | undefined
    this.#watch(firstPartMs)
    try {
      const result = streamText({
        ...promptOf(request),
        model: this.#components.model,
        maxRetries: 0,
        abortSignal: this.#stop.signal,
        // The library prints what it is not told to do otherwise; here it is part of the stream too.
        onError: () => undefined,
      })
      for await (const part of result.stream) {
        this.#cancelWatch()
        switch (part.type) {
          case 'text-delta':
            this.#count(part.text)
            if (part.text !== '') yield this.#say(part.text, request.lead)
            break
          case 'reasoning-delta':
            this.#count(part.text)
            break
          case 'tool-input-delta':
            this.#count(part.delta)
            break
          case 'tool-call':
            calls.push({
              id: part.toolCallId,
              name: part.toolName,
              input: part.input,
              ...(part.invalid === true && typeof part.input === 'string'
                ? { malformed: 'the input is not JSON' }
                : {}),
            })
            break
          case 'finish-step':
            finish = part.finishReason
            outcome.usage = usageOf(part.usage)
            break
          case 'error':
            this.#fail(part.error)
            return
          case 'abort':
            this.#fail(undefined)
            return
          default:
        }
        if (outcome.outputBytes > MAX_REPLY_BYTES) {
          outcome.end = brokenOff('the answer has no end')
          return
        }
        this.#watch(outcome.begun ? idleMs : firstPartMs)
      }
      const { messages } = (await result.finalStep).response
      outcome.end = endOf(outcome, request, {
        finish: finish ?? 'other',
        text: this.#text,
        messages: messages.filter(({ role }) => role === 'assistant'),
        calls,
      })
    } catch (err) {
      this.#fail(err)
    }
  }

  #say(words: string, lead: string): TextEvent {
    const text = this.outcome.spoke ? words : `${lead}${words}`
    this.outcome.spoke = true
    this.#text += text
    return { kind: 'text', text }
  }

  #watch(ms: number): void {
    this.#cancelWatch = this.#components.after(ms, () => {
      this.#silent = true
      this.#stop.abort()
    })
  }

  #count(text: string): void {
    this.outcome.begun = true
    this.outcome.outputBytes += Buffer.byteLength(text)
  }

  #fail(err: unknown): void {
    const { begun } = this.outcome
    if (this.#silent) {
      const message = begun ? 'the model fell silent within its answer' : 'the model does not begin'
      this.outcome.end = { kind: 'fault', fault: { kind: 'silent', message } }
    } else if (!this.#stop.signal.aborted) {
      const { now, scrub } = this.#components
      const fault = faultOf(err, { begun, now: now(), scrub })
      this.outcome.end = { kind: 'fault', fault }
    }
  }
}

function endOf(
  { spoke }: StreamOutcome,
  { mayCall }: ModelRequest,
  reply: ModelReply,
): StreamOutcome['end'] {
  // The library sees to it where it was given tools; without any, a model may still make some up.
  if (!mayCall && reply.calls.length > 0) return { kind: 'fault', fault: ENDLESS }
  if (spoke || reply.calls.length > 0) return { kind: 'reply', reply }
  if (reply.finish === 'content-filter') {
    const message = 'the provider does not let the model answer this'
    return { kind: 'fault', fault: { kind: 'refused', message } }
  }
  const message = `the model said nothing (${reply.finish})`
  return { kind: 'fault', fault: { kind: 'empty', message } }
}

function brokenOff(message: string): StreamOutcome['end'] {
  return { kind: 'fault', fault: { kind: 'broken', message } }
}

function usageOf(usage: {
  inputTokens: number | undefined
  outputTokens: number | undefined
  inputTokenDetails: { cacheReadTokens: number | undefined; cacheWriteTokens: number | undefined }
}): TokenCount | undefined {
  const { inputTokenDetails: cache, inputTokens, outputTokens } = usage
  if (inputTokens === undefined || outputTokens === undefined) return undefined
  return {
    inputTokens,
    outputTokens,
    cacheReadTokens: cache.cacheReadTokens ?? 0,
    cacheWriteTokens: cache.cacheWriteTokens ?? 0,
  }
}
