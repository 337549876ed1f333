import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { print, printJson, table } from '../../terminal.ts'

/** `kith models list`: the models in the order in which they are tried. */
export function listCommand(cli: CliContext): Command {
  return new Command('list')
    .description('show the models in the order in which they are tried')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: true }) => {
      await listModels(cli, options)
    })
}

export async function listModels(cli: CliContext, { json }: { json?: true }): Promise<void> {
  const report = await cli.client.call('models', {})
  const { engine, models } = report
  if (json === true) printJson(cli, report)
  else if (models.length === 0) print(cli, `no models: the engine ${engine} answers`)
  else print(cli, table([['MODEL', 'PRICE'], ...models.map((of) => [of.model, priceText(of)])]))
}

/** Without a known price, a cap in money refuses the model. */
export function priceText({ priced }: { priced: boolean }): string {
  return priced ? 'known' : 'not known'
}
