import { KithError, isFailure } from '../protocol/errors.ts'
import { singleLine } from '../protocol/text.ts'
import { cutToBytes } from './cut.ts'
import type { ApprovalEvent, EngineAsk, EngineEvent } from './ports.ts'
import { MAX_WHAT_CHARS } from './shown.ts'
import type { ToolGuard, Waiting } from './tool-guard.ts'
import type { Tool, ToolOutput, ToolSpec } from './tools/tool.ts'
import { framed } from './untrusted.ts'

/** Most of what a tool says that an engine is shown, in bytes of UTF-8. */
export const MAX_OUTPUT_BYTES = 65_536

/** Longest name of a tool, and longest id of a call, in code points: both are an engine's own words. */
export const MAX_NAME_CHARS = 64

/** A call of a tool, as a model makes it. */
export interface ToolCall {
  /** Tells the calls of one ask apart. */
  id: string
  name: string
  input: unknown
}

export interface ToolResult {
  state: 'done' | 'failed' | 'denied'
  /** For the engine. What came from outside is framed as data. */
  text: string
}

/** One call, once it has ended, for the logs. */
export interface ToolRecord {
  ask: EngineAsk
  call: string
  tool: string
  /** What was to be done, in one line. Absent when it was refused before that was looked at. */
  what?: string
  state: ToolResult['state']
  /** What went wrong, for our own operator. */
  cause?: unknown
}

export interface ToolboxComponents {
  guard: ToolGuard
  onCall: (record: ToolRecord) => void
}

/** The tools of a node, as engines use them: what an ask may not do, it cannot do here. */
export class Toolbox {
  readonly #components: ToolboxComponents
  readonly #tools: ReadonlyMap<string, Tool>
  readonly #more: () => readonly Tool[]

  /**
   * `more` gives tools that come and go, such as those of MCP servers: none has a name that one of `tools` has.
   *
   * @throws {TypeError} for two tools of one name
   */
  constructor(
    components: ToolboxComponents,
    tools: readonly Tool[],
    more: () => readonly Tool[] = () => [],
  ) {
    this.#components = components
    this.#tools = new Map(tools.map((tool) => [tool.name, tool]))
    this.#more = more
    if (this.#tools.size !== tools.length) throw new TypeError('two tools have one name')
  }

  /** The tools that `ask` may use. @throws {KithError} `denied` for presets that there are not */
  list(ask: EngineAsk): ToolSpec[] {
    return [...this.#tools.values(), ...this.#more()]
      .filter((tool) => this.#components.guard.covers(ask, tool))
      .map(({ name, description, inputSchema }) => ({ name, description, inputSchema }))
  }

  /**
   * Makes one call, if it may be made, and returns what the engine is told of it. A tool that fails or is refused
   * is a result. With an approval, the call was begun before a restart: it goes on from there.
   *
   * @throws {KithError} `store-failed`
   * @throws the signal's reason, once it is aborted
   */
  async *call(
    ask: EngineAsk,
    call: ToolCall,
    waiting: Waiting,
  ): AsyncGenerator<EngineEvent, ToolResult> {
    const event = {
      kind: 'tool',
      call: singleLine(call.id, MAX_NAME_CHARS),
      name: singleLine(call.name, MAX_NAME_CHARS),
    } as const
    if (waiting.approval === undefined) yield { ...event, state: 'begun' }
    const { cause, result, what } = yield* this.#outcome(ask, call, waiting)
    this.#components.onCall({
      ask,
      call: event.call,
      tool: event.name,
      state: result.state,
      ...(what === undefined ? {} : { what: singleLine(what, MAX_WHAT_CHARS) }),
      ...(cause === undefined ? {} : { cause }),
    })
    yield { ...event, state: result.state }
    return result
  }

  async *#outcome(
    ask: EngineAsk,
    { input, name }: ToolCall,
    waiting: Waiting,
  ): AsyncGenerator<ApprovalEvent, Outcome> {
    const { guard } = this.#components
    const { signal } = waiting
    let what: string | undefined
    try {
      signal.throwIfAborted()
      const tool = this.#tools.get(name) ?? this.#more().find((other) => other.name === name)
      if (tool === undefined)
        throw new KithError('bad-request', 'there is no such tool', { what: 'tool' })
      // Before its input is looked at: what an ask may not use, it learns nothing by.
      guard.assertCovers(ask, tool)
      const plan = await tool.plan(input, ask)
      what = plan.what
      yield* guard.permit(ask, { ...plan, tool }, waiting)
      signal.throwIfAborted()
      const output = await plan.run(signal)
      return { result: resultOf(output), what }
    } catch (cause) {
      // What a tool says of its abort does not matter: the reason is the signal's.
      signal.throwIfAborted()
      if (isFailure(cause, 'store-failed')) throw cause
      return { result: refusalOf(cause), what, cause }
    }
  }
}

interface Outcome {
  result: ToolResult
  what: string | undefined
  cause?: unknown
}

function resultOf({ failed = false, source, text }: ToolOutput): ToolResult {
  const cut = cutToBytes(text, MAX_OUTPUT_BYTES)
  const shown = source === undefined ? cut.text : framed(cut.text, source)
  const note = cut.leftOut === 0 ? '' : `\n[cut here: ${cut.leftOut} more bytes]`
  return { state: failed ? 'failed' : 'done', text: `${shown}${note}` }
}

/** What an engine, and so an asker, is told of what went wrong: of a fault of ours, that there was one. */
function refusalOf(cause: unknown): ToolResult {
  if (!isFailure(cause)) return { state: 'failed', text: 'failed: the tool broke' }
  const state = cause.code === 'denied' ? 'denied' : 'failed'
  return { state, text: `${state}: ${cause.message}` }
}
