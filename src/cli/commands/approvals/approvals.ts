import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { denyCommand, grantCommand } from './answer.ts'
import { listCommand, showCommand } from './list.ts'
import { forgetCommand, rememberedCommand } from './remembered.ts'

/** `kith approvals …`: calls of tools that wait for a person, here or at another node of the owner's. */
export function approvalsCommand(cli: CliContext): Command {
  const approvals = new Command('approvals').description('calls of tools that wait for you')
  approvals.addCommand(listCommand(cli), { isDefault: true })
  const rest = [showCommand, grantCommand, denyCommand, rememberedCommand, forgetCommand]
  for (const command of rest) approvals.addCommand(command(cli))
  return approvals
}
