import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { drillCommand } from './drill.ts'
import { exportNextCommand } from './export-next.ts'
import { keepCommand } from './keep.ts'
import { recoverCommand } from './recover.ts'
import { requestCommand } from './request.ts'
import { retireCommand } from './retire.ts'
import { rotateCommand } from './rotate.ts'
import { logCommand } from './log.ts'
import { showCommand } from './show.ts'
import { signCommand } from './sign.ts'
import { statusCommand } from './status.ts'

/** `kith key …`: the keys of this node, and those that it keeps for others of its owner. */
export function keyCommand(cli: CliContext): Command {
  const key = new Command('key').description('the keys of this node: show, rotate, recover, retire')
  const commands = [
    showCommand,
    logCommand,
    statusCommand,
    rotateCommand,
    recoverCommand,
    retireCommand,
    exportNextCommand,
    keepCommand,
    requestCommand,
    signCommand,
    drillCommand,
  ]
  for (const command of commands)
    key.addCommand(command(cli), { isDefault: command === statusCommand })
  return key
}
