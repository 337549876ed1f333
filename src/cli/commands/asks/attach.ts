import { Command } from 'commander'
import { printAnswer } from '../../answer-printer.ts'
import type { AnswerOptions } from '../../answer-printer.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { AskFailed } from '../../failure.ts'
import { followAsk } from '../../follow-ask.ts'
import { askOf } from '../../full-ids.ts'
import { wholeNumber } from '../../options.ts'
import { note } from '../../terminal.ts'

interface AttachOptions extends AnswerOptions {
  after: number
}

/** `kith asks attach ID`: prints an answer as it comes. Ctrl-C leaves the ask as it is. */
export function attachCommand(cli: CliContext): Command {
  return new Command('attach')
    .description('print the answer to an ask as it comes; Ctrl-C leaves the ask going on')
    .argument('<id>', 'id of the ask')
    .option('--after <n>', 'number of the last event that is known already', wholeNumber, 0)
    .option('--no-stream', 'print the answer when it is whole')
    .option('--raw', 'leave control characters in, unless the answer goes to a terminal')
    .option('--json', 'print one JSON object for each piece; with --no-stream, one in all')
    .action(async (id: string, options: AttachOptions) => {
      await attach(cli, await askOf(cli, id), options)
    })
}

export async function attach(cli: CliContext, id: string, options: AttachOptions): Promise<void> {
  const interrupts = cli.interrupts()
  const { first } = interrupts
  try {
    // Tells at once that there is no node or no such ask, and whose answer it is.
    const { direction, peer } = await cli.client.call('showAsk', { ask: id }, first)
    const final = await printAnswer(cli, followAsk(cli, id, options.after, first), options)
    if (final.outcome === 'failed') {
      throw new AskFailed({ ...final, peer: direction === 'in' ? 'self' : peer, ask: id })
    }
  } catch (err) {
    if (!first.aborted) throw err
    note(cli, `the ask goes on: kith asks attach ${id}, or kith asks cancel ${id}`)
    cli.exitCode = EXIT.interrupted
  } finally {
    interrupts.release()
  }
}
