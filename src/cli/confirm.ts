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
  const answer = await answerTo(cli, `${question} [y/N] `)
  if (/^y(es)?$/i.test(answer)) return
  throw nothingChanged()
}

/**
 * Resolves if the owner types this text at the terminal: for what cannot be taken back, in the wrong home least of all.
 *
 * @throws {KithError} as `confirm`
 */
export async function typed(
  cli: Pick<CliContext, 'stderr' | 'stdin'>,
  question: string,
  text: string,
): Promise<void> {
  const answer = await answerTo(cli, question)
  if (answer.toLowerCase().replaceAll(/\s+/g, ' ') === text) return
  throw nothingChanged()
}

async function answerTo(
  cli: Pick<CliContext, 'stderr' | 'stdin'>,
  question: string,
): Promise<string> {
  if (!canPrompt(cli)) {
    const what = 'without a terminal, nobody can be asked: say --yes'
    throw new KithError('usage', what, { what })
  }
  const { askLine } = await import('./prompt.ts')
  return (await askLine(cli, terminalSafe(question))).trim()
}

function nothingChanged(): KithError<'cancelled'> {
  return new KithError('cancelled', 'nothing was changed', {})
}
