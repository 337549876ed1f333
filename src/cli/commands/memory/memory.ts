import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { addCommand } from './add.ts'
import { forgetCommand } from './forget.ts'
import { showCommand } from './show.ts'

/** `kith memory …`: the notes of this node, each with who said it. */
export function memoryCommand(cli: CliContext): Command {
  const memory = new Command('memory').description('the notes of this node, each with who said it')
  for (const command of [showCommand, addCommand, forgetCommand])
    memory.addCommand(command(cli), { isDefault: command === showCommand })
  return memory
}
