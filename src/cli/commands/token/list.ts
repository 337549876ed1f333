import { Command } from 'commander'
import type { TokenReport } from '../../../node/control/api.ts'
import type { CliContext } from '../../context.ts'
import { print, printJson, table } from '../../terminal.ts'
import { timeText } from '../../time-text.ts'

/** `kith token list`: every token, and when it was last used. */
export function listCommand(cli: CliContext): Command {
  return new Command('list')
    .description('show every token, and when it was last used')
    .option('--json', 'print one JSON array')
    .action(async (options: { json?: true }) => {
      await listTokens(cli, options)
    })
}

export async function listTokens(cli: CliContext, { json }: { json?: true }): Promise<void> {
  const tokens = await cli.client.call('tokens', {})
  if (json === true) printJson(cli, tokens)
  else if (tokens.length === 0) print(cli, 'no tokens')
  else
    print(
      cli,
      table([['TOKEN', 'SCOPE', 'TOOLS', 'MADE', 'ENDS', 'LAST USED'], ...tokens.map(row)]),
    )
}

function row({ createdAt, expiresAt, lastUsedAt, name, preset, scope }: TokenReport): string[] {
  const time = (at: number | undefined, none: string): string =>
    at === undefined ? none : timeText(at)
  return [name, scope, preset, timeText(createdAt), time(expiresAt, 'never'), time(lastUsedAt, '-')]
}
