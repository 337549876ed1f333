import type { ModelMessage } from 'ai'
import { COMPACTION_DEFAULTS } from '../compaction.ts'
import type { CompactionLimits } from '../compaction.ts'
import { ended } from '../failure.ts'
import { OWNER_NAME } from '../ports.ts'
import type { Engine, EngineAsk, EngineEvent, EngineFailure, NodeFacts } from '../ports.ts'
import type { OwnerFiles } from '../owner-files.ts'
import type { ToolResult, Toolbox } from '../toolbox.ts'
import { answered } from './model/answer.ts'
import type { AnswerTimes } from './model/answer.ts'
import { Catalog } from './model/catalog.ts'
import type { CatalogInit } from './model/catalog.ts'
import { historyOf } from './model/history.ts'
import type { HistoryComponents } from './model/history.ts'
import { messagesOf, systemPrompt } from './model/prompt.ts'
import type { ModelReply, WantedCall } from './model/stream.ts'
import { decodeThread, encodeThread, newThread } from './model/thread.ts'
import type { Thread } from './model/thread.ts'

export interface ModelEngineComponents extends Omit<HistoryComponents, 'catalog'> {
  toolbox: Pick<Toolbox, 'list' | 'call'>
  facts: Pick<NodeFacts, 'describe' | 'zone'>
  /** What the owner has written for the agent, as it is now. */
  texts: Pick<OwnerFiles, 'prompt'>
  /** A text without secrets of this node. */
  redacted: (text: string) => string
}

export interface ModelLimits {
  /** Most answers of a model for one ask, tools between them. @default 16 */
  maxSteps: number
  /** Most calls of tools for one ask. @default 32 */
  maxToolCalls: number
  /** Longest answer, in tokens. @default 4_096 */
  maxOutputTokens: number
}

export interface ModelEngineInit extends CatalogInit {
  limits?: Partial<ModelLimits>
  /** In ms. */
  times?: Partial<AnswerTimes>
  /** When the history of a session is shortened. */
  compaction?: Partial<CompactionLimits>
}

export const MODEL_LIMITS: ModelLimits = { maxSteps: 16, maxToolCalls: 32, maxOutputTokens: 4_096 }

/** A model on a processor of its own may take a minute to begin. */
export const MODEL_TIMES: AnswerTimes = { firstPartMs: 120_000, idleMs: 60_000, maxWaitMs: 30_000 }

/** Lets a chat model answer, with the tools that an ask may use. Each call of a tool goes through the toolbox. */
export class ModelEngine implements Engine {
  readonly name = 'model'
  readonly #components: ModelEngineComponents & HistoryComponents
  readonly #limits: ModelLimits
  readonly #times: AnswerTimes
  readonly #compaction: CompactionLimits

  /** @throws {TypeError} for no model, and for one whose name has no provider that there is */
  constructor(components: ModelEngineComponents, init: ModelEngineInit) {
    this.#components = { ...components, catalog: new Catalog(init) }
    this.#limits = { ...MODEL_LIMITS, ...init.limits }
    this.#times = { ...MODEL_TIMES, ...init.times }
    this.#compaction = { ...COMPACTION_DEFAULTS, ...init.compaction }
    // The library would write to the console what it thinks of a model.
    globalThis.AI_SDK_LOG_WARNINGS = false
  }

