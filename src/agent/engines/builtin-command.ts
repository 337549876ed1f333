import { KithError } from '../../protocol/errors.ts'
import type { Memory } from '../memory.ts'
import type { Asker, EngineAsk, NodeFacts } from '../ports.ts'
import type { ToolIdentity } from '../presets.ts'
import type { ToolGuard } from '../tool-guard.ts'
import type { Workspace } from '../workspace.ts'

/** What the builtin engine answers from. */
export interface BuiltinComponents {
  guard: ToolGuard
  facts: NodeFacts
  memory: Memory
  workspace: Workspace
}

/** One ask, as a command gets it. */
export interface CommandCall extends BuiltinComponents {
  ask: EngineAsk
  asker: Asker
  /** True if the owner of the node asks. */
  owner: boolean
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
  /** The tool of a model that does the same: whoever may not use that, may not use this. Absent for what all may do. */
  needs?: ToolIdentity
  /** The answer, in pieces, each a line or a few. */
  answer(call: CommandCall): Iterable<string> | AsyncIterable<string>
}

/** The failure of a command that was called wrongly. */
export function misused(usage: string): KithError<'bad-request'> {
  return new KithError('bad-request', `say: ${usage}`, { what: `usage: ${usage}` })
}
