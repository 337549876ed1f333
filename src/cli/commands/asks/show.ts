import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { terminalSafe } from '../../../protocol/text.ts'
import { askOf } from '../../full-ids.ts'
import { print, printJson, table } from '../../terminal.ts'
import { durationText, timeText } from '../../time-text.ts'
import { stateText, whoText } from './list.ts'

/** `kith asks show ID`: an ask's text, its answer and what became of it. */
export function showCommand(cli: CliContext): Command {
  return new Command('show')
    .description("show an ask's text, its answer and what became of it")
    .argument('<id>', 'id of the ask')
    .option('--json', 'print one JSON object')
    .action(async (id: string, options: { json?: true }) => {
      await showAsk(cli, id, options)
    })
}

export async function showAsk(
  cli: CliContext,
  id: string,
  { json }: { json?: true },
): Promise<void> {
  const report = await cli.client.call('showAsk', { ask: await askOf(cli, id) })
  if (json === true) {
    printJson(cli, report)
    return
  }
  const { answer, ask, chain, deadlineAt, final, finalAt, receivedAt, text } = report
  const details = final?.outcome === 'failed' ? Object.entries(final.details) : []
  print(
    cli,
    table([
      ['ask', ask],
      ['who', whoText(report)],
      ...(chain.length > 1 ? [['through', chain.join(' → ')]] : []),
      ['state', stateText(report)],
      ...details.map(([key, value]) => [key, String(value)]),
      ['received', timeText(receivedAt)],
      finalAt === undefined
        ? ['deadline', timeText(deadlineAt)]
        : ['ended', `${timeText(finalAt)}, after ${durationText(finalAt - receivedAt)}`],
    ]),
  )
  print(cli, `\ntext:\n${terminalSafe(text).trimEnd()}`)
  print(
    cli,
    `\nanswer${finalAt === undefined ? ' so far' : ''}:\n${terminalSafe(answer).trimEnd()}`,
  )
}
