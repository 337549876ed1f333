import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { listCommand } from './list.ts'
import { removeCommand } from './remove.ts'
import { showCommand } from './show.ts'

/** `kith sessions …`: what was said in the conversations with this node. */
export function sessionsCommand(cli: CliContext): Command {
  const sessions = new Command('sessions').description('the conversations that this node remembers')
  for (const command of [listCommand, showCommand, removeCommand])
    sessions.addCommand(command(cli), { isDefault: command === listCommand })
  return sessions
}
