import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { ackCommand } from './ack.ts'
import { listCommand } from './list.ts'

/** `kith alerts …`: what the owner should know, until it is acknowledged. */
export function alertsCommand(cli: CliContext): Command {
  const alerts = new Command('alerts').description('what you should know, until you acknowledge it')
  for (const command of [listCommand, ackCommand])
    alerts.addCommand(command(cli), { isDefault: command === listCommand })
  return alerts
}
