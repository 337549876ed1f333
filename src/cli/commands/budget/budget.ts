import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { exportCommand } from './export.ts'
import { showCommand } from './show.ts'

/** `kith budget …`: what may be spent, what was, and on what. */
export function budgetCommand(cli: CliContext): Command {
  return new Command('budget')
    .description('what may be spent today, what was, and on what')
    .addCommand(showCommand(cli), { isDefault: true })
    .addCommand(exportCommand(cli))
}
