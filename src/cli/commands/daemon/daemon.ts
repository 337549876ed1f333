import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { reloadCommand } from './reload.ts'
import { restartCommand } from './restart.ts'
import { daemonStartCommand } from './start.ts'
import { daemonStatusCommand } from './status.ts'
import { daemonStopCommand } from './stop.ts'

/** `kith daemon`: one process for every profile of this home. */
export function daemonCommand(cli: CliContext): Command {
  return new Command('daemon')
    .description('run every profile of this home in one process, in the background')
    .addCommand(daemonStartCommand(cli))
    .addCommand(daemonStopCommand(cli))
    .addCommand(restartCommand(cli))
    .addCommand(reloadCommand(cli))
    .addCommand(daemonStatusCommand(cli))
}
