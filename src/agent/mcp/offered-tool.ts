import { createHash } from 'node:crypto'
import { terminalSafe } from '../../protocol/text.ts'
import { cutToBytes } from '../cut.ts'

/** Most that a tool may say of itself, in bytes of UTF-8: it is in each prompt. A longer schema is not offered. */
export const MAX_DESCRIPTION_BYTES = 4_096
export const MAX_SCHEMA_BYTES = 16_384
const MAX_SCHEMA_DEPTH = 32

/** Names that every provider of models takes, with that of the server before them. */
const FIT_NAME = /^[\w-]{1,64}$/

/** A tool as a model is told of it: what its server says, without controls and invisible characters. */
export interface OfferedTool {
  description: string
  /** A JSON schema, as JSON text with its keys in order. */
  inputSchema: string
}

/** A tool as its server lists it. */
export interface ListedTool {
  name: string
  description?: string | undefined
  inputSchema: Readonly<Record<string, unknown>>
}

/** `SERVER__TOOL`: what a tool of a server is called here. */
export function toolName(server: string, tool: string): string {
  return `${server}__${tool}`
}

/** What is offered of a tool, or undefined for one whose name or schema is none that a model could be told. */
export function offeredTool(server: string, tool: ListedTool): OfferedTool | undefined {
  if (!FIT_NAME.test(toolName(server, tool.name))) return undefined
  const schema = ordered(tool.inputSchema, MAX_SCHEMA_DEPTH)
  const inputSchema = schema === undefined ? '' : JSON.stringify(schema)
  if (schema === undefined || Buffer.byteLength(inputSchema) > MAX_SCHEMA_BYTES) return undefined
  const { text } = cutToBytes(terminalSafe(tool.description ?? ''), MAX_DESCRIPTION_BYTES)
  return { description: text, inputSchema }
}

/** Tells two descriptions or schemas apart: SHA-256, in hex. */
export function hashOf({ description, inputSchema }: OfferedTool): string {
  return createHash('sha256')
    .update(JSON.stringify([description, inputSchema]))
    .digest('hex')
}

/** `value` with clean texts and its keys in order, or undefined when it goes deeper than `depth`. */
function ordered(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return terminalSafe(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth === 0) return undefined
  if (Array.isArray(value)) {
    const items = value.map((item) => ordered(item, depth - 1))
    return items.includes(undefined) ? undefined : items
  }
  const entries = Object.entries(value)
    .map(([key, item]): [string, unknown] => [terminalSafe(key), ordered(item, depth - 1)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return entries.some(([, item]) => item === undefined) ? undefined : Object.fromEntries(entries)
}
