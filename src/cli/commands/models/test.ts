import { Command } from 'commander'
import type { ModelTestReport } from '../../../node/control/api.ts'
import { KithError } from '../../../protocol/errors.ts'
import { singleLine } from '../../../protocol/text.ts'
import { sameHome } from '../../context.ts'
import type { CliContext } from '../../context.ts'
import { EXIT } from '../../exit-codes.ts'
import { paint, print, printJson } from '../../terminal.ts'
import { durationText } from '../../time-text.ts'
import { priceText } from './list.ts'

/** Longest line about a fault, in code points. */
const MAX_LINE_CHARS = 1_024

/** `kith models test [MODEL]`: makes one tiny call of each model. Exits 1 if one of them fails. */
export function testCommand(cli: CliContext): Command {
  return new Command('test')
    .description('make one tiny call of each model, and say how it went')
    .argument('[model]', 'only this one')
    .option('--json', 'print one JSON object a line')
    .action(async (model: string | undefined, options: { json?: true }) => {
      await testModels(cli, model, options)
    })
}

export async function testModels(
  cli: CliContext,
  model: string | undefined,
  { json }: { json?: true },
): Promise<void> {
  const { engine, models } = await cli.client.call('models', {})
  if (models.length === 0) {
    const what = `no model is configured: the engine ${engine} answers`
    throw new KithError(
      'usage',
      what,
      { what },
      { hint: 'set agent.engine to model in config.yaml' },
    )
  }
  const names = model === undefined ? models.map((listed) => listed.model) : [model]
  // One after the other, so that none is slowed down by another.
  for (const name of names) {
    const report = await cli.client.call('testModel', { model: name })
    if (!report.ok) cli.exitCode = EXIT.failed
    if (json === true) printJson(cli, report)
    else printTest(cli, report)
  }
}

function printTest(cli: CliContext, report: ModelTestReport): void {
  const { cause, hint, model, ms, ok } = report
  const state = ok ? paint(cli, 'green', 'ok') : paint(cli, 'red', 'failed')
  const name = singleLine(model, MAX_LINE_CHARS)
  print(cli, `${name}  ${state} after ${durationText(ms)}, price ${priceText(report)}`)
  if (cause !== undefined) print(cli, `    ${singleLine(cause, MAX_LINE_CHARS)}`)
  if (hint !== undefined) print(cli, `    try: ${singleLine(sameHome(cli, hint), MAX_LINE_CHARS)}`)
}
