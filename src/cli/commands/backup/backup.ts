import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { createCommand } from './create.ts'
import { drillCommand } from './drill.ts'
import { keygenCommand } from './keygen.ts'
import { listCommand } from './list.ts'
import { pruneCommand } from './prune.ts'
import { verifyCommand } from './verify.ts'

/** `kith backup …`: the whole home in one sealed file, and what becomes of those files. */
export function backupCommand(cli: CliContext): Command {
  const backup = new Command('backup').description(
    'back this node up into one sealed file; `kith restore` brings it back',
  )
  const commands = [
    listCommand,
    createCommand,
    verifyCommand,
    drillCommand,
    pruneCommand,
    keygenCommand,
  ]
  for (const command of commands)
    backup.addCommand(command(cli), { isDefault: command === listCommand })
  return backup
}
