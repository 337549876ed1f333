import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { createCommand } from './create.ts'
import { listCommand } from './list.ts'
import { revokeCommand } from './revoke.ts'

/** `kith token …`: by what programs reach this node over HTTP. */
export function tokenCommand(cli: CliContext): Command {
  const token = new Command('token').description('by what programs reach this node over HTTP')
  for (const command of [createCommand, listCommand, revokeCommand]) token.addCommand(command(cli))
  return token
}
