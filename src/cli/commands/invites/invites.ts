import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { listCommand } from './list.ts'
import { revokeCommand } from './revoke.ts'

/** `kith invites …`: what became of links. */
export function invitesCommand(cli: CliContext): Command {
  const invites = new Command('invites').description('what became of invites, made or redeemed')
  for (const command of [listCommand, revokeCommand])
    invites.addCommand(command(cli), { isDefault: command === listCommand })
  return invites
}
