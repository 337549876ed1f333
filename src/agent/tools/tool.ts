import { z } from 'zod'
import { KithError } from '../../protocol/errors.ts'
import { singleLine } from '../../protocol/text.ts'
import type { EngineAsk } from '../ports.ts'
import type { ToolIdentity } from '../presets.ts'
import type { Risk } from '../tool-guard.ts'

/** Longest complaint about an input, in code points. */
const MAX_COMPLAINT_CHARS = 200

/** What a model is told of a tool. */
export interface ToolSpec {
  name: string
  description: string
  /** A JSON schema. */
  inputSchema: Readonly<Record<string, unknown>>
}

export interface ToolOutput {
  text: string
  /** Where the text is from, when it is from outside: a file, a page, a peer. It is framed as data then. */
  source?: string
  /** True if what was wanted did not happen. */
  failed?: boolean
}

/** Something that an engine can do, with the preset class that opens it. */
export interface Tool extends ToolIdentity, ToolSpec {
  /**
   * What a call with `input` would do. Does nothing yet.
   *
   * @throws {KithError} `bad-request` for an input that does not fit
   */
  plan(input: unknown, ask: EngineAsk): ToolPlan | Promise<ToolPlan>
}

/** A call that was looked at and can be made. */
export interface ToolPlan {
  risk: Risk
  /** What would be done, for a person to judge. */
  what: string
  /** All of it, where `what` is an account. */
  details?: string
  /** Calls that are alike have one key. */
  key: string
  /** True for a call that may do another thing the next time. @default false */
  onceOnly?: boolean
  /** Does it, once. @throws {KithError} for what went wrong, with a message that the asker may see */
  run(signal: AbortSignal): Promise<ToolOutput>
}

export interface ToolDefinition<I> extends ToolIdentity {
  description: string
  input: z.ZodType<I>
  /** @default safe */
  risk?: (input: I, ask: EngineAsk) => Risk
  what: (input: I) => string
  /** All of it, where `what` is an account. */
  details?: (input: I) => string
  /** @default what it does, so that no two calls are alike unless they do the same */
  key?: (input: I) => string
  run: (input: I, context: { ask: EngineAsk; signal: AbortSignal }) => Promise<ToolOutput>
}

/** The tool that `definition` describes: its input is checked before anything else looks at it. */
export function defineTool<I>(definition: ToolDefinition<I>): Tool {
  const { name, class: toolClass, description, input: schema, what } = definition
  return {
    name,
    class: toolClass,
    description,
    inputSchema: z.toJSONSchema(schema),
    plan(given, ask) {
      const input = parsed(schema, given, name)
      return {
        risk: definition.risk?.(input, ask) ?? 'safe',
        what: what(input),
        ...(definition.details === undefined ? {} : { details: definition.details(input) }),
        key: (definition.key ?? what)(input),
        run: (signal) => definition.run(input, { ask, signal }),
      }
    },
  }
}

/** @throws {KithError} `bad-request` that names the first thing which does not fit */
export function parsed<I>(schema: z.ZodType<I>, input: unknown, tool: string): I {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  const complaint = singleLine(
    `${where}${issue?.message ?? 'it does not fit'}`,
    MAX_COMPLAINT_CHARS,
  )
  throw new KithError('bad-request', `the input of ${tool} does not fit: ${complaint}`, {
    what: `input of ${tool}`,
  })
}
