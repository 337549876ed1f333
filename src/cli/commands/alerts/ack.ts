import { Command } from 'commander'
import { KithError } from '../../../protocol/errors.ts'
import type { CliContext } from '../../context.ts'
import { alertOf } from '../../full-ids.ts'
import { print, printJson } from '../../terminal.ts'

interface AckOptions {
  all?: true
  json?: true
}

/** `kith alerts ack ID` or `--all`: says that alerts were seen. */
export function ackCommand(cli: CliContext): Command {
  return new Command('ack')
    .description('acknowledge an alert, so that it is shown no more')
    .argument('[id]', 'id of the alert')
    .option('--all', 'acknowledge all that are open')
    .option('--json', 'print one JSON array of those that were open')
    .action(async (id: string | undefined, options: AckOptions) => {
      await acknowledge(cli, id, options)
    })
}

export async function acknowledge(
  cli: CliContext,
  id: string | undefined,
  { all, json }: AckOptions,
): Promise<void> {
  const alert = all === true ? 'all' : id === undefined ? undefined : await alertOf(cli, id)
  if (alert === undefined || (all === true && id !== undefined)) {
    const what = 'give the id of an alert, or --all'
    throw new KithError('usage', what, { what }, { hint: 'kith alerts list' })
  }
  const acknowledged = await cli.client.call('ackAlerts', { alert })
  if (json === true) printJson(cli, acknowledged)
  else if (acknowledged.length === 0) print(cli, 'there was nothing to acknowledge')
  else print(cli, `acknowledged ${acknowledged.length}`)
}
