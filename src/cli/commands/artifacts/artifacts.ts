import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { deliverCommand } from './deliver.ts'
import { listCommand } from './list.ts'
import { approveCommand, rejectCommand } from './review.ts'
import { showCommand } from './show.ts'

/** `kith artifacts …`: what jobs have made, and what a person says of it. */
export function artifactsCommand(cli: CliContext): Command {
  const artifacts = new Command('artifacts').description('what your jobs have made')
  artifacts.addCommand(listCommand(cli), { isDefault: true })
  const rest = [showCommand, approveCommand, rejectCommand, deliverCommand]
  for (const command of rest) artifacts.addCommand(command(cli))
  return artifacts
}
