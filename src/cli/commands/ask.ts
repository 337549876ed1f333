import { Command } from 'commander'
import type { AskStreamItem, Input } from '../../node/control/api.ts'
import { MAX_ASK_TEXT_BYTES } from '../../protocol/limits.ts'
import type { AskFinal } from '../../protocol/verbs.ts'
import { printAnswer } from '../answer-printer.ts'
import type { AnswerOptions } from '../answer-printer.ts'
import { jobOf, limitsOf, withJob, withLimits } from '../ask-limits.ts'
import type { JobOptions, LimitOptions } from '../ask-limits.ts'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { AskFailed } from '../failure.ts'
import { positiveInteger } from '../options.ts'
import { readStdin } from '../read-stdin.ts'
import { runAsk } from '../run-ask.ts'

interface AskOptions extends AnswerOptions, LimitOptions, JobOptions {
  session?: string
  wait?: true
  /** In seconds. */
  timeout?: number
  id?: string
  retryOf?: string
}

/** `kith ask NAME TEXT`: asks a peer, or `self`, and prints the answer as it comes. */
export function askCommand(cli: CliContext): Command {
  const command = new Command('ask')
    .description('ask a peer and print its answer as it comes; Ctrl-C cancels')
    .argument('<name>', 'name of the peer, or self for this node')
    .argument('<text>', 'what to ask; - reads it from the standard input')
    .option('--session <name>', 'the conversation that it belongs to')
    .option('--wait', 'while the peer is away, keep the ask until it is back')
    .option('--timeout <seconds>', 'longest time to the end of the answer', positiveInteger)
    .option('--id <id>', "the ask's own id (UUIDv7): sent twice, it is answered once")
    .option('--retry-of <id>', 'the ask that this one tries again')
  return withJob(withLimits(command))
    .option('--no-stream', 'print the answer when it is whole')
    .option('--raw', 'leave control characters in, unless the answer goes to a terminal')
    .option('--json', 'print one JSON object for each piece; with --no-stream, one in all')
    .action(async (name: string, text: string, options: AskOptions) => {
      await ask(cli, name, text, options)
    })
}

export async function ask(
  cli: CliContext,
  name: string,
  text: string,
  options: AskOptions,
): Promise<void> {
  const asked = text === '-' ? await readStdin(cli, 'an ask', MAX_ASK_TEXT_BYTES) : text
  const request = requestOf(name, asked, options)
  const interrupts = cli.interrupts()
  try {
    const show = (items: AsyncIterable<AskStreamItem>): Promise<AskFinal> =>
      printAnswer(cli, items, options)
    const { final, ...told } = await runAsk(cli, request, show, interrupts)
    if (interrupts.first.aborted) cli.exitCode = EXIT.interrupted
    else if (final.outcome === 'failed') throw new AskFailed({ ...final, ...told })
  } catch (err) {
    if (!interrupts.first.aborted) throw err
    cli.exitCode = EXIT.interrupted
  } finally {
    interrupts.release()
  }
}

function requestOf(peer: string, text: string, options: AskOptions): Input<'ask'> {
  const { id, retryOf, session, timeout, wait } = options
  return {
    peer,
    text,
    ...(session === undefined ? {} : { session }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout * 1_000 }),
    ...(id === undefined ? {} : { ask: id }),
    ...(retryOf === undefined ? {} : { retryOf }),
    ...(wait === undefined ? {} : { wait }),
    ...limitsOf(options),
    ...jobOf(options),
  }
}
