import { Command } from 'commander'
import { singleLine } from '../../../protocol/text.ts'
import { assertPerson } from '../../assert-person.ts'
import type { CliContext } from '../../context.ts'
import { print, printJson } from '../../terminal.ts'

/** `kith token revoke NAME`: ends a token, and what goes on under it, at once. */
export function revokeCommand(cli: CliContext): Command {
  return new Command('revoke')
    .description('end a token, and what goes on under it, at once')
    .argument('<name>', 'its name or its id')
    .option('--json', 'print one JSON object')
    .action(async (token: string, options: { json?: true }) => {
      await revokeToken(cli, token, options)
    })
}

export async function revokeToken(
  cli: CliContext,
  token: string,
  { json }: { json?: true },
): Promise<void> {
  assertPerson(cli, 'revoking a token')
  const revoked = await cli.client.call('revokeToken', { token })
  if (json === true) printJson(cli, revoked)
  else print(cli, `${singleLine(revoked.name, 64)} is revoked`)
}
