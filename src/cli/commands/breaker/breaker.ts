import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { listCommand } from './list.ts'
import { resetCommand } from './reset.ts'

/** `kith breaker …`: what keeps this node from calling what fails. */
export function breakerCommand(cli: CliContext): Command {
  const breaker = new Command('breaker').description(
    'what keeps this node from calling, again and again, what fails',
  )
  for (const command of [listCommand, resetCommand])
    breaker.addCommand(command(cli), { isDefault: command === listCommand })
  return breaker
}
