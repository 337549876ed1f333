import { KithError } from '../protocol/errors.ts'
import { terminalSafe } from '../protocol/text.ts'
import type { CliContext } from './context.ts'
import { canPrompt } from './passphrase.ts'

/**
 * Resolves if the owner says yes: by an option, or at the terminal.
 *
 * @throws {KithError} `cancelled` when they do not, `usage` when nobody can be asked
 */
export async function confirm(
  cli: Pick<CliContext, 'stderr' | 'stdin'>,
  question: string,
  { yes }: { yes?: true },
): Promise<void> {
  if (yes === true) return
  if (!canPrompt(cli)) {
    const what = 'without a terminal, nobody can be asked: say --yes'
    throw new KithError('usage', what, { what })
  }
  const { askLine } = await import('./prompt.ts')
  const answer = await askLine(cli, `${terminalSafe(question)} [y/N] `)
  if (/^y(es)?$/i.test(answer.trim())) return
  throw new KithError('cancelled', 'nothing was changed', {})
}
