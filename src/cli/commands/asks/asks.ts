import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { attachCommand } from './attach.ts'
import { cancelCommand } from './cancel.ts'
import { listCommand } from './list.ts'
import { showCommand } from './show.ts'

/** `kith asks …`: the asks that this node has made and answered. */
export function asksCommand(cli: CliContext): Command {
  const asks = new Command('asks').description('the asks that this node has made and answered')
  for (const command of [listCommand, showCommand, attachCommand, cancelCommand]) {
    asks.addCommand(command(cli), { isDefault: command === listCommand })
  }
  return asks
}
