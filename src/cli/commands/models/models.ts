import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { listCommand } from './list.ts'
import { testCommand } from './test.ts'

/** `kith models …`: the models that answer asks. */
export function modelsCommand(cli: CliContext): Command {
  const models = new Command('models').description('the models that answer asks')
  for (const command of [listCommand, testCommand])
    models.addCommand(command(cli), { isDefault: command === listCommand })
  return models
}
