import { Command } from 'commander'
import { singleLine } from '../../../protocol/text.ts'
import type { CliContext } from '../../context.ts'
import { print, printJson } from '../../terminal.ts'

/** `kith breaker reset NAME`: lets calls through again at once. */
export function resetCommand(cli: CliContext): Command {
  return new Command('reset')
    .description('close a breaker, so that calls go through again at once')
    .argument('<name>', "its name, such as 'provider openrouter'")
    .option('--json', 'print one JSON object')
    .action(async (name: string, options: { json?: true }) => {
      await resetBreaker(cli, name, options)
    })
}

export async function resetBreaker(
  cli: CliContext,
  name: string,
  { json }: { json?: true },
): Promise<void> {
  const changed = await cli.client.call('resetBreaker', { name })
  const { after, before } = changed
  if (json === true) printJson(cli, changed)
  else print(cli, `${singleLine(after.name, 128)}: was ${before.state}, is ${after.state}`)
}
