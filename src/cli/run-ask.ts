import type { AskStreamItem, Input } from '../node/control/api.ts'
import type { AskFinal } from '../protocol/verbs.ts'
import type { CliContext, Interrupts } from './context.ts'
import { reportFailure } from './failure.ts'
import { followAsk } from './follow-ask.ts'
import { note } from './terminal.ts'

/** An ask that has come to its end. */
export interface EndedAsk {
  ask: string
  /** Our name for the answerer, or `self`. */
  peer: string
  final: AskFinal
}

/**
 * Asks, and lets `show` print the answer as it comes. Cancels the ask at the first Ctrl-C, and leaves it at the second.
 *
 * @throws what the node refuses; the reason of the second Ctrl-C
 */
export async function runAsk(
  cli: CliContext,
  request: Input<'ask'>,
  show: (items: AsyncIterable<AskStreamItem>) => Promise<AskFinal>,
  { first, second }: Pick<Interrupts, 'first' | 'second'>,
): Promise<EndedAsk> {
  const { ask, peer } = await cli.client.call('ask', request, second)
  const cancel = (): void => {
    note(cli, `cancelling ${ask}; Ctrl-C again leaves it`)
    cli.client.call('cancelAsk', { ask }, second).catch((err: unknown) => {
      if (!second.aborted) note(cli, `not cancelled: ${reportFailure(err).error.message}`)
    })
  }
  if (first.aborted) cancel()
  else first.addEventListener('abort', cancel, { once: true })
  try {
    return { ask, peer, final: await show(followAsk(cli, ask, 0, second)) }
  } finally {
    first.removeEventListener('abort', cancel)
  }
}