  run(ask: EngineAsk, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    return ended(this.#answer(ask, signal), signal)
  }

  /** The events of an answer. Returns why it has no good end, if so. */
  async *#answer(
    ask: EngineAsk,
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent, EngineFailure | undefined> {
    const { clock, facts, texts, toolbox } = this.#components
    const owner = this.#isOwner(ask)
    const node = facts.describe()
    const system = systemPrompt(ask, {
      node,
      owner,
      // Who the owner is and what he remembers is for his own asks.
      texts: await texts.prompt({ mayRecall: owner }),
      now: clock.now(),
      zone: facts.zone(),
    })
    const tools = toolbox.list(ask)
    const thread =
      ask.resume === undefined
        ? await this.#begin(ask, signal)
        : decodeThread(ask.resume.checkpoint)
    yield* this.#callTools(ask, thread, signal, ask.resume?.approval)
    for (;;) {
      const mayCall = this.#mayCall(thread)
      const request = {
        system,
        messages: thread.messages,
        tools,
        mayCall,
        // What a model says before it calls a tool and what it says after are two paragraphs.
        lead: thread.said === '' || thread.said.endsWith('\n') ? '' : '\n\n',
        maxOutputTokens: this.#limits.maxOutputTokens,
      }
      const { place } = thread
      const answer = yield* answered(this.#components, ask, request, place, this.#times, signal)
      if (answer.kind === 'failed') return answer
      const { reply } = answer
      thread.place = answer.place
      thread.steps++
      thread.said += this.#components.redacted(reply.text)
      thread.messages.push(...withoutSecrets(reply.messages, this.#components.redacted))
      if (reply.calls.length === 0) return yield* this.#finish(ask, thread, reply)
      thread.pending.push(...reply.calls)
      yield* this.#callTools(ask, thread, signal)
    }
  }

  async #begin(ask: EngineAsk, signal: AbortSignal): Promise<Thread> {
    const history = await historyOf(this.#components, ask, this.#compaction, this.#times, signal)
    return newThread(messagesOf(ask, this.#isOwner(ask), history))
  }

  /** Makes the calls that wait, in order. The first of them has `approval` when it waits for a person already. */
  async *#callTools(
    ask: EngineAsk,
    thread: Thread,
    signal: AbortSignal,
    approval?: string,
  ): AsyncGenerator<EngineEvent> {
    for (let since = approval; ; since = undefined) {
      const [call] = thread.pending
      if (call === undefined) return
      const result = yield* this.#callTool(ask, call, thread, signal, since)
      thread.pending.shift()
      thread.calls++
      thread.messages.push(toolMessage(call, result))
    }
  }

  async *#callTool(
    ask: EngineAsk,
    { input, malformed, name }: WantedCall,
    thread: Thread,
    signal: AbortSignal,
    approval: string | undefined,
  ): AsyncGenerator<EngineEvent, ToolResult> {
    if (thread.calls >= this.#limits.maxToolCalls) {
      return { state: 'denied', text: 'denied: this ask has used up its calls of tools' }
    }
    if (malformed !== undefined) return { state: 'failed', text: `failed: ${malformed}` }
    // An id of our own: not every model makes one that tells its calls apart.
    const id = `call-${thread.calls + 1}`
    return yield* this.#components.toolbox.call(
      ask,
      { id, name, input },
      { checkpoint: encodeThread(thread), signal, ...(approval === undefined ? {} : { approval }) },
    )
  }

  /** Keeps what was said, where the ask has a session, before the asker learns that it ended well. */
  async *#finish(
    ask: EngineAsk,
    { said }: Thread,
    { finish }: ModelReply,
  ): AsyncGenerator<EngineEvent, undefined> {
    const cut = CUT_BY[finish]
    if (cut !== undefined) yield { kind: 'progress', note: `the answer is not whole: ${cut}` }
    if (ask.session === undefined) return
    const at = this.#components.clock.now()
    await this.#components.sessions.append(ask, [
      { role: 'user', text: ask.text, at },
      { role: 'assistant', text: said, at },
    ])
  }

  /** While another answer and another call are left after this one. */
  #mayCall({ calls, steps }: Thread): boolean {
    return steps + 1 < this.#limits.maxSteps && calls < this.#limits.maxToolCalls
  }

  /** The name alone is not enough: a peer that was ever named `self` must not pass for the owner. */
  #isOwner({ asker }: EngineAsk): boolean {
    return asker.name === OWNER_NAME && asker.id === this.#components.facts.describe().id
  }
}

/** Ends of an answer that leave it short, and what is said of them. */
const CUT_BY: Readonly<Partial<Record<ModelReply['finish'], string>>> = {
  length: 'it reached the longest that it may have',
  'content-filter': 'the provider held the rest back',
}

/** What a model has said, as it may be kept. Its calls of tools stay as they are, or they would do something else. */
function withoutSecrets(
  messages: readonly ModelMessage[],
  redacted: (text: string) => string,
): ModelMessage[] {
  return messages.map((message) => {
    if (message.role !== 'assistant') return message
    const { content } = message
    if (typeof content === 'string') return { ...message, content: redacted(content) }
    const parts = content.map((part) =>
      part.type === 'text' || part.type === 'reasoning'
        ? { ...part, text: redacted(part.text) }
        : part,
    )
    return { ...message, content: parts }
  })
}

function toolMessage({ id, name }: WantedCall, { state, text }: ToolResult): ModelMessage {
  const output = {
    type: state === 'done' ? ('text' as const) : ('error-text' as const),
    value: text,
  }
  return {
    role: 'tool',
    content: [{ type: 'tool-result', toolCallId: id, toolName: name, output }],
  }
}
