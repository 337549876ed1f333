import { jsonSchema } from 'ai'
import type { ModelMessage, ToolSet } from 'ai'
import type { ToolSpec } from '../../tools/tool.ts'

/** What a model is asked. */
export interface ModelRequest {
  system: string
  messages: readonly ModelMessage[]
  tools: readonly ToolSpec[]
  /** False when the model is to answer with what it has. */
  mayCall: boolean
  /** Goes out before the first word of the answer. */
  lead: string
  maxOutputTokens: number
}

/** `request` in the words of the library. */
export function promptOf({ maxOutputTokens, mayCall, messages, system, tools }: ModelRequest) {
  return {
    system,
    messages: [...messages],
    maxOutputTokens,
    ...(tools.length === 0
      ? {}
      : { tools: toolSet(tools), toolChoice: mayCall ? ('auto' as const) : ('none' as const) }),
  }
}

/** Without `execute`: what runs a tool is up to the toolbox. */
function toolSet(tools: readonly ToolSpec[]): ToolSet {
  return Object.fromEntries(
    tools.map(({ description, inputSchema, name }) => [
      name,
      { description, inputSchema: jsonSchema(inputSchema) },
    ]),
  )
}
