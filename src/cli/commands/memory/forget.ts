import { Command } from 'commander'
import type { CliContext } from '../../context.ts'
import { print, printJson } from '../../terminal.ts'

interface ForgetOptions {
  source: string
  json?: true
}

/** `kith memory forget --source NAME`: takes out what one peer said. What the owner wrote by hand stays. */
export function forgetCommand(cli: CliContext): Command {
  return new Command('forget')
    .description('take out every note of one source; what was written by hand stays')
    .requiredOption('--source <name>', 'the peer that said it, or self')
    .option('--json', 'print one JSON object')
    .action(async (options: ForgetOptions) => {
      await forgetNotes(cli, options)
    })
}

export async function forgetNotes(cli: CliContext, { json, source }: ForgetOptions): Promise<void> {
  const { forgotten } = await cli.client.call('forgetNotes', { source })
  if (json === true) printJson(cli, { forgotten })
  else if (forgotten === 0) print(cli, `there was no note from ${source}`)
  else print(cli, `forgot ${forgotten} ${forgotten === 1 ? 'note' : 'notes'} from ${source}`)
}
