import type { ToolRecord } from '../../agent/toolbox.ts'
import { isFailure } from '../../protocol/errors.ts'
import { singleLine, terminalSafe } from '../../protocol/text.ts'

/** Longest account of what went wrong, in code points. */
const MAX_WHY_CHARS = 2_000

/** What a log line says of the call of a tool that did not do it. An error may hold what a model or a server said. */
export function noteOf(
  { ask, cause, state, tool }: ToolRecord,
  redacted: (text: string) => string,
): Record<string, string> {
  const clean = (text: string): string => singleLine(redacted(terminalSafe(text)), MAX_WHY_CHARS)
  return { ask: ask.id, tool: clean(tool), state, why: clean(whyOf(cause)) }
}

/** What is foreseen says where it is from; for the rest, the stack does. */
function whyOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const own = isFailure(cause) ? `${cause.code}: ${cause.message}` : (cause.stack ?? cause.message)
  return cause.cause instanceof Error ? `${own}; cause: ${cause.cause.message}` : own
}
