import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { askOf } from '../../full-ids.ts'
import { print, printJson } from '../../terminal.ts'
import { stateText } from './list.ts'

/** `kith asks cancel ID`: ends an ask, here and at its answerer. */
export function cancelCommand(cli: CliContext): Command {
  return new Command('cancel')
    .description('end an ask, here and at its answerer')
    .argument('<id>', 'id of the ask')
    .option('--json', 'print one JSON object')
    .action(async (id: string, options: { json?: true }) => {
      await cancelAsk(cli, id, options)
    })
}

export async function cancelAsk(
  cli: CliContext,
  id: string,
  { json }: { json?: true },
): Promise<void> {
  const report = await cli.client.call('cancelAsk', { ask: await askOf(cli, id) })
  if (json === true) printJson(cli, report)
  else if (report.final === undefined)
    print(cli, `${id} ends as soon as ${report.peer} hears of it`)
  else print(cli, `${id} is ${stateText(report)}`)
}
