import { KithError } from '../../protocol/errors.ts'
import type { Memory } from '../memory.ts'
import type { Asker, NodeFacts, Preset } from '../ports.ts'
import type { ToolClass } from '../presets.ts'
import type { Workspace } from '../workspace.ts'

/** What the builtin engine answers from. */
export interface BuiltinComponents {
  facts: NodeFacts
  memory: Memory
  workspace: Workspace
}

/** One ask, as a command gets it. */
export interface CommandCall extends BuiltinComponents {
  asker: Asker
  /** True if the owner of the node asks. */
  owner: boolean
  preset: Preset
  /** What follows the command's name. */
  argument: string
  signal: AbortSignal
}

/** Something that the builtin engine can do. */
export interface Command {
  name: string
  /** What stands after the name, such as `PATH`. */
  parameter?: string
  summary: string
  /** Absent for what any peer that may ask may do. */
  needs?: ToolClass
  /** The answer, in pieces, each a line or a few. */
  answer(call: CommandCall): Iterable<string> | AsyncIterable<string>
}

/** The failure of a command that was called wrongly. */
export function misused(usage: string): KithError<'bad-request'> {
  return new KithError('bad-request', `say: ${usage}`, { what: `usage: ${usage}` })
}
