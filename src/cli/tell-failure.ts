import { terminalSafe } from '../protocol/text.ts'
import { sameHome } from './context.ts'
import type { CliContext } from './context.ts'
import type { ExitCode } from './exit-codes.ts'
import { reportFailure } from './failure.ts'
import { note, safeJson } from './terminal.ts'

/** Tells of what was thrown, with what to type next, and gives the exit code that it leads to. */
export function tellFailure(
  cli: Pick<CliContext, 'globals' | 'stderr'>,
  err: unknown,
  { json }: { json: boolean },
): ExitCode {
  const { error, exitCode } = reportFailure(err)
  const hint = error.hint === undefined ? undefined : sameHome(cli, error.hint)
  if (json) {
    const body = { error: { ...error, ...(hint === undefined ? {} : { hint }) } }
    cli.stderr.write(`${safeJson(body)}\n`)
  } else {
    note(cli, error.message)
    if (hint !== undefined) cli.stderr.write(`try: ${terminalSafe(hint)}\n`)
  }
  return exitCode
}
