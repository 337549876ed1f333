import { Command } from 'commander'
import type { BreakerReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

/** `kith breaker list`: every breaker, and when the next call may go through. */
export function listCommand(cli: CliContext): Command {
  return new Command('list')
    .description('show every breaker, and when the next call may go through')
    .option('--json', 'print one JSON array')
    .action(async (options: { json?: true }) => {
      await listBreakers(cli, options)
    })
}

export async function listBreakers(cli: CliContext, { json }: { json?: true }): Promise<void> {
  const breakers = await cli.client.call('breakers', {})
  if (json === true) printJson(cli, breakers)
  else if (breakers.length === 0) print(cli, 'no breakers')
  else print(cli, table([['BREAKER', 'STATE', 'FAILURES', 'NEXT TRY'], ...breakers.map(row)]))
}

function row({ failures, name, nextProbeAt, state }: BreakerReport): string[] {
  const next = nextProbeAt === undefined ? '-' : timeText(nextProbeAt)
  return [name, state, String(failures), next]
}
