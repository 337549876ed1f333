import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { print, printJson } from '../../terminal.ts'

/** `kith invites revoke NAME|ID`: nobody can redeem it any more, or this node stops trying to. */
export function revokeCommand(cli: CliContext): Command {
  return new Command('revoke')
    .description('take back an invite that nobody has used, or stop redeeming one')
    .argument('<which>', 'the name it is about, or its id')
    .option('--json', 'print all invites as one JSON object')
    .action(async (which: string, { json }: { json?: true }) => {
      const report = await cli.client.call('revokeInvite', { which })
      if (json === true) printJson(cli, report)
      else print(cli, `${which}: the invite is of no more use`)
    })
}
